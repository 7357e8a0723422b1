"""What was applied and what came of it: for `summary.json`, and as a table in the terminal."""

import math
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from bcdl import __version__
from bcdl.explain import Novelty
from bcdl.notebook import Run
from bcdl.prediction.applied import Applied
from bcdl.serving.answer import probability_columns
from bcdl.serving.facts import Facts
from bcdl.stats import wilson
from bcdl.tracking.tags import FINGERPRINT_TAG

_LIBRARIES = ("torch", "torchvision", "numpy", "opencv-python-headless", "scikit-learn", "pydicom")
Described = dict[str, Any]


def described(run: Run, how: Applied) -> Described:
    """Return which model and which rules were applied, in plain values."""
    facts, rules = how.facts, how.rules
    found = run.store.client.get_run(run.id)
    two = facts.num_classes == 2
    return {
        "run": {
            "id": run.id,
            "name": found.info.run_name,
            "data_fingerprint": found.data.tags.get(FINGERPRINT_TAG),
            "trained_by": found.data.tags.get("bcdl.version"),
        },
        "versions": {"bcdl": __version__} | {name: seen for name in _LIBRARIES if (seen := _version(name))},
        "unit": facts.unit,
        "classes": list(facts.classes),
        "calibration": {
            "method": rules.calibrator.method,
            "parameters": list(rules.calibrator.parameters),
            "fitted_on": "validation",
        },
        "decision": {
            "positive": facts.classes[1] if two else None,
            "threshold": rules.threshold,
            "origin": rules.origin,
            "patient_rule": rules.rule.name,
            "patient_rule_weights": list(rules.rule.weights),
            "patient_threshold": rules.patient_threshold,
        },
        "on_bad_image": facts.on_bad_image,
        "far_from_training": None if how.novelty is None else _far(how.novelty, how.false_alarms),
    }


def counted(samples: pd.DataFrame, patients: pd.DataFrame, facts: Facts) -> dict[str, int]:
    """Return how many samples and patients there are, and what was said of them."""
    known = samples[probability_columns(facts.classes)[0]].notna()
    decisions = samples["decision"].value_counts()
    return {
        "patients": len(patients),
        "samples": len(samples),
        "with_probability": int(known.sum()),
        "without_probability": int((~known).sum()),
        **{f"decision_{name}": int(decisions.get(name, 0)) for name in facts.classes},
        "far_from_training": int(samples["far_from_training"].fillna(False).astype(bool).sum()),
        "quality_fail": int((samples["quality"] == "fail").sum()),
        "images_used": int(samples["images"].sum()),
    }


def show(facts: Described, files: Sequence[Path]) -> None:
    """Print what was applied and counted, and where it is written."""
    counts, decision, far = facts["counts"], facts["decision"], facts["far_from_training"]
    table = Table(show_header=False, title=f"Predictions by {facts['run']['name']}", title_justify="left")
    table.add_row("samples", f"{counts['samples']:,} ({facts['unit']}) of {counts['patients']:,} patients")
    table.add_row(
        "with a probability", f"{counts['with_probability']:,}, calibration {facts['calibration']['method']}"
    )
    if counts["without_probability"]:
        table.add_row("without", f"{counts['without_probability']:,}: see the column error")
    for name in facts["classes"]:
        table.add_row(f"decided {name}", f"{counts[f'decision_{name}']:,}")
    if decision["threshold"] is not None:
        table.add_row("threshold", f"{decision['threshold']:.4g} ({decision['origin']})")
    table.add_row("far from training", _told(far, counts["far_from_training"]))
    table.add_row("quality gate fails", f"{counts['quality_fail']:,}")
    for what, count in facts["left_out"].items():
        table.add_row("left out", f"{count:,} {what}")
    console = Console(highlight=False)
    console.print(table)
    if not facts["complete"]:
        console.print("[bold]Not complete[/bold]: it was stopped before the last sample")
    console.print(", ".join(map(str, files)), soft_wrap=True)


def _told(far: Described | None, count: int) -> str:
    if far is None:
        return "not told"
    test = (
        ""
        if far["test_rate"] is None
        else f", {far['test_rate']:.1%} of {far['test_samples']:,} test samples"
    )
    return f"{count:,} (flags {far['validation_rate']:.1%} of {far['validation_samples']:,} validation{test})"


def _far(novelty: Novelty, false_alarms: float) -> Described:
    alarms, tested = novelty.test_alarms(false_alarms), len(novelty.test)
    share = wilson(alarms, tested)
    return {
        "distance": "Mahalanobis, of the embedding from the training samples' mean",
        "training_samples": novelty.training,
        "cutoff": _finite(novelty.cutoff(false_alarms)),
        "false_alarms_wanted": false_alarms,
        "validation_samples": len(novelty.validation),
        "validation_rate": _finite(novelty.validation_rate(false_alarms)),
        "validation_rate_cross_fitted": _finite(novelty.cross_fitted_rate(false_alarms)),
        "test_samples": tested,
        "test_rate": _finite(share.value),
        "test_rate_ci_low": _finite(share.low),
        "test_rate_ci_high": _finite(share.high),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
