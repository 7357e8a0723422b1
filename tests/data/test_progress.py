import pytest

from bcdl.data.progress import BYTES, progress


def test_short_work_without_a_terminal_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    with progress("prepare images", 3, "images") as advance:
        advance(3)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("unit", "shown"), [("images", "40,000,000 images in"), (BYTES, "40 MB in")])
def test_long_work_leaves_one_line(
    unit: str, shown: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bcdl.data.progress._LONG", 0.0)
    with progress("work", 40_000_000, unit) as advance:
        advance(40_000_000)
    out, err = capfd.readouterr()
    assert out == ""
    assert shown in err
    assert "a second" in err
    assert err.count("\n") == 1


def test_a_terminal_shows_count_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with progress("prepare images", 10, "images") as advance:
        advance(5)
        advance(5)
    err = capfd.readouterr().err
    assert "10/10" in err
    assert "images" in err


def test_failed_work_leaves_no_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bcdl.data.progress._LONG", 0.0)
    with pytest.raises(ValueError, match="broken"), progress("work", 2, "images"):
        raise ValueError("broken")
    assert capfd.readouterr().err == ""
