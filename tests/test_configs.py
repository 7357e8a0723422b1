from pathlib import Path

import pytest

import bcdl.configs
from bcdl.configs import compose, config_folder, group_choices
from bcdl.errors import UserError


def test_the_checkout_comes_before_a_stale_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bcdl/_conf").mkdir(parents=True)
    monkeypatch.setattr(bcdl.configs, "__file__", str(tmp_path / "bcdl/configs.py"))
    assert config_folder() == tmp_path / "bcdl/_conf"
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/train.yaml").touch()
    assert config_folder() == tmp_path / "bcdl/_conf"  # the conf/ of another package beside bcdl
    (tmp_path / "pyproject.toml").touch()
    assert config_folder() == tmp_path / "conf"


def test_groups_hide_shared_files_and_name_studies_by_their_path(tiny_conf: Path) -> None:
    groups = {group: list(choices) for group, choices in group_choices().items()}
    assert groups == {"experiments": ["study/first"], "model": ["cnn", "cnn_rnn"]}


def test_the_users_folder_adds_choices_but_replaces_none(tiny_conf: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    for name in ("model/mine.yaml", "model/cnn.yaml", "view/sheet.yaml"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_text("width: 99\n")
    groups = group_choices(str(own))
    assert groups["model"] == {
        "cnn": tiny_conf / "model/cnn.yaml",
        "cnn_rnn": tiny_conf / "model/cnn_rnn.yaml",
        "mine": own / "model/mine.yaml",
    }
    assert list(groups["view"]) == ["sheet"]
    assert compose("train", [], str(own)).model.width == 8


def test_a_missing_users_folder_is_a_mistake(tiny_conf: Path) -> None:
    with pytest.raises(UserError, match="--config-dir: expected a folder"):
        group_choices("nowhere")


def test_a_study_composes_by_its_path(tiny_conf: Path) -> None:
    assert compose("train", ["experiments=study/first"]).trainer.max_epochs == 7


def test_the_checkout_offers_its_own_studies() -> None:
    studies = Path(bcdl.configs.__file__).parents[1] / "experiments"
    expected = {path.relative_to(studies).with_suffix("").as_posix() for path in studies.glob("*/[!_]*.yaml")}
    assert set(group_choices()["experiments"]) == expected
