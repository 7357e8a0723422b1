"""An old run under controlled shifts: its test samples changed, its model and threshold as they were."""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from bcdl.conclude import SPLITS, conclude, infer
from bcdl.data import ExamDataModule
from bcdl.data.altered import most_views, with_fewer_views, with_pixels
from bcdl.data.progress import progress
from bcdl.errors import UserError
from bcdl.evaluation.assessment.robustness import Condition, robustness_section, robustness_table
from bcdl.judge import settings_of
from bcdl.models import Classifier
from bcdl.nested import nested_evaluation
from bcdl.notebook import restore
from bcdl.subject import Subject
from bcdl.tracking import TrackingStore
from bcdl.trained import Training
from bcdl.transforms.shifts import MISSING_VIEW, SHIFTS, Shifted

TEST = "test"
SINGLE_VIEWS = "missing_view does not apply: every test sample has one view."
FEATURES = (
    "Of the shifts asked for, {} change pixels: the model reads features that were measured on the images as "
    "stored, and does not see them."
)


def judge_under_shifts(
    cfg: DictConfig, run_id: str, store: TrackingStore, names: Sequence[str], seed: int
) -> dict[str, float]:
    """Judge a run's test samples under shifts, in a run nested under it.

    Args:
        cfg: the run's configuration, with the `evaluate` to apply.
        run_id: the run.
        store: the tracking store.
        names: of the shifts.
        seed: of what they draw; the same one gives every run of these data the same images.

    Returns:
        The results of the untouched samples by name.

    Raises:
        UserError: the run has no test samples, or none of the shifts applies to its data.
    """
    data, model = restore(cfg, run_id, store)
    data.split_samples(TEST)
    conditions, notes = applicable(data, names)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with nested_evaluation(store, run_id, cfg, data, "shifted") as nested:
        predictions = infer(model, data, device, SPLITS)
        shifted = _inferred(model, data, device, conditions, seed)
        table, threshold = robustness_table(predictions, shifted, settings_of(cfg))
        section = robustness_section(table, threshold, notes, cfg.evaluate.figures)
        training = Training.recorded(store, run_id)
        results = conclude(nested, cfg, Subject.of(data, model), predictions, training, [section])
        nested.log_metrics(_metrics(table))
        nested.log_table(_long(shifted), "shifted_predictions.parquet")
    _print(table, notes)
    return results


def applicable(data: ExamDataModule, names: Sequence[str]) -> tuple[list[Condition], tuple[str, ...]]:
    """Return the conditions under which the test samples of some data can be judged, and what cannot be.

    Raises:
        UserError: there are none.
    """
    views = most_views(data, TEST)
    pixels = [name for name in names if name != MISSING_VIEW]
    notes = [SINGLE_VIEWS] if MISSING_VIEW in names and views == 1 else []
    if data.tabular and pixels:
        notes.append(FEATURES.format(", ".join(pixels)))
    conditions = []
    for name in names:
        shift = SHIFTS[name]
        for severity, setting in enumerate(shift.settings, start=1):
            if setting < views if shift.change is None else not data.tabular:
                conditions.append(Condition(name, severity, shift.describe(severity)))
    if not conditions:
        raise UserError(f"none of the shifts asked for applies to these data. {' '.join(notes)}")
    return conditions, tuple(notes)


def _inferred(
    model: Classifier,
    data: ExamDataModule,
    device: torch.device,
    conditions: Sequence[Condition],
    seed: int,
) -> dict[Condition, pd.DataFrame]:
    """Return the predictions table of the test samples under each condition."""
    found = {}
    with progress("infer under shifts", len(conditions), "settings") as advance:
        for each in conditions:
            changed = _changed(data, each, seed)
            found[each] = infer(model, changed, device, (TEST,))
            advance(1)
    return found


def _changed(data: ExamDataModule, condition: Condition, seed: int) -> ExamDataModule:
    if condition.shift == MISSING_VIEW:
        return with_fewer_views(data, condition.severity, seed)
    return with_pixels(data, Shifted(condition.shift, condition.severity, seed))


def _metrics(table: pd.DataFrame) -> dict[str, float]:
    """Return each condition's AUROC, named `robustness/noise/2/auroc`, and the mean of all."""
    shifted = table[table["severity"] > 0]
    found = {
        f"robustness/{shift}/{severity}/auroc": float(auroc)
        for shift, severity, auroc in shifted[["shift", "severity", "auroc"]].itertuples(index=False)
    }
    return {**found, "robustness/mean_auroc": float(shifted["auroc"].mean())}


def _long(shifted: Mapping[Condition, pd.DataFrame]) -> pd.DataFrame:
    parts = [table.assign(shift=each.shift, severity=each.severity) for each, table in shifted.items()]
    return pd.concat(parts, ignore_index=True)


def _print(table: pd.DataFrame, notes: Sequence[str]) -> None:
    """Print the table within 80 columns."""
    title = "Test samples under shifts"
    shown = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    shown.add_column("shift")
    shown.add_column("setting")
    for name in ("AUROC", "difference (95 %)", "sens.", "spec."):
        shown.add_column(name, justify="right")
    for row in table.to_dict("records"):
        ends = f"({row['difference_ci_low']:+.3f}, {row['difference_ci_high']:+.3f})"
        difference = f"{row['difference']:+.3f} {ends}" if row["severity"] else ""
        values = [f"{row[name]:.3f}" for name in ("auroc", "sensitivity", "specificity")]
        shown.add_row(row["shift"], row["setting"], values[0], difference, *values[1:])
    console = Console(highlight=False)
    console.print(shown)
    for note in notes:
        console.print(f"Note: {note}", soft_wrap=True)
