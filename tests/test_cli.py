import subprocess
import sys
from pathlib import Path

import pytest

from bcdl import __version__
from bcdl.cli import main
from bcdl.verbs import VERBS

HEAVY = ("torch", "lightning", "mlflow", "pandas", "albumentations", "matplotlib")


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    assert all(f"  {verb}" in page and VERBS[verb].summary in page for verb in VERBS)


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"bcdl {__version__}\n"


def test_unknown_verb_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tarin"]) == 2
    captured = capsys.readouterr()
    assert "Did you mean 'train'?" in captured.err
    assert "Traceback" not in captured.err


def test_unknown_option_of_an_option_verb_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--colour"]) == 2
    assert "--colour" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["train", "--cfg", "job"], ["train", "--help"]])
def test_quick_commands_import_no_heavy_library(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from bcdl.cli import main; c = main(); print(*sys.modules, file=sys.stderr); sys.exit(c)"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not set(HEAVY) & set(done.stderr.split())
    assert not list(tmp_path.iterdir())


def test_verbs_of_the_table_answer_help(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in VERBS:
        assert main([verb, "--help"]) == 0
        assert f"bcdl {verb}" in capsys.readouterr().out
