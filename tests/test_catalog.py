from pathlib import Path

import pytest

from bcdl.cli import main


def test_list_shows_each_group_on_a_line(tiny_conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert capsys.readouterr().out == "experiments  study/first\nmodel        cnn, cnn_rnn\n"


def test_list_of_a_group_describes_its_choices(tiny_conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "model"]) == 0
    assert capsys.readouterr().out == (
        "cnn      Convolutions, shared over views.\ncnn_rnn  An encoder a view, then a GRU.\n"
    )


def test_list_of_an_unknown_group_suggests_the_nearest(
    tiny_conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "modle"]) == 2
    assert "Did you mean 'model'?" in capsys.readouterr().err


def test_list_takes_the_users_own_folder(tiny_conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("own/loss").mkdir(parents=True)
    Path("own/loss/mine.yaml").write_text("weight: 2  # no comment above\n")
    assert main(["list", "loss", "--config-dir", "own"]) == 0
    assert capsys.readouterr().out == "mine\n"
