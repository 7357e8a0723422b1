from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig

from bcdl.cli import main
from bcdl.errors import UserError


@pytest.mark.parametrize(
    ("override", "shown"),
    [
        (
            "model=cnnn",
            ["no 'cnnn' in the config group 'model'", "Did you mean 'cnn'?", "Choices: cnn, cnn_rnn"],
        ),
        ("trainer.max_epoch=3", ["no key 'trainer.max_epoch'", "Did you mean 'trainer.max_epochs'?"]),
        ("lr=3", ["no key 'lr'", "Did you mean 'optimizer.lr'?"]),
        ("modle=cnn", ["no key 'modle'", "Did you mean 'model'?"]),
        ("max_epochs", ["expected group=choice or key=value, found 'max_epochs'"]),
        ("model=[cnn", ["cannot read the override 'model=[cnn'"]),
        ("model=cnn,cnn_rnn", ["--multirun"]),
        ("~nothing", ["'nothing' does not exist"]),
    ],
)
def test_a_mistaken_override_is_explained(
    override: str, shown: list[str], tiny_conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", override]) == 2
    err = capsys.readouterr().err
    assert all(text in err for text in shown), err
    assert "Traceback" not in err
    assert "_shared" not in err


def test_a_missing_value_is_named_with_the_remedy(
    tiny_conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate"]) == 2
    assert "found none: bcdl evaluate run=<value>" in capsys.readouterr().err


def test_a_broken_interpolation_is_explained(tiny_conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "run=latest"]) == 2
    assert "nowhere.x" in capsys.readouterr().err


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "bcdl.no_such_module.Thing"},
        {"_target_": "fractions.Fraction", "no_such_argument": 1},
    ],
)
def test_an_object_that_cannot_be_built_is_explained(
    node: dict[str, object], train_with: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    train_with(lambda cfg: instantiate(node))
    assert main(["train"]) == 2
    err = capsys.readouterr().err
    assert str(node["_target_"]) in err
    assert "Traceback" not in err


def test_a_mistake_found_by_a_constructor_keeps_its_own_message(
    train_with: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    def wrapped(cfg: DictConfig) -> None:
        raise InstantiationException("Error in call to target") from UserError("expected a folder")

    train_with(wrapped)
    assert main(["train"]) == 2
    assert capsys.readouterr().err == "bcdl: expected a folder\n"


def test_a_bug_in_a_constructor_keeps_its_traceback(
    train_with: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    train_with(lambda cfg: instantiate({"_target_": "fractions.Fraction", "numerator": 1, "denominator": 0}))
    assert main(["train"]) == 1
    assert "Traceback" in capsys.readouterr().err
