"""Optuna's samplers and pruners; a sweep that goes on gets the proposals of an undisturbed one."""

import warnings
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from bcdl.sweeps.prune import Prune
from bcdl.sweeps.settings import Settings

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

GENERATION = 10  # configurations of a generation of NSGA-II, of which the first is random


def silence_optuna() -> None:
    """Keep Optuna's notices of every trial out of the terminal; its warnings stay."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)


def sampler(settings: Settings, number: int) -> "BaseSampler":
    """Return a sampler for one configuration: all that it knows is its seed and the study's trials.

    Args:
        settings: the sweep's settings; a grid has no sampler.
        number: the configuration's number.
    """
    import numpy as np
    from optuna import samplers
    from optuna.exceptions import ExperimentalWarning

    seed = int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # Optuna 4.9 calls `constant_liar` so
        match settings.sampler:
            case "random":
                return samplers.RandomSampler(seed=seed)
            case "tpe":  # of a batch, each configuration keeps away from the ones before it
                return samplers.TPESampler(seed=seed, constant_liar=True)
            case "cmaes":  # choices are drawn at random
                return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
            case "nsga2":
                return samplers.NSGAIISampler(seed=seed, population_size=GENERATION)
    raise ValueError(f"sweep={settings.sampler} has no sampler")


def pruner(prune: Prune) -> "BasePruner":
    """Return the pruner of a sweep; one that never prunes where none is set."""
    from optuna import pruners

    match prune.by:
        case "median":
            return pruners.MedianPruner(n_startup_trials=prune.startup, n_warmup_steps=prune.warmup)
        case "percentile":
            return pruners.PercentilePruner(
                prune.percentile, n_startup_trials=prune.startup, n_warmup_steps=prune.warmup
            )
        case "hyperband":
            return pruners.HyperbandPruner(min_resource=max(1, prune.warmup))
    return pruners.NopPruner()


def should_prune(study: "Study", trial_id: int, sweep: DictConfig, value: float, epoch: int) -> bool:
    """Write what an epoch told of a trial, and return whether it is to be given up.

    Args:
        study: the sweep's study.
        trial_id: Optuna's id of the trial in its storage.
        sweep: the configuration's node of that name.
        value: the monitored metric.
        epoch: the epoch, counted from 0 or 1 alike for all.
    """
    storage = study._storage
    storage.set_trial_intermediate_value(trial_id, epoch, value)
    return pruner(Prune.of(sweep)).prune(study, storage.get_trial(trial_id))
