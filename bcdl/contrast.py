"""`bcdl compare … --test`: readings of the same samples, of runs or from files, tested in pairs."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bcdl.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from bcdl.evaluation.assessment import Assessment, Comparison
    from bcdl.tracking import TrackingStore

_TIGHT: Any = {"box": None, "padding": (0, 2, 0, 0), "pad_edge": False}  # fits 80 columns
ALPHA = 0.05  # below which two readings are told apart


@dataclass(frozen=True)
class Reading:
    """What one run or file says of some samples.

    Attributes:
        name: of the run or the file.
        assessment: what it is worth.
        fingerprint: of the run's data, empty of a file.
    """

    name: str
    assessment: "Assessment"
    fingerprint: str = ""


def readings_of_files(files: Sequence[Path]) -> list[Reading]:
    """Return the readings of files of predictions, each judged as `bcdl evaluate predictions=` does.

    Raises:
        UserError: a file is no table of predictions.
    """
    from bcdl.evaluation.assessment import Settings
    from bcdl.evaluation.given import read_given
    from bcdl.judge import judged

    settings = Settings(operating_points=_points(len(files)))
    return [Reading(file.name, judged(read_given(file, {}), settings)) for file in files]


def _points(readings: int) -> tuple[str, ...]:
    """Return the operating points at which decisions are compared: of two readings the usual ones, too."""
    return ("youden", "sensitivity=0.9", "specificity=0.9", "recall_rate=0.1") if readings == 2 else ()


def readings_of_runs(store: "TrackingStore", references: Sequence[str]) -> list[Reading]:
    """Return the readings that runs recorded of their test samples.

    Args:
        store: the tracking store.
        references: run ids, names or `latest`.

    Raises:
        UserError: there is no such run, or it recorded no predictions.
    """
    ids = [store.resolve(reference) for reference in references]
    if len(set(ids)) < len(ids):
        raise UserError(f"expected different runs, found one twice among {', '.join(references)}")
    return [_reading_of_run(store, run_id, _points(len(ids))) for run_id in ids]


def print_contrast(readings: Sequence[Reading], console: "Console", file: Path | None = None) -> None:
    """Test readings in pairs and print the tests: of two all of them, of more the first against each other.

    Args:
        readings: of the same samples.
        console: where to print.
        file: where the tests are written as JSON as well.

    Raises:
        UserError: they are not of the same samples, or the file cannot be written.
    """
    from bcdl.evaluation.assessment import paired_tests

    readings = _comparable(readings, console)
    first, *others = readings
    pairs = [paired_tests(first.assessment.levels[0], other.assessment.levels[0]) for other in others]
    _warn_of_other_data(readings, console)
    if len(others) == 1:
        _print_pair(first, others[0], pairs[0], console)
    else:
        _print_board(first, others, pairs, console)
    if file is not None:
        _write(file, first, others, pairs)


def _comparable(readings: Sequence[Reading], console: "Console") -> Sequence[Reading]:
    """Return the readings of the first one's samples, and say which are of others; of two, both."""
    if len(readings) == 2:
        return readings
    samples = [set(reading.assessment.levels[0].table["sample_id"]) for reading in readings]
    alike = [ids == samples[0] for ids in samples]
    others = [reading.name for reading, kept in zip(readings, alike, strict=True) if not kept]
    if others:
        console.print(f"Note: of other test samples, and left out: {', '.join(others)}", soft_wrap=True)
    if sum(alike) < 2:
        raise UserError(f"expected readings of the same test samples as {readings[0].name}, found none")
    return [reading for reading, kept in zip(readings, alike, strict=True) if kept]


