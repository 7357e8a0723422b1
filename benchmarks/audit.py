"""The audit of 20,000 stored images: `python benchmarks/audit.py`; making them takes another minute or two.

Target: `bcdl audit` of a prepared store of 256 x 128 pixels, from shell to prompt and with its report, within
3 minutes on two cores.
"""

from commands import load, scratch, seconds
from targets import Figure, show

PATIENTS, VIEWS = 5000, 4
TARGET = 180.0  # seconds


def main() -> None:
    with scratch() as folder:
        data = ["data=phantom", f"data.reader.patients={PATIENTS}"]
        print(f"making the store: {seconds('prepare', *data):.0f} s")
        taken = seconds("audit", *data, f"out={folder / 'audit'}")
    show([Figure(f"bcdl audit of {PATIENTS * VIEWS:,} stored images", taken, TARGET, "s")])
    print(load())


if __name__ == "__main__":
    main()
