import logging
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from omegaconf import OmegaConf
from optuna import Study
from optuna.trial import TrialState, create_trial

from bcdl.sweeps.sampling import pruner, sampler, should_prune, silence_optuna
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Point, Space
from bcdl.sweeps.storage import open_storage

Build = Callable[..., Settings]
SEARCHES = ["random", "tpe", "cmaes", "nsga2"]
N_TRIALS = 32  # several generations of NSGA-II and CMA-ES
SPACE = [
    "lr=tag(log,interval(1e-5,1e-1))",
    "drop=interval(0,0.5)",
    "width=range(8,65,8)",
    "step=range(0,1,0.1)",
    "model=cnn,cnn_rnn,transfer",
    "model.state=int(interval(16,64))",
]


@pytest.fixture(autouse=True)
def quiet() -> None:
    silence_optuna()


@pytest.fixture
def space() -> Space:
    return Space.of(SPACE, {}, {"model.state": "model=cnn_rnn"}, searching=True)


def worth(point: Point) -> tuple[float, float]:
    """A score that is the higher the better, and one that is the lower the better."""
    lr, drop = float(point["lr"]), float(point["drop"])
    bonus = {"cnn": 0.0, "cnn_rnn": 0.2, "transfer": 0.1}[str(point["model"])]
    return bonus - (math.log10(lr) + 3) ** 2 - (drop - 0.2) ** 2, float(point["width"]) + drop


def search(
    study: Study, settings: Settings, space: Space, numbers: range, failing: tuple[int, ...] = ()
) -> list[Point]:
    points = []
    for number in numbers:
        study.sampler = sampler(settings, number)
        trial = study.ask()
        points.append(space.suggest(trial))
        if number in failing:
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, list(worth(points[-1]))[: len(settings.objectives)])
    return points


def undisturbed(settings: Settings, space: Space, **options: Any) -> list[Point]:
    study = optuna.create_study(directions=list(settings.directions))
    return search(study, settings, space, range(N_TRIALS), **options)


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("failing", [(), (3, 11)], ids=["all finish", "some fail"])
def test_a_search_that_goes_on_proposes_what_an_undisturbed_one_does(
    settings_of: Build, space: Space, tmp_path: Path, name: str, failing: tuple[int, ...]
) -> None:
    settings = settings_of(name)
    found = []
    for start in range(0, N_TRIALS, 5):  # each time from the file, as a new process would
        storage = open_storage(None, tmp_path, "s")
        study = optuna.create_study(
            study_name="s", storage=storage, directions=list(settings.directions), load_if_exists=True
        )
        found += search(study, settings, space, range(start, min(start + 5, N_TRIALS)), failing)
    assert found == undisturbed(settings, space, failing=failing)


@pytest.mark.parametrize("name", SEARCHES)
def test_proposals_asked_of_copies_do_not_depend_on_where_the_trials_are_kept(
    settings_of: Build, space: Space, tmp_path: Path, name: str
) -> None:
    settings = settings_of(name)
    directions = list(settings.directions)
    kept = optuna.create_study(directions=directions)
    optuna.create_study(study_name="s", storage=open_storage(None, tmp_path, "s"), directions=directions)

    def reopened() -> Study:
        return optuna.load_study(study_name="s", storage=open_storage(None, tmp_path, "s"))

    found = [copied(lambda: kept, settings, space), copied(reopened, settings, space)]
    assert found[0] == found[1]


def copied(opened: Callable[[], Study], settings: Settings, space: Space) -> list[Point]:
    """Ask a copy of the study for each proposal, as the sweeper does."""
    points = []
    for number in range(N_TRIALS):
        study = opened()
        copy = optuna.create_study(directions=study.directions, sampler=sampler(settings, number))
        copy.add_trials(study.get_trials(deepcopy=False))
        asked = copy.ask()
        points.append(space.suggest(asked))
        copy.tell(asked, list(worth(points[-1]))[: len(settings.objectives)])
        study.add_trial(copy.trials[-1])
    return points


@pytest.mark.parametrize("name", SEARCHES)
def test_another_seed_and_another_number_give_other_proposals(
    settings_of: Build, space: Space, name: str
) -> None:
    settings = settings_of(name)
    points = undisturbed(settings, space)
    assert len({str(point) for point in points}) > N_TRIALS / 2  # NSGA-II may cross the same pair twice
    assert undisturbed(settings_of(name, seed=1), space) != points


@pytest.mark.parametrize("name", ["tpe", "cmaes"])
def test_a_search_learns_from_what_it_tried(settings_of: Build, space: Space, name: str) -> None:
    settings = settings_of(name)
    scores = [worth(point)[0] for point in undisturbed(settings, space)]
    assert np.mean(scores[-10:]) > np.mean(scores[:10]) + 0.5


def test_nsga2_learns_both_objectives(settings_of: Build, space: Space) -> None:
    points = undisturbed(settings_of("nsga2"), space)
    first, last = np.mean([[*map(worth, points[:10])], [*map(worth, points[-10:])]], axis=1)
    assert last[0] > first[0]
    assert last[1] < first[1]


