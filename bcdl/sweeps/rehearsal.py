"""A sweep's dry run.

Every configuration is composed, one of each architecture does one batch, no run is kept.
"""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from bcdl.errors import RunError
from bcdl.exits import expected_error
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Space

if TYPE_CHECKING:
    from bcdl.sweeps.sweeper import StudySweeper

ARCHITECTURE = ("model", "encoder")  # the groups that make one


def rehearse(sweeper: "StudySweeper", settings: Settings, space: Space) -> None:
    """Compose every configuration of a grid, or as many as a search would try.

    And try each architecture once.

    Raises:
        RunError: some did not compose or did not do their batch; the message names each.
    """
    failed: list[str] = []
    tried: set[str] = set()
    total = 0
    for number, overrides in enumerate(_configurations(settings, space)):
        total += 1
        try:
            cfg = sweeper.compose(overrides)
            told = _try_once(sweeper, cfg, tried)
        except Exception as error:  # whatever composing, data, a model or a device raises
            reason = str(expected_error(error, "bcdl train") or f"{type(error).__name__}: {error}")
            failed.append(f"  trial {number} {' '.join(overrides)}: {reason}")
            told = "failed"
        print(f"trial {number} {' '.join(_shown(overrides, space))}: {told}", flush=True)
    jobs = f"{total} trials of {settings.jobs} jobs each" if settings.jobs > 1 else f"{total} trials"
    print(f"{jobs}, {len(tried)} architectures; nothing was recorded")
    if failed:
        raise RunError(f"{len(failed)} of {total} trials would fail:\n" + "\n".join(failed))


def _configurations(settings: Settings, space: Space) -> Iterator[list[str]]:
    if not settings.searching:
        yield from (space.overrides(point) for point in space.grid())
        return
    yield from (space.overrides(point) for point in islice(_drawn(settings, space), settings.n_trials))


def _drawn(settings: Settings, space: Space) -> Iterator[dict[str, Any]]:
    """Yield points as the sampler draws them before it has seen any result."""
    import optuna

    from bcdl.sweeps.sampling import sampler, silence_optuna

    silence_optuna()
    study = optuna.create_study(directions=list(settings.directions))
    number = 0
    while True:
        study.sampler = sampler(settings, number)
        yield space.suggest(study.ask())
        number += 1


def _try_once(sweeper: "StudySweeper", cfg: DictConfig, tried: set[str]) -> str:
    """Return what one batch of a configuration told; of an architecture seen before, that it composes."""
    choices = cfg.hydra.runtime.choices
    architecture = ", ".join(str(choices[group]) for group in ARCHITECTURE if group in choices)
    if architecture in tried:
        return "composes"
    tried.add(architecture)
    job = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
    rehearsal = getattr(sweeper.task_function, "rehearse", None)
    return str(rehearsal(job)) if rehearsal else "composes"


def _shown(overrides: list[str], space: Space) -> list[str]:
    return [text for text in overrides if text.partition("=")[0].lstrip("+") in space.keys]
