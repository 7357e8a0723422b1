"""Bytes of images: as they are, as base64, and of which kind."""

import base64

import pytest

from bcdl.imaging import ImageError
from bcdl.serving.contents import content, suffix


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_are_taken_as_they_are_and_text_as_base64(kind: type) -> None:
    assert content(kind(b"abc")) == b"abc"
    assert content(base64.encodebytes(b"abc" * 99).decode()) == b"abc" * 99


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n...", ".png"),
        (b"\xff\xd8\xff\xe0", ".jpg"),
        (b"II*\x00", ".tif"),
        (b"P5 2 2 255", ".pgm"),
        (bytes(128) + b"DICM", ".dcm"),
        (b"\x89PNG\r\n\x1a\n" + bytes(120) + b"DICM", ".dcm"),
    ],
)
def test_a_file_s_kind_is_known_by_its_bytes(data: bytes, expected: str) -> None:
    assert suffix(data) == expected


def test_bytes_of_another_kind_are_refused_without_quoting_them() -> None:
    with pytest.raises(ImageError, match="found 9 bytes of another kind"):
        suffix(b"John^Anna")
    with pytest.raises(ImageError, match="found int"):
        content(3)