def test_configurations_of_one_batch_differ(settings_of: Build, space: Space) -> None:
    settings = settings_of("tpe")
    study = optuna.create_study(directions=list(settings.directions))
    search(study, settings, space, range(12))
    batch = []
    for number in range(12, 20):
        study.sampler = sampler(settings, number)
        batch.append(space.suggest(study.ask()))
    assert len({str(point) for point in batch}) == len(batch)


@pytest.mark.parametrize("name", SEARCHES)
def test_making_a_sampler_warns_of_nothing(settings_of: Build, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sampler(settings_of(name), 0)


def test_a_grid_has_no_sampler(settings_of: Build) -> None:
    with pytest.raises(ValueError, match="has no sampler"):
        sampler(settings_of("grid"), 0)


def test_optuna_tells_nothing_of_every_trial(
    settings_of: Build, space: Space, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed(settings_of("cmaes"), space)
    assert capsys.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == logging.WARNING


def finished(study: Study, curve: list[float]) -> None:
    study.add_trial(create_trial(value=max(curve), intermediate_values=dict(enumerate(curve, start=1))))


def ends_at(study: Study, curve: list[float], **prune: object) -> int | None:
    """Return the epoch at which a trial is pruned, None where it goes to its end."""
    sweep = OmegaConf.create({"prune": {"by": None, "startup": 3, "warmup": 2, "percentile": 25.0, **prune}})
    trial = study.ask()
    for epoch, value in enumerate(curve, start=1):
        if should_prune(study, trial._trial_id, sweep, value, epoch):
            return epoch
    return None


GOOD, POOR = [0.7, 0.8, 0.8, 0.85, 0.9, 0.9, 0.9, 0.9, 0.9], [0.5] * 9


@pytest.mark.parametrize("by", ["median", "percentile"])
def test_a_poor_configuration_is_given_up_after_its_warm_up(by: str) -> None:
    study = optuna.create_study(direction="maximize")
    for _ in range(3):
        finished(study, GOOD)
    assert ends_at(study, POOR, by=by, warmup=2) == 2
    assert ends_at(study, POOR, by=by, warmup=6) == 6
    assert ends_at(study, [value + 0.05 for value in GOOD], by=by) is None
    assert ends_at(study, POOR, by=None) is None


def test_hyperband_gives_poor_configurations_up_and_keeps_good_ones() -> None:
    study = optuna.create_study(study_name="s", direction="maximize")
    finished(study, GOOD)  # how long the others may take
    good = [ends_at(study, [value + offset / 1000 for value in GOOD], by="hyperband") for offset in range(12)]
    poor = [ends_at(study, POOR, by="hyperband") for _ in range(12)]
    assert good.count(None) > 8
    assert poor.count(None) < 4
    assert min(epoch for epoch in poor if epoch) >= 2


def test_nothing_is_pruned_before_enough_have_finished() -> None:
    study = optuna.create_study(direction="maximize")
    for _ in range(2):
        finished(study, GOOD)
    assert ends_at(study, POOR, by="median") is None
    finished(study, GOOD)
    assert ends_at(study, POOR, by="median") == 2


def test_a_percentile_keeps_the_best_so_many() -> None:
    study = optuna.create_study(direction="maximize")
    for value in (0.6, 0.7, 0.8, 0.9):
        finished(study, [value] * 5)
    assert ends_at(study, [0.75] * 5, by="percentile", percentile=25.0) == 2
    assert ends_at(study, [0.75] * 5, by="percentile", percentile=75.0) is None


def test_of_a_loss_the_higher_one_is_given_up() -> None:
    study = optuna.create_study(direction="minimize")
    for _ in range(3):
        study.add_trial(create_trial(value=0.1, intermediate_values=dict.fromkeys(range(1, 6), 0.1)))
    assert ends_at(study, [0.5] * 5, by="median") == 2
    assert ends_at(study, [0.05] * 5, by="median") is None


def test_what_an_epoch_told_is_written_and_may_be_told_again(tmp_path: Path) -> None:
    study = optuna.create_study(
        study_name="s", storage=open_storage(None, tmp_path, "s"), direction="maximize"
    )
    ends_at(study, [0.5, 0.6], by="median")
    assert ends_at(study, [0.5, 0.6], by=None) is None
    read = optuna.load_study(study_name="s", storage=open_storage(None, tmp_path, "s"))
    assert [trial.intermediate_values for trial in read.trials] == [{1: 0.5, 2: 0.6}] * 2


def test_the_pruner_is_that_of_the_settings(settings_of: Build) -> None:
    kinds = {"median": "MedianPruner", "percentile": "PercentilePruner", "hyperband": "HyperbandPruner"}
    for by, kind in {**kinds, None: "NopPruner"}.items():
        assert type(pruner(settings_of("tpe", **{"prune.by": by}).prune)).__name__ == kind
