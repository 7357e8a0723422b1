import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from bcdl.errors import UserError
from bcdl.imaging import ImageError, Pixels, read_image

GREY = np.arange(12 * 8, dtype=np.uint8).reshape(12, 8)
COLOUR = np.stack([GREY, GREY + 40, GREY + 80], axis=2)  # RGB


def write(path: Path, image: NDArray[np.generic]) -> Path:
    if path.suffix == ".npy":
        np.save(path, image)
    else:
        assert cv2.imwrite(str(path), image[:, :, ::-1] if image.ndim == 3 else image)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.tiff", "a.pgm", "a.npy", "a.PNG"])
@pytest.mark.parametrize("image", [GREY, GREY.astype(np.uint16) * 300], ids=["8 bit", "16 bit"])
def test_a_lossless_grey_image_is_read_exactly(name: str, image: Pixels, tmp_path: Path) -> None:
    read = read_image(write(tmp_path / name, image)).pixels
    assert read.dtype == image.dtype
    np.testing.assert_array_equal(read, image)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy"])
def test_colour_is_read_as_rgb(name: str, tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_image(write(tmp_path / name, COLOUR)).pixels, COLOUR)


def test_a_jpeg_is_read_within_its_loss(tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
    read = read_image(write(tmp_path / "a.jpg", smooth)).pixels
    assert read.shape == smooth.shape
    assert np.abs(read.astype(int) - smooth).max() < 6


def test_transparency_is_dropped(tmp_path: Path) -> None:
    alpha = np.dstack([COLOUR[:, :, ::-1], np.full_like(GREY, 7)])
    cv2.imwrite(str(tmp_path / "a.png"), alpha)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, COLOUR)


def test_frame_is_the_page_of_a_tiff(tmp_path: Path) -> None:
    cv2.imwritemulti(str(tmp_path / "a.tif"), [GREY, GREY[::-1].copy()])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", 1).pixels, GREY[::-1])
    with pytest.raises(ImageError, match="cannot decode frame 2"):
        read_image(tmp_path / "a.tif", 2)


def test_a_big_endian_array_is_read_in_native_order(tmp_path: Path) -> None:
    read = read_image(write(tmp_path / "a.npy", GREY.astype(">u2"))).pixels
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, GREY)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".pgm", ".npy"])
@pytest.mark.parametrize("share", [0.98, 0.5, 0.01])
def test_a_truncated_file_is_refused(suffix: str, share: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 150), dtype=np.uint8)
    path = write(tmp_path / f"a{suffix}", noise)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ImageError, match=f"a{suffix}: .*expected a whole"):
        read_image(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.png", b"", "expected an image, found an empty file"),
        ("a.png", b"<html>not found</html>", "cannot decode frame 0 of 22 bytes"),
        ("a.gif", b"GIF89a", "expected a file of .png, .*, found '.gif'"),
        ("a.npy", b"none", "expected a whole array in NumPy's format"),
    ],
)
def test_a_file_of_another_kind_is_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_image(tmp_path / name)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="found no such file"):
        read_image(tmp_path / "a.png")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(ImageError, match="cannot read it"):
        read_image(tmp_path / "b.png")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (GREY.astype(np.float32), "expected pixels of 8 or 16 bit .* found float32"),
        (GREY.astype(np.int16), "found int16"),
        (GREY.reshape(-1), r"found \(96,\)"),
        (GREY.reshape(3, 4, 8), r"found \(3, 4, 8\)"),
        (GREY[:0], r"found \(0, 8\)"),
        (np.array([{}], dtype=object), "expected a whole array"),
    ],
)
def test_an_array_that_is_no_image_is_refused(
    array: NDArray[np.generic], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ImageError, match=message):
        read_image(write(tmp_path / "a.npy", array))


def test_a_tiff_of_floats_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="found float32"):
        read_image(write(tmp_path / "a.tif", GREY.astype(np.float32)))


def huge_png(path: Path) -> Path:
    """Write a PNG of 30,000 x 30,000 pixels in a file of a few hundred kilobytes."""
    pack = zlib.compressobj(9)
    row = bytes(30_001)
    data = b"".join(pack.compress(row) for _ in range(30_000)) + pack.flush()

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )
    return path


def huge_npy(path: Path) -> Path:
    """Write an array of 30,000 x 30,000 pixels as a file that is nothing but a hole."""
    np.lib.format.open_memmap(path, "w+", np.uint8, (30_000, 30_000)).flush()
    return path


@pytest.mark.parametrize("make", [huge_png, huge_npy])
def test_an_image_of_30_000_x_30_000_pixels_is_refused_in_bounded_memory(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = make(tmp_path / f"huge.{make.__name__[-3:]}")
    code = (
        "import resource, sys; from pathlib import Path; from bcdl.imaging import ImageError, read_image\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: read_image(Path(sys.argv[1]))\n"
        "except ImageError: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200_000  # kilobytes
