from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from bcdl.configs import config_folder
from bcdl.errors import UserError
from bcdl.sweeps import settings as module
from bcdl.sweeps.settings import SAMPLERS, Settings

Build = Callable[..., Settings]
FILES = sorted((config_folder() / "sweep").glob("*.yaml"))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_has_settings_that_hold_as_they_are(settings_of: Build, sampler: str) -> None:
    settings = settings_of(sampler)
    assert settings.sampler == sampler
    assert settings.searching == (sampler != "grid")
    assert settings.n_trials == (None if sampler == "grid" else 20)
    assert settings.test == ("all" if sampler == "grid" else "best")
    assert settings.jobs == 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_of_settings_is_short_and_says_what_it_is(file: Path) -> None:
    lines = file.read_text().splitlines()
    assert len(lines) <= 30
    assert lines[0].startswith("# ")
    assert file.stem in ("_shared", *SAMPLERS)


def test_what_is_optimised_is_by_default_what_the_best_checkpoint_is_chosen_by(settings_of: Build) -> None:
    settings = settings_of(monitor="val/brier")
    assert settings.objectives == ("best/val/brier",)
    assert settings.directions == ("minimize",)


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("best/val/auroc", "maximize"),
        ("best/val/loss", "minimize"),
        ("best/val/patient/brier", "minimize"),
        ("best/val/breast/auroc", "maximize"),
        ("best/val/youden/sensitivity", "maximize"),
    ],
)
def test_an_objective_may_be_any_metric_of_any_level(settings_of: Build, name: str, direction: str) -> None:
    assert settings_of(objective=name).directions == (direction,)
    assert settings_of(objective=[name]).objectives == (name,)


def test_several_objectives_keep_their_order(settings_of: Build) -> None:
    settings = settings_of("nsga2", objective=["best/val/loss", "best/val/auroc"])
    assert settings.objectives == ("best/val/loss", "best/val/auroc")
    assert settings.directions == ("minimize", "maximize")


