"""The parent run of a sweep in MLflow.

Its definition, its best so far, its results, and a status that is true.
"""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from bcdl.sweeps.definition import shown
from bcdl.sweeps.ledger import Ledger, Trial
from bcdl.tracking.places import masked, names_place, parameters
from bcdl.tracking.tags import (
    BEST_RUN_TAG,
    BEST_TRIAL_TAG,
    DESCRIPTION_TAG,
    JOBS_TAG,
    OBJECTIVES_TAG,
    SWEEP_TAG,
    VARIED_TAG,
)

if TYPE_CHECKING:
    from bcdl.tracking import TrackedRun, TrackingStore


def open_parent(
    store: "TrackingStore", ledger: Ledger, overrides: Sequence[str], keys: Sequence[str]
) -> "TrackedRun":
    """Return the parent run of a sweep: a new one, or the one that the ledger knows.

    Args:
        store: the tracking store.
        ledger: the sweep's ledger.
        overrides: those of the command line, as typed.
        keys: what varies.
    """
    from bcdl.tracking import TrackedRun

    ledger.note(varied=list(keys))
    known = ledger.facts.get("parent")
    if known is not None:
        run = TrackedRun.resume(store, known)
    else:
        run = TrackedRun.start(store, ledger.name, kind="sweep", tags={SWEEP_TAG: ledger.name})
        ledger.note(parent=run.id)
    if JOBS_TAG not in store.client.get_run(run.id).data.tags:
        _describe(run, ledger, overrides, keys)
    return run


class Progress:
    """What a parent run says of a sweep while it goes on: a point for each configuration that ended.

    Args:
        run: the parent run, open.
        ledger: the sweep's ledger.
    """

    def __init__(self, run: "TrackedRun", ledger: Ledger) -> None:
        self._run, self._ledger = run, ledger
        history = run.history(ledger.objectives)
        drawn = set.union(*(set(points) for points in history.values()))
        ended = [trial for trial in ledger.newest().values() if trial.told != "running"]
        self._seen = {trial.attempt for trial in ended if trial.told != "finished" or trial.number in drawn}

    def update(self) -> None:
        """Log the best so far after each configuration that has ended since the last call.

        And print a line each.
        """
        best: dict[str, float] = {}
        for number, trial in sorted(self._ledger.newest().items()):
            best = self._better(best, trial)
            if trial.told == "running" or trial.attempt in self._seen:
                continue
            self._seen.add(trial.attempt)
            print(self._line(trial, best), flush=True)
            if trial.told == "finished":
                self._run.log_metrics(best, number)

    def _better(self, best: dict[str, float], trial: Trial) -> dict[str, float]:
        if trial.told != "finished" or trial.values is None:
            return best
        pairs = zip(self._ledger.objectives, self._ledger.lower, trial.values, strict=True)
        return {name: (min if lower else max)(value, best.get(name, value)) for name, lower, value in pairs}

    def _line(self, trial: Trial, best: dict[str, float]) -> str:
        if trial.told != "finished" or trial.values is None:
            return f"trial {trial.number}: {trial.told}"
        values = zip(self._ledger.objectives, trial.values, strict=True)
        return f"trial {trial.number}: " + ", ".join(
            f"{name} {value:.4f} (best so far {best[name]:.4f})" for name, value in values
        )


def conclude(run: "TrackedRun", ledger: Ledger, total: int) -> None:
    """Record the best configuration and how many ended how."""
    ranked = ledger.ranked()
    run.set_tags({DESCRIPTION_TAG: _summary(ledger, ranked, total)})
    if not ranked:
        return
    best = ranked[0]
    varied = set(ledger.facts["varied"])
    pairs = [override.lstrip("+").partition("=") for override in best.overrides]
    settings = {f"best.{key}": value for key, _, value in pairs if key in varied and not names_place(key)}
    run.set_tags({BEST_TRIAL_TAG: str(best.number), BEST_RUN_TAG: best_run(ledger, best), **settings})
    means = zip(ledger.objectives, best.values or (), strict=True)
    run.log_metrics(dict(means), max(trial.number for trial in ranked))


def best_run(ledger: Ledger, trial: Trial) -> str:
    """Return the MLflow run of a configuration's best job, by validation."""
    name, lower = ledger.objectives[0], ledger.lower[0]
    best = sorted(trial.jobs, key=lambda job: job.values[name], reverse=not lower)[0]
    return str(best.run)


def counts(ledger: Ledger) -> dict[str, int]:
    """Return how many configurations ended how."""
    found: dict[str, int] = {}
    for trial in ledger.newest().values():
        found[trial.told] = found.get(trial.told, 0) + 1
    return found


def jobs_a_trial(definition: Mapping[str, Any]) -> int:
    """Return how many jobs a configuration of a sweep has, by the definition that its parent run holds."""
    return int((definition["folds"] or 1) * (definition["seeds"] or 1))


def headline(definition: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, str]:
    """Return what a sweep was, in a few words by name: its search, its jobs, its pruning, its command."""
    trials, seed = definition["n_trials"], definition["seed"]
    search = definition["sampler"] + (f", {trials} trials, seed {seed}" if trials else "")
    parts = [f"{definition[name]} {name}" for name in ("folds", "seeds") if definition[name]]
    prune = definition["prune"]
    facts = {
        "search": search,
        "jobs of a trial": " x ".join(parts),
        "pruned by": prune["by"] if prune else "",
        "command": shlex.join(["bcdl", "train", "-m", *masked(overrides)]),
    }
    return {name: text for name, text in facts.items() if text}


def _describe(run: "TrackedRun", ledger: Ledger, overrides: Sequence[str], keys: Sequence[str]) -> None:
    from bcdl.tracking import log_provenance

    run.store.client.update_run(run.id, name=ledger.name)
    run.name = ledger.name
    jobs = jobs_a_trial(ledger.facts["definition"])
    tags = {OBJECTIVES_TAG: ",".join(ledger.objectives), VARIED_TAG: ",".join(keys), JOBS_TAG: str(jobs)}
    run.log_params(parameters(overrides))
    run.log_text(OmegaConf.to_yaml(OmegaConf.create(list(overrides))), "overrides.yaml")
    run.log_text(json.dumps(shown(ledger.facts["definition"]), indent=2), "definition.json")
    log_provenance(run)
    run.set_tags(tags)


def _summary(ledger: Ledger, ranked: Sequence[Trial], total: int) -> str:
    states: dict[str, Any] = counts(ledger)
    others = "".join(f", {count} {state}" for state, count in states.items() if state != "finished")
    text = f"{states.get('finished', 0)} of {total} trials finished{others}."
    if ranked:
        values = zip(ledger.objectives, ranked[0].values or (), strict=True)
        told = ", ".join(f"{name} {value:.4f}" for name, value in values)
        text += f" Best: trial {ranked[0].number}, {told}."
    return text
