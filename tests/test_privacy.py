"""Nothing that names a patient comes out: `PLANTED-...` stands everywhere in 500 files, and is looked for."""

import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from bcdl.data.segments import read_records
from bcdl.data.store import ImageStore
from bcdl.imaging import Imaging
from tests.planted import BURNT, MARK, SIZE, UID_ROOT, VIEWS, Planted, pixels, plant

pytestmark = pytest.mark.slow

STORED = "imaging.size=[32,32]"
TRAINING = (STORED, "trainer.max_epochs=1", "trainer.accelerator=cpu", "encoder.widths=[4,8]")
SKIP = ("data.on_bad_row=skip", "data.on_bad_image=skip")


@dataclass
class Commands:
    """Runs `bcdl` in a folder of its own, and keeps what it prints.

    Attributes:
        home: The folder: `cache`, `runs` and `audit` are to be free of marks, `config` is the user's own.
        printed: What each command printed, and its exit code.
    """

    home: Path
    printed: list[tuple[str, int, str]] = field(default_factory=list)

    def __call__(self, *typed: str) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"},
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "BCDL_TRACKING_ROOT": str(self.home / "runs"),
            "COLUMNS": "200",
        }
        program = Path(sys.executable).with_name("bcdl")
        ended = subprocess.run(
            [program, *typed], cwd=self.home, env=environment, capture_output=True, text=True, timeout=300
        )
        self.printed.append((" ".join(typed), ended.returncode, ended.stdout + ended.stderr))

    def text(self, row: int) -> str:
        """Return what a command printed, by its number."""
        return self.printed[row][2]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return plant(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def ran(planted: Planted, tmp_path_factory: pytest.TempPathFactory, database_template: Path) -> Commands:
    """Every verb on both readers, refusals first."""
    bcdl = Commands(tmp_path_factory.mktemp("home"))
    (bcdl.home / "runs").mkdir()
    shutil.copy(database_template, bcdl.home / "runs" / "mlflow.db")
    folder = ("data=dicom_folder", f"data.root={planted.root}", f"data.labels={planted.labels}")
    manifest = ("data=manifest", f"data.path={planted.manifest}", f"data.root={planted.root}")
    listed = (*manifest, "imaging=mammogram")
    bcdl("prepare", *folder, STORED)
    bcdl("prepare", *folder, STORED, SKIP[0])
    bcdl("prepare", *listed, STORED)
    bcdl("prepare", *listed, STORED, SKIP[0])
    bcdl("prepare", *folder, STORED, *SKIP)
    bcdl("audit", *folder, STORED, *SKIP, "out=audit")
    bcdl("audit", *listed, STORED, *SKIP, "out=audit/listed")
    bcdl("train", *listed, *TRAINING)
    bcdl("train", *folder, *TRAINING, *SKIP, "data.unit=breast")
    bcdl("evaluate", "run=latest")
    bcdl("view", *folder, STORED, *SKIP, f"patient={planted.patients[30]}", "out=audit/patient.png")
    return bcdl


def stored(ran: Commands) -> Iterator[Path]:
    """Yield every file that was left behind, but for the user's own."""
    for name in ("cache", "runs", "audit"):
        yield from (path for path in (ran.home / name).rglob("*") if path.is_file())


def texts(file: Path) -> Iterator[bytes]:
    """Yield a file's name, its bytes, and what is packed or compressed in them."""
    yield str(file).encode()
    yield file.read_bytes()
    if file.suffix == ".parquet":
        yield pd.read_parquet(file).to_csv().encode()
    elif file.suffix == ".db":
        with sqlite3.connect(file) as database:
            yield "\n".join(database.iterdump()).encode()
    elif zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as packed:
            yield from (packed.read(name) for name in packed.namelist())


def marks(content: bytes) -> set[str]:
    """Return the marked texts in some bytes, upper and lower case alike."""
    pattern = rf"{MARK.lower()}-[-\w.]*|{re.escape(UID_ROOT)}[.\d]*".encode()
    return {found.decode() for found in re.findall(pattern, content.lower())}


def dates(content: bytes, planted: Planted) -> set[str]:
    """Return the planted dates in some bytes that are not part of a longer number or word."""
    found = re.findall(rb"(?<![\w.])\d{4}-?\d\d-?\d\d(?![\w.])", content)
    return {text.decode() for text in found} & set(planted.dates)


def test_every_error_path_was_gone_and_every_verb_came_to_its_end(ran: Commands) -> None:
    codes = [code for _, code, _ in ran.printed]
    assert codes == [2, 2, 2, 2, 0, 0, 0, 2, 0, 0, 0], [text[-800:] for _, _, text in ran.printed]
    assert "cannot read the headers of" in ran.text(0)
    assert "The first: row" in ran.text(1)
    assert "not shown" in ran.text(2)
    assert "in row 102" in ran.text(2)
    for kind in ("undecodable", "for_processing", "implant", "modality"):
        assert kind in ran.text(4)


def test_no_command_prints_a_marked_text(ran: Commands, planted: Planted) -> None:
    for command, _, printed in ran.printed:
        assert not marks(printed.encode()), command
        assert not dates(printed.encode(), planted), command


def test_no_file_holds_a_marked_text_or_date(ran: Commands, planted: Planted) -> None:
    files = list(stored(ran))
    assert {".db", ".parquet", ".png", ".html", ".yaml", ".ckpt", ".npy", ".csv"} <= {
        file.suffix for file in files
    }
    for file in files:
        for content in texts(file):
            assert not marks(content), file
            assert not dates(content, planted), file


def test_no_file_holds_a_digest_that_a_guess_could_be_tested_by(ran: Commands, planted: Planted) -> None:
    guesses = {
        hashlib.new(name, patient.encode()).hexdigest()[:16]
        for name in ("md5", "sha1", "sha256")
        for patient in planted.patients
    }
    for file in stored(ran):
        for content in texts(file):
            words = {word.decode()[:16] for word in re.findall(rb"\b[0-9a-f]{16,64}\b", content)}
            assert not words & guesses, file


def test_parameters_and_tags_say_nothing_of_where_files_lie(ran: Commands, planted: Planted) -> None:
    with sqlite3.connect(ran.home / "runs" / "mlflow.db") as database:
        told = "\n".join(database.iterdump())
    assert "data.unit" in told
    assert "***" in told
    assert str(planted.root) not in told
    assert planted.labels.name not in told


def test_the_search_finds_the_marks_in_what_only_the_user_can_read(ran: Commands, planted: Planted) -> None:
    links = sorted((ran.home / "config" / "bcdl" / "links").iterdir())
    assert {file.stat().st_mode & 0o777 for file in links} == {0o600}
    found = set().union(*(marks(content) for file in links for content in texts(file)))
    in_no_table = {0, 3, 4}  # unreadable, and no DICOM files
    expected = {f"planted-file-{number}.dcm" for number in range(500) if number not in in_no_table}
    assert expected <= found
    assert {patient.lower() for patient in planted.patients} <= found
    assert f"{UID_ROOT}.3.60" in found
    assert dates(planted.manifest.read_bytes(), planted)


def test_messages_name_files_that_the_user_can_look_up(ran: Commands) -> None:
    links = pd.read_csv(ran.home / "config" / "bcdl" / "links" / "dicom_folder-messages.csv")
    pseudonym = links.set_index("name")["pseudonym"][f"{MARK}-folder-0/{MARK}-file-0.dcm"]
    assert f"{pseudonym}: expected" in ran.text(0)
    assert "dicom_folder-messages.csv says what the messages name" in ran.text(0)


def test_dates_are_days_and_high_ages_one_class(ran: Commands) -> None:
    tables = [pd.read_parquet(file) for file in stored(ran) if file.name == "images.parquet"]
    assert len(tables) == 2
    for table in tables:
        assert set(table["exam_day"].dropna()) == {0.0}
        assert not table["age"].gt(90).any()
    assert any(table["age"].eq(90).sum() > 4 for table in tables)


def test_what_is_burnt_in_beside_the_breast_is_blank_in_the_store(ran: Commands) -> None:
    folders = [file.parent for file in stored(ran) if file.name == "store.json"]
    stores = [ImageStore(folder, read_records(folder).dropna(subset="checksum")) for folder in folders]
    assert len(stores) == 2
    for store, row in ((each, row) for each in stores for row in range(len(each))):
        mirrored = store.geometry(row).mirrored
        box = (SIZE[1] - BURNT[2], BURNT[1], SIZE[1] - BURNT[0], BURNT[3]) if mirrored else BURNT
        x0, y0, x1, y1 = (round(side) for side in store.geometry(row).box(box))
        assert (x1 - x0) * (y1 - y0) >= 4
        assert not store[row][y0:y1, x0:x1].any()
        assert store[row].any()


@pytest.mark.parametrize("view", range(len(VIEWS)))
def test_the_burnt_in_pattern_would_be_seen_were_it_not_blanked(view: int) -> None:
    kept = Imaging((32, 32), crop="breast", orient="left").prepare(pixels(view, malignant=False))
    mirrored = kept.geometry.mirrored
    box = (SIZE[1] - BURNT[2], BURNT[1], SIZE[1] - BURNT[0], BURNT[3]) if mirrored else BURNT
    x0, y0, x1, y1 = (round(side) for side in kept.geometry.box(box))
    assert kept.pixels[y0:y1, x0:x1].all()