@pytest.mark.parametrize("name", ["test/auroc", "best/test/auroc", "test/patient/auroc"])
def test_the_test_samples_are_never_an_objective(settings_of: Build, name: str) -> None:
    with pytest.raises(UserError, match=r"result on the test samples.*choose by best/val/auroc"):
        settings_of(objective=name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("val/auroc", "not of the last epoch, found 'val/auroc'; did you mean best/val/auroc"),
        ("brier", "did you mean best/val/brier"),
        ("best/val/auroc/", "best/val/<metric>"),
        ("best/val/", "best/val/<metric>"),
        ("best/val/a/b/auroc", "best/val/<level>/<metric>"),
        ("best/val/aurok", "Did you mean 'auroc'"),
        ("best/val/patient/kappa", "to end with one of auroc"),
        (3, "found 3"),
        ([], r"found \[\]"),
        (["best/val/auroc", "best/val/auroc"], "expected different names"),
    ],
)
def test_what_is_no_objective_is_refused(settings_of: Build, name: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        settings_of("nsga2" if isinstance(name, list) else "grid", objective=name)


@pytest.mark.parametrize("sampler", ["grid", "random", "tpe", "cmaes"])
def test_several_objectives_need_nsga2(settings_of: Build, sampler: str) -> None:
    with pytest.raises(UserError, match=r"takes one objective.*sweep=nsga2"):
        settings_of(sampler, objective=["best/val/auroc", "best/val/brier"])


def test_nsga2_needs_several_objectives(settings_of: Build) -> None:
    with pytest.raises(UserError, match=r"two or more.*found best/val/auroc"):
        settings_of("nsga2", objective="best/val/auroc")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("n_trials", 0, "sweep.n_trials to be null or a whole number of at least 1, found 0"),
        ("n_trials", 2.5, "found 2.5"),
        ("n_trials", True, "found true"),
        ("n_trials", "many", "found 'many'"),
        ("n_trials", None, "how many configurations to try, found null"),
        ("batch", 0, "sweep.batch to be null or a whole number of at least 1"),
        ("folds", 1, "sweep.folds to be null or a whole number of at least 2"),
        ("seeds", 0, "sweep.seeds to be null or a whole number of at least 1"),
        ("seeds", [0, 1], r"found \[0, 1\]"),
        ("test", "any", "sweep.test to be one of all, best, none, found 'any'"),
        ("test", None, "found null"),
        ("test", False, "found false"),
        ("retries", -1, "sweep.retries to be a whole number of at least 0"),
        ("retries", None, "found null"),
        ("max_failures", -1, "sweep.max_failures to be null or a whole number of at least 0"),
        ("seed", -1, "sweep.seed to be a whole number of at least 0"),
        ("storage", "", "sweep.storage to be null or a text"),
        ("storage", 5432, "sweep.storage to be null or a text, found 5432"),
        ("dry_run", "yes", "sweep.dry_run to be true or false, found 'yes'"),
        ("stale_after", 0, "sweep.stale_after to be a number above 0"),
        ("stale_after", "10m", "found '10m'"),
        ("space", "model=cnn", "sweep.space to be a mapping"),
        ("when", "model=cnn", "sweep.when to be a mapping"),
        ("prune.by", "mean", "sweep.prune.by to be null or one of median.*Did you mean 'median'"),
        ("prune.by", "none", "sweep.prune.by to be null or one of"),
        ("prune.startup", -1, "sweep.prune.startup to be a whole number of at least 0"),
        ("prune.warmup", 1.5, "sweep.prune.warmup"),
        ("prune.percentile", 0, "sweep.prune.percentile to be a number above 0 and below 100"),
        ("prune.percentile", 100, "found 100"),
        ("prune", "median", "sweep.prune to be a node with the keys by, startup"),
        ("prune.patience", 3, "sweep.prune has no key 'patience'"),
        ("n_trails", 3, "sweep has no key 'n_trails'. Did you mean 'n_trials'"),
    ],
)
def test_a_value_out_of_its_range_is_refused_by_name(
    settings_of: Build, key: str, value: object, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        settings_of("tpe", **{key: value})


def test_an_unknown_sampler_is_refused() -> None:
    node = OmegaConf.merge(*(OmegaConf.load(file) for file in FILES if file.stem in ("_shared", "tpe")))
    del node["defaults"]
    node.sampler = "tpee"
    with pytest.raises(UserError, match=r"sweep.sampler to be one of grid.*Did you mean 'tpe'"):
        Settings.of(node, "val/auroc")  # type: ignore[arg-type]


def test_a_missing_key_is_named() -> None:
    with pytest.raises(UserError, match=r"expected a value for .*sweep\.n_trials.*_shared"):
        Settings.of(OmegaConf.create({"sampler": "tpe"}), "val/auroc")


def test_a_grid_takes_no_number_of_trials(settings_of: Build) -> None:
    with pytest.raises(UserError, match=r"sweep.n_trials=40.*sweep=random or sweep=tpe"):
        settings_of("grid", n_trials=40)


@pytest.mark.parametrize("name", ["lr-3f2a", "2026", "a.b_c", "x" * 100])
def test_a_name_that_a_folder_can_have_is_kept(settings_of: Build, name: str) -> None:
    assert settings_of(name=name).name == name


def test_a_name_may_be_a_whole_number(settings_of: Build) -> None:
    assert settings_of(name=2026).name == "2026"


@pytest.mark.parametrize("name", ["", "a/b", "../up", ".hidden", "a b", "é", "x" * 101, "latest", 1.1, True])
def test_a_name_that_no_folder_should_have_is_refused(settings_of: Build, name: object) -> None:
    with pytest.raises(UserError, match=r"sweep\.name"):
        settings_of(name=name)


def test_folds_and_seeds_multiply_the_jobs_of_a_configuration(settings_of: Build) -> None:
    assert settings_of(folds=5).jobs == 5
    assert settings_of(seeds=3).jobs == 3
    assert settings_of(folds=5, seeds=3).jobs == 15


def test_nested_keys_of_the_space_mean_the_same_as_dotted_ones(settings_of: Build) -> None:
    nested = settings_of(space={"optimizer": {"lr": "1e-4,1e-3"}, "model.dropout": [0.1, 0.2]})
    assert nested.space == {"optimizer.lr": "1e-4,1e-3", "model.dropout": [0.1, 0.2]}
    assert settings_of(space=None).space == {}


def test_cmaes_without_its_package_says_which_extra(
    settings_of: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'bcdl\[cmaes\]'"):
        settings_of("cmaes")
    assert settings_of("tpe")


def test_pruning_takes_one_objective(settings_of: Build) -> None:
    with pytest.raises(UserError, match=r"sweep.prune.by=median compares one metric"):
        settings_of("nsga2", **{"prune.by": "median"})


def test_pruning_by_a_metric_that_is_better_the_other_way_is_refused(settings_of: Build) -> None:
    with pytest.raises(
        UserError, match=r"callbacks\.best\.monitor=val/auroc or sweep\.objective=best/val/loss"
    ):
        settings_of("tpe", monitor="val/loss", objective="best/val/auroc", **{"prune.by": "median"})
    assert settings_of("tpe", monitor="val/loss", objective="best/val/brier", **{"prune.by": "median"})
    assert settings_of("tpe", monitor="val/loss", objective="best/val/auroc")


def test_a_monitor_that_is_no_validation_metric_is_refused(settings_of: Build) -> None:
    with pytest.raises(UserError, match=r"callbacks\.best\.monitor"):
        settings_of(monitor="train/loss")