def _reading_of_run(store: "TrackingStore", run_id: str, points: tuple[str, ...]) -> Reading:
    from omegaconf import OmegaConf

    from bcdl.evaluation import read_predictions
    from bcdl.evaluation.assessment import Settings, assess
    from bcdl.tracking.artifacts import CONFIG, JUDGED_BY, PREDICTIONS
    from bcdl.tracking.tags import FINGERPRINT_TAG

    run = store.client.get_run(run_id)
    name = run.info.run_name
    if not store.has_artifact(run_id, PREDICTIONS):
        raise UserError(f"expected predictions of the run {name}, found none: it did not come to its end")
    cfg = cast(Any, OmegaConf.load(store.download(run_id, CONFIG)))
    again = store.has_artifact(run_id, JUDGED_BY)  # a run that judges another one's model has none
    evaluate = cast(Any, OmegaConf.load(store.download(run_id, JUDGED_BY))) if again else cfg.evaluate
    table = read_predictions(store.download(run_id, PREDICTIONS))
    if not (table["split"] == "test").any():
        raise UserError(
            f"expected test samples among the predictions of {name}, found none: test it first, with bcdl "
            f"evaluate run={run_id[:8]}"
        )
    settings = Settings(threshold=evaluate.threshold, aggregate=evaluate.aggregate, operating_points=points)
    fingerprint = run.data.tags.get(FINGERPRINT_TAG, "")
    return Reading(name, assess(table, cfg.data.unit, settings), fingerprint)


def _warn_of_other_data(readings: Sequence[Reading], console: "Console") -> None:
    if len({reading.fingerprint for reading in readings}) > 1:
        console.print(
            "Note: the runs differ in the fingerprint of their data; their test samples are the same.",
            soft_wrap=True,
        )


def _print_pair(first: Reading, second: Reading, tests: Sequence["Comparison"], console: "Console") -> None:
    from rich.table import Table

    from bcdl.evaluation.assessment.page import p_text

    level = first.assessment.levels[0]
    title = f"{first.name} and {second.name}: {len(level.table):,} samples of {_patients(first):,} patients"
    table = Table("test", "metric", title=title, title_justify="left", **_TIGHT)
    for name in ("first", "second", "difference (95 %)", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    kinds = {}
    for each in tests:
        kind = each.name.partition("_")[0]
        kinds[kind] = each.test.name
        values = (f"{value:.3f}" for value in (each.first, each.second))
        metric = each.metric.replace("_", " ").replace("/", ": ")
        table.add_row(kind, metric, *values, _difference(each, 3), p_text(each.test.p_value))
    console.print(table)
    for kind, name in kinds.items():
        console.print(f"{kind}: {name}", soft_wrap=True)


def _print_board(
    first: Reading, others: Sequence[Reading], pairs: Sequence[Sequence["Comparison"]], console: "Console"
) -> None:
    """Print each reading's AUROC and whether it can be told from the first one's, corrected for number."""
    from rich.table import Table

    from bcdl.evaluation.assessment.page import p_text, with_interval
    from bcdl.stats import holm

    tested = [next(each for each in tests if each.metric == "auroc") for tests in pairs]
    corrected = holm([each.test.p_value for each in tested])
    table = Table("reading", title=f"AUROC against {first.name}", title_justify="left")
    for name in ("AUROC (95 % interval)", "difference (95 % interval)", "p", "p, Holm"):
        table.add_column(name, justify="right")
    table.add_column("told apart")
    table.add_row(first.name, with_interval(first.assessment.intervals["auroc"], 4), "-", "-", "-", "-")
    for reading, each, p_holm in zip(others, tested, corrected, strict=True):
        auroc = with_interval(reading.assessment.intervals["auroc"], 4)
        told = "yes" if p_holm < ALPHA else "no"
        table.add_row(reading.name, auroc, _difference(each), p_text(each.test.p_value), p_text(p_holm), told)
    console.print(table)


def _difference(each: "Comparison", digits: int = 4) -> str:
    from bcdl.evaluation.assessment.page import with_interval

    if each.test.difference is None:
        return f"{each.first - each.second:+.{digits}f}"
    return with_interval(each.test.difference, digits)


def _patients(reading: Reading) -> int:
    return len(set(reading.assessment.levels[0].patients.tolist()))


def _write(
    file: Path, first: Reading, others: Sequence[Reading], pairs: Sequence[Sequence["Comparison"]]
) -> None:
    facts = {
        "first": first.name,
        "samples": len(first.assessment.levels[0].table),
        "patients": _patients(first),
        "comparisons": [
            {"second": other.name, "tests": {each.name: _finite(each.facts()) for each in tests}}
            for other, tests in zip(others, pairs, strict=True)
        ],
    }
    try:
        file.write_text(json.dumps(facts, indent=2) + "\n")
    except OSError as error:
        raise UserError(
            f"cannot write {file} ({error.strerror or error}); give --json a file in a folder that exists"
        ) from error


def _finite(value: object) -> object:
    """Return a value with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
