"""An ensemble of runs: their recorded predictions averaged and judged as one, without models or data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import pandas as pd
from omegaconf import DictConfig, ListConfig, OmegaConf

from bcdl.errors import UserError
from bcdl.evaluation import read_predictions, resolve_threshold
from bcdl.evaluation.assessment import Section, assess, fitted_calibrator, with_probabilities, written
from bcdl.evaluation.assessment.engine import uncalibrated
from bcdl.evaluation.assessment.members import best_by_validation, members_section
from bcdl.evaluation.ensemble import Ensemble, ensembled, require_several
from bcdl.judge import class_names, settings_of
from bcdl.results import (
    VALIDATION,
    at_youden,
    interval_ends,
    print_results,
    record_written,
    results_of,
)
from bcdl.tracking import TrackedRun, TrackingStore
from bcdl.tracking.artifacts import CONFIG, PREDICTIONS
from bcdl.tracking.tags import (
    BEST_TRIAL_TAG,
    DESCRIPTION_TAG,
    FINGERPRINT_TAG,
    JOBS_TAG,
    KIND_TAG,
    MEMBERS_TAG,
    PARENT_TAG,
    PRUNED_TAG,
    TRIAL_TAG,
)

NAME, TEST = "ensemble", "test"
TEXT = (
    "The probabilities of {number} members were averaged (Lakshminarayanan et al. 2017), then calibrated. "
    "Disagreement is the standard deviation of their probabilities. The ensemble is tested against "
    "{reference}, the member of the highest AUROC on its own validation samples, in pairs and without "
    "correction for the number of tests."
)
BEST_TRIAL = "Of the sweep {}, the folds and seeds of its best trial by validation, {}, are the members."


@dataclass(frozen=True)
class Members:
    """The runs of an ensemble.

    Attributes:
        ids: of the runs, in the order in which they were named.
        parent: the run under which the ensemble's is nested: the sweep that all of them belong to, if any.
        notes: how they were chosen.
    """

    ids: tuple[str, ...]
    parent: str | None
    notes: tuple[str, ...]


def chosen_members(store: TrackingStore, given: object) -> Members:
    """Return the runs that `evaluate.runs` names.

    Args:
        store: the tracking store.
        given: a reference or several: a run id, name or `latest`, or a sweep, whose finished runs are meant;
            of a sweep of several trials with folds or seeds those of the best trial by validation.

    Raises:
        UserError: a reference leads nowhere, a sweep has no finished runs, a run is named twice, or there is
            one alone.
    """
    references = list(given) if isinstance(given, list | tuple | ListConfig) else [given]
    ids: list[str] = []
    notes: list[str] = []
    for reference in references:
        run_id = store.resolve(str(reference))
        if store.client.get_run(run_id).data.tags.get(KIND_TAG) == "sweep":
            found, note = _of_sweep(store, run_id)
            ids += found
            notes += note
        else:
            ids.append(run_id)
    twice = sorted({store.client.get_run(each).info.run_name for each in ids if ids.count(each) > 1})
    if twice:
        raise UserError(f"expected every run once in evaluate.runs, found {', '.join(twice)} again")
    require_several(len(ids))
    parents = {store.client.get_run(each).data.tags.get(PARENT_TAG) for each in ids}
    return Members(tuple(ids), parents.pop() if len(parents) == 1 else None, tuple(notes))


def judge_ensemble(cfg: DictConfig, evaluate: DictConfig, members: Members, store: TrackingStore) -> float:
    """Judge an ensemble in a run of its own, nested under the sweep of its members where there is one.

    Args:
        cfg: the composed configuration.
        evaluate: how it is judged.
        members: its runs.
        store: the tracking store.

    Returns:
        Its AUROC on the validation samples, which decide; without any that on the test samples.

    Raises:
        UserError: the members cannot be averaged.
    """
    tables = _predictions(store, members.ids)
    whole = ensembled(tables)
    run_cfg = config_of(store, members.ids[0])
    run_cfg.evaluate, run_cfg.seed = evaluate, cfg.seed
    run_cfg.evaluate.runs = list(members.ids)
    tags = {MEMBERS_TAG: ",".join(members.ids), DESCRIPTION_TAG: f"Ensemble of {', '.join(tables)}."}
    stem = f"{NAME}-of-{len(tables)}"
    with TrackedRun.start(store, stem, kind="evaluate", parent=members.parent, tags=tags) as run:
        run.log_text(OmegaConf.to_yaml(run_cfg, resolve=True), CONFIG)
        run.set_tags(_fingerprint(store, members.ids))
        results = _concluded(run, run_cfg, tables, replace(whole, notes=(*members.notes, *whole.notes)))
    return results.get("best/val/auroc", results["test/auroc"])


def config_of(store: TrackingStore, run_id: str) -> DictConfig:
    """Return the configuration that a run recorded."""
    return cast(DictConfig, OmegaConf.load(store.download(run_id, CONFIG)))


def _concluded(
    run: TrackedRun, cfg: DictConfig, tables: Mapping[str, pd.DataFrame], whole: Ensemble
) -> dict[str, float]:
    """Record predictions, metrics and the report, print the metrics, and return them by name."""
    calibrator = fitted_calibrator(whole.table, cfg.evaluate.calibration)
    predictions = with_probabilities(whole.table, calibrator)
    validation = predictions[predictions["split"] == VALIDATION]
    threshold = resolve_threshold(cfg.evaluate.threshold, validation)
    data_sets = tuple(map(str, cfg.data.get("stores") or ()))
    results = results_of(predictions, cfg.data.unit, cfg.evaluate, threshold, data_sets)
    run.log_metrics({**results, **at_youden(predictions), "threshold": threshold})
    run.log_table(predictions, PREDICTIONS)
    if cfg.evaluate.report:
        _record_report(run, cfg, tables, whole)
    what = f"ensemble of {len(tables)}: {', '.join(tables)}"
    print_results(run, results, threshold, data_sets, what)
    for note in whole.notes:
        print(f"Note: {note}")
    return results


def _record_report(
    run: TrackedRun, cfg: DictConfig, tables: Mapping[str, pd.DataFrame], whole: Ensemble
) -> None:
    settings = settings_of(cfg)
    assessment = assess(whole.table, cfg.data.unit, settings)
    files = written(
        replace(assessment, notes=(*whole.notes, *assessment.notes)),
        settings,
        title=f"Report of {run.name}",
        classes=class_names(whole.table),
        figures=cfg.evaluate.figures,
        facts={"members": ", ".join(tables), "a sample": cfg.data.unit},
        sections=[_section(cfg, tables, whole)],
    )
    record_written(run, files, pdf=cfg.evaluate.pdf)
    run.log_metrics(interval_ends(assessment))


def _section(cfg: DictConfig, tables: Mapping[str, pd.DataFrame], whole: Ensemble) -> Section:
    reference = best_by_validation(tables)
    return members_section(
        "Ensemble",
        TEXT.format(number=len(tables), reference=reference),
        tables,
        whole.table,
        settings_of(cfg),
        unit=cfg.data.unit,
        name=NAME,
        reference=reference,
    )


def _of_sweep(store: TrackingStore, sweep: str) -> tuple[list[str], list[str]]:
    """Return the finished runs of a sweep that are to be joined, and what must be said of the choice."""
    parent = store.client.get_run(sweep)
    name, tags = parent.info.run_name, parent.data.tags
    runs = store.runs(parent=sweep)
    if len(runs):
        runs = runs[runs["status"] == "FINISHED"].iloc[::-1]  # oldest first
    pruned = f"tags.{PRUNED_TAG}"
    if pruned in runs:
        runs = runs[runs[pruned] != "true"]
    if runs.empty:
        raise UserError(f"expected finished runs of the sweep {name}, found none")
    trials = runs[f"tags.{TRIAL_TAG}"]
    if int(tags.get(JOBS_TAG, "1")) == 1 or trials.nunique() == 1:
        return [str(each) for each in runs["run_id"]], []
    if BEST_TRIAL_TAG not in tags:
        raise UserError(
            f"expected the sweep {name} to have ended, so that its best trial is known, found it without; "
            "name the runs themselves in evaluate.runs"
        )
    best = tags[BEST_TRIAL_TAG]
    return [str(each) for each in runs.loc[trials == best, "run_id"]], [BEST_TRIAL.format(name, best)]


def _predictions(store: TrackingStore, ids: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return the members' predictions as their models gave them, by name; the id tells equal names apart."""
    names = [str(store.client.get_run(run_id).info.run_name) for run_id in ids]
    found = {}
    for run_id, name in zip(ids, names, strict=True):
        if not store.has_artifact(run_id, PREDICTIONS):
            raise UserError(
                f"expected predictions of the run {name}, found none: it did not come to its "
                "end; leave it out of evaluate.runs, or go on with it"
            )
        table = uncalibrated(read_predictions(store.download(run_id, PREDICTIONS)))
        if not (table["split"] == TEST).any():
            raise UserError(
                f"expected test samples among the predictions of {name}, found none; test it first, with "
                f"bcdl evaluate run={run_id[:8]}"
            )
        found[name if names.count(name) == 1 else f"{name} ({run_id[:8]})"] = table
    return found


def _fingerprint(store: TrackingStore, ids: Sequence[str]) -> dict[str, str]:
    """Return the tag of the members' data where they are the same."""
    found = {store.client.get_run(run_id).data.tags.get(FINGERPRINT_TAG, "") for run_id in ids}
    return {FINGERPRINT_TAG: found.pop()} if len(found) == 1 and "" not in found else {}
