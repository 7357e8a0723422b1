"""Predictions judged as a configuration says: those of a run, or anyone's from a file; needs no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from bcdl.errors import RunError, UserError
from bcdl.evaluation.assessment import Assessment, Section, Settings, Written, assess, written
from bcdl.evaluation.assessment.engine import DECISION
from bcdl.evaluation.assessment.errors import listed_errors
from bcdl.evaluation.assessment.files import CALIBRATOR, PAGE, TABLES
from bcdl.evaluation.assessment.files import METRICS as METRICS_FILE
from bcdl.evaluation.assessment.page import with_interval
from bcdl.evaluation.given import Given, read_given
from bcdl.evaluation.levels import SAMPLE, probability_columns
from bcdl.pages import require_pdf, to_pdf
from bcdl.scores import METRICS

_OF_THE_REPORT = ("report", "figures", "errors", "pdf")  # what it holds, not how it judges
_AFTERWARDS = ("shifts", "tta", "runs")  # what infers again, or joins runs: `bcdl evaluate` alone does it


def settings_of(cfg: DictConfig) -> Settings:
    """Return how the `evaluate` group of a configuration judges.

    Raises:
        UserError: a value is none that it can have, or a PDF is asked for that cannot be made.
    """
    _check_report(cfg.evaluate)
    others = (*_OF_THE_REPORT, *_AFTERWARDS)
    values = {str(key): value for key, value in cfg.evaluate.items() if key not in others}
    return Settings(**values, seed=cfg.seed)


def asked_afterwards(cfg: DictConfig) -> list[str]:
    """Return which of `shifts`, `tta` and `runs` a configuration asks for."""
    return [name for name in _AFTERWARDS if cfg.evaluate[name] not in (None, "none")]


def require_nothing_afterwards(cfg: DictConfig) -> None:
    """Refuse to train with what is for runs that are trained.

    Raises:
        UserError: the configuration asks for shifts, test-time augmentation or an ensemble.
    """
    asked = asked_afterwards(cfg)
    if asked:
        run = "" if asked == ["runs"] else "run=latest "
        raise UserError(
            f"evaluate.{asked[0]} is for runs that are trained: train without it, then type bcdl evaluate "
            f"{run}evaluate.{asked[0]}=…"
        )


def judged(given: Given, settings: Settings) -> Assessment:
    """Return what predictions from a file are worth, with what must be known of the file."""
    found = assess(given.table, SAMPLE, settings, given.has_patients)
    return replace(found, notes=(*given.notes, *found.notes))


def judge_file(cfg: DictConfig) -> float:
    """Judge the predictions of a file, write the report into `out`, print it, and return the AUROC.

    Raises:
        UserError: the file is not a table of predictions, or `out` no folder that can be written.
    """
    path, settings = Path(cfg.predictions), settings_of(cfg)
    given = read_given(
        path, {str(name): column for name, column in cfg.columns.items() if column is not None}
    )
    assessment = judged(given, settings)
    files = written(
        assessment,
        settings,
        title=f"Evaluation of {path.name}",
        classes=class_names(given.table),
        columns=given.subgroups,
        figures=cfg.evaluate.figures,
        sections=_errors(assessment, class_names(given.table), cfg.evaluate.errors),
    )
    write_folder(files, Path(cfg.out), pdf=cfg.evaluate.pdf)
    print_assessment(assessment, path.name)
    print(f"{Path(cfg.out) / 'report.html'}: the whole report")
    return assessment.intervals["auroc"].value


def write_folder(files: Written, folder: Path, pdf: bool = False) -> None:
    """Write an assessment into a folder, over an earlier one; the page as a PDF too where asked.

    Raises:
        UserError: it cannot be made or written to.
    """
    try:
        _clear(folder)
        for name, content in _contents(files, pdf).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise UserError(
            f"expected out to name a folder that can be written, found '{folder}' ({error.strerror})"
        ) from error
    except OSError as error:
        raise RunError(f"the report could not be written to '{folder}': {error.strerror}") from error


def print_assessment(assessment: Assessment, title: str) -> None:
    """Print each level's metrics with their intervals, and what a reader must know."""
    table = Table("metric", title=f"{title}, 95 % intervals", title_justify="left")
    intervals = [level.intervals for level in assessment.levels]
    for level in assessment.levels:
        table.add_column(f"{level.level} ({len(level.table):,})", justify="right")
    for name in METRICS:
        table.add_row(name, *(with_interval(of_level[name]) for of_level in intervals))
    console = Console(highlight=False)
    console.print(table)
    for note in assessment.notes:
        console.print(f"Note: {note}", soft_wrap=True)


def class_names(table: pd.DataFrame) -> tuple[str, ...]:
    """Return what classes are called where predictions alone are known."""
    columns = probability_columns(table)
    if len(columns) == 1:
        return "negative", "positive"
    return tuple(f"class {name.removeprefix('probability_')}" for name in columns)


def _check_report(evaluate: DictConfig) -> None:
    errors = evaluate.errors
    if not isinstance(errors, int) or errors < 0:
        raise UserError(
            f"expected evaluate.errors to be the number of errors to show, 0 for none, found {errors}"
        )
    if evaluate.pdf:
        require_pdf()


def _errors(assessment: Assessment, classes: Sequence[str], count: int) -> list[Section]:
    """Return the section of the worst errors, where any are to be shown."""
    if count == 0:
        return []
    level = assessment.levels[0]
    return [listed_errors(level.table, level.thresholds[DECISION], classes, count)]


def _clear(folder: Path) -> None:
    """Remove an earlier report, so that none of its tables and figures stays beside this one's."""
    if not (folder / PAGE).is_file():
        return
    names = [*TABLES, METRICS_FILE, CALIBRATOR, "report.pdf"]
    figures = [file for file in (folder / "figures").glob("*") if file.suffix in (".png", ".jpg")]
    for file in [*(folder / name for name in names), *figures]:
        file.unlink(missing_ok=True)


def _contents(files: Written, pdf: bool) -> Mapping[str, bytes]:
    texts = {name: text.encode() for name, text in files.texts.items()}
    tables = {name: table.to_csv(index=False).encode() for name, table in files.tables.items()}
    sheets = {"report.pdf": to_pdf(files.texts[PAGE])} if pdf else {}
    return {**texts, **tables, **files.pictures, **sheets}
