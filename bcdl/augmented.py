"""An old run with test-time augmentation: its answers to a few variants of each image, averaged."""

import pandas as pd
import torch
from omegaconf import DictConfig

from bcdl.conclude import SPLITS, conclude, infer
from bcdl.data import ExamDataModule
from bcdl.data.altered import with_pixels
from bcdl.data.progress import progress
from bcdl.errors import UserError
from bcdl.evaluation.assessment.members import members_section
from bcdl.evaluation.assessment.section import Section
from bcdl.evaluation.ensemble import Ensemble, ensembled
from bcdl.judge import settings_of
from bcdl.models import Classifier
from bcdl.nested import nested_evaluation
from bcdl.notebook import restore
from bcdl.subject import Subject
from bcdl.tracking import TrackingStore
from bcdl.trained import Training
from bcdl.transforms.variants import AS_IT_IS, Variant, variants

TITLE = "Test-time augmentation"
TEXT = (
    "Each sample was judged in {number} variants, all of its views alike, and the probabilities were "
    "averaged (evaluate.tta={choice}); threshold and calibration are fitted on validation samples that were "
    "averaged likewise. Disagreement is the spread over the variants. The average is tested in pairs against "
    "the image as it is, without correction for the number of tests.{note}"
)
NEVER_MIRRORED = (
    " The model was trained without mirror images (augment.flip=0): a mirrored variant is new to it, most of "
    "all where breasts are stored with the chest wall on one side."
)
AVERAGE = "average"


def judge_augmented(cfg: DictConfig, run_id: str, store: TrackingStore) -> dict[str, float]:
    """Judge a run with `evaluate.tta`, in a run nested under it.

    Args:
        cfg: the run's configuration, with the `evaluate` to apply.
        run_id: the run.
        store: the tracking store.

    Raises:
        UserError: the choice is none, or the model reads features instead of pixels.
    """
    chosen = variants(cfg.evaluate.tta)
    data, model = restore(cfg, run_id, store)
    if data.tabular:
        raise UserError(
            "evaluate.tta moves pixels, and this model reads features that were measured on the images as "
            "stored: set evaluate.tta=none"
        )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with nested_evaluation(store, run_id, cfg, data, f"tta-{cfg.evaluate.tta}") as nested:
        tables = _inferred(model, data, device, chosen)
        whole = ensembled(tables)
        sections = [_section(cfg, data, tables, whole)] if data.has_samples("test") else []
        training = Training.recorded(store, run_id)
        return conclude(nested, cfg, Subject.of(data, model), whole.table, training, sections)


def _inferred(
    model: Classifier, data: ExamDataModule, device: torch.device, chosen: dict[str, Variant]
) -> dict[str, pd.DataFrame]:
    found = {}
    with progress("infer variants", len(chosen), "variants") as advance:
        for name, variant in chosen.items():
            seen = data if name == AS_IT_IS else with_pixels(data, variant)
            found[name] = infer(model, seen, device, SPLITS)
            advance(1)
    return found


def _section(
    cfg: DictConfig, data: ExamDataModule, tables: dict[str, pd.DataFrame], whole: Ensemble
) -> Section:
    mirrored = any(name.startswith("mirrored") for name in tables)
    note = NEVER_MIRRORED if mirrored and not cfg.augment.get("flip") else ""
    return members_section(
        TITLE,
        TEXT.format(number=len(tables), choice=cfg.evaluate.tta, note=note),
        tables,
        whole.table,
        settings_of(cfg),
        unit=data.unit,
        name=AVERAGE,
        reference=AS_IT_IS,
    )
