import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bcdl.cli import main
from bcdl.completion import SHELLS, complete


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bcdl tr", ["train"]),
        ("bcdl --ver", ["--version"]),
        ("bcdl train --mul", ["--multirun"]),
        ("bcdl train mod", ["model.", "model="]),
        ("bcdl train model=", ["model=cnn", "model=cnn_rnn"]),
        ("bcdl train -m model=cnn,cnn_", ["model=cnn,cnn_rnn"]),
        ("bcdl train experiments=study/", ["experiments=study/first"]),
        ("bcdl train model=cnn_rnn trainer.", ["trainer.max_epochs="]),
        ("bcdl train seed=1 -m optimizer.l", ["optimizer.lr="]),
        ("bcdl list --con", ["--config-dir"]),
        ("bcdl completion ", ["bash", "fish", "zsh"]),
        ("bcdl nothing ", []),
    ],
)
def test_the_last_word_is_completed(line: str, expected: list[str], tiny_conf: Path) -> None:
    assert complete(line) == expected


def test_a_new_word_may_be_a_group_or_a_key(tiny_conf: Path) -> None:
    found = complete("bcdl train ")
    assert {"model=", "seed=", "trainer."} <= set(found)


def test_the_users_own_choices_are_completed(tiny_conf: Path) -> None:
    Path("own/model").mkdir(parents=True)
    Path("own/model/mine.yaml").touch()
    assert complete("bcdl train --config-dir own model=m") == ["model=mine"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_a_shell_asks_bcdl(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert f"completion {shell} --complete=" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("line", "words", "expected"),
    [
        ("bcdl tr", ["bcdl", "tr"], ["train"]),
        ("bcdl list --config", ["bcdl", "list", "--config"], ["--config-dir"]),
        ("bcdl view data=pha", ["bcdl", "view", "data", "=", "pha"], ["phantom"]),
    ],
)
def test_bash_completes_the_part_that_it_replaces(line: str, words: list[str], expected: list[str]) -> None:
    typed = " ".join(f"'{word}'" for word in words)
    script = f"""
eval "$(bcdl completion bash)"
COMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDS=({typed}) COMP_CWORD={len(words) - 1}
_bcdl_complete bcdl
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    assert _printed("bash", script) == expected


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bcdl tr", ["train"]),
        ("bcdl list --config", ["--config-dir"]),
        ("bcdl train -m model=cnn,tr", ["model=cnn,transfer"]),
    ],
)
def test_fish_completes_the_whole_word(line: str, expected: list[str]) -> None:
    assert _printed("fish", f"bcdl completion fish | source; complete -C '{line}'") == expected


def _printed(shell: str, script: str) -> list[str]:
    """Return the words that a script prints, in a shell that finds this environment's bcdl first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [shell, "-c", script], capture_output=True, text=True, check=True, env={**os.environ, "PATH": path}
    )
    return done.stdout.split()
