"""All that explaining a split gives: tables and pictures by file name, and metrics by name."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from bcdl.evaluation.froc_figure import froc_curves
from bcdl.explain import Lesions
from bcdl.explanations.examined import Examined
from bcdl.explanations.likenesses import likenesses
from bcdl.explanations.maps import (
    Explained,
    checked,
    chosen_methods,
    explained,
    noise_areas,
    scored_positions,
)
from bcdl.explanations.pages import map_sheet, png
from bcdl.explanations.scores import (
    check_table,
    curves,
    pointing_table,
    randomisation_table,
    score_table,
    sensitivities,
    sensitivity_table,
)
from bcdl.explanations.settings import Settings
from bcdl.explanations.views import Shares, contribution_table, contributions

_LOG = logging.getLogger(__name__)
_NOWHERE = "no scores: %s has no masks or boxes of %s lesions in %s"
HEADLINES = (
    "hit_rate",
    "hit_rate_chance",
    "energy",
    "energy_chance",
    "deletion",
    "insertion",
    "froc",
    "randomisation",
)


@dataclass
class Files:
    """What is recorded.

    Attributes:
        tables: By file name, such as `scores.csv`.
        pictures: PNG files by name.
        metrics: Such as `grad_cam/hit_rate`.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def scores(self) -> pd.DataFrame | None:
        """`scores.csv`, where there is one."""
        return self.tables.get("scores.csv")

    @property
    def names(self) -> list[str]:
        """The names of all files."""
        return [*self.pictures, *self.tables]


def explain_samples(examined: Examined, settings: Settings) -> Files:
    """Explain samples of a split, and score the maps where lesions are known.

    Raises:
        UserError: A method does not work for the model or needs a package that is missing, or there are too
            few training cases for the neighbours.
    """
    methods = chosen_methods(examined.model, settings.methods)
    shown = examined.chosen(settings.which, settings.n, settings.seed)
    files = Files()
    if settings.neighbours:
        nearest = likenesses(examined, shown, settings.neighbours)
        files.tables["neighbours.csv"] = nearest.table()
        files.pictures["neighbours.png"] = png(nearest.sheet())
    shares = contributions(examined, shown)
    if shares:
        files.tables["contributions.csv"] = contribution_table(examined, shares)
    if methods:
        _add_maps(files, examined, methods, shown, shares, settings)
    return files


def _add_maps(
    files: Files,
    examined: Examined,
    methods: Sequence[str],
    shown: list[int],
    shares: Shares,
    settings: Settings,
) -> None:
    lesions = Lesions(examined.data, examined.target)
    scored = scored_positions(examined, lesions, settings.most, settings.seed) if settings.scores else []
    found = explained(examined, methods, shown, scored, lesions, settings.tolerance)
    for name in methods:
        files.pictures[f"{name}.png"] = png(map_sheet(examined, shown, found[name].shown, shares, lesions))
    checks = checked(examined, methods, shown, settings.seed) if settings.check else {}
    if checks:
        files.tables["randomisation.csv"] = randomisation_table(checks)
        files.tables["scores.csv"] = check_table(checks)
    if any(each.scored.views for each in found.values()):
        noise = noise_areas(examined, scored, lesions, settings.seed)
        _add_scores(files, examined, lesions, found, noise, settings.seed)
    elif settings.scores:
        name, target = examined.data.source.name, examined.data.classes[examined.target]
        _LOG.info(_NOWHERE, name, target, examined.split)
    if files.scores is not None:
        files.metrics = _headlines(files.scores)


def _add_scores(
    files: Files,
    examined: Examined,
    lesions: Lesions,
    found: Mapping[str, Explained],
    noise: tuple[float, float],
    seed: int,
) -> None:
    intervals = sensitivities(examined, found, seed)
    files.tables["pointing.csv"] = pointing_table(examined, found, lesions)
    files.tables["froc.csv"] = sensitivity_table(intervals)
    files.pictures["froc.png"] = png(froc_curves(curves(found), intervals))
    scores, checks = score_table(examined, found, noise, intervals, seed), files.scores
    files.tables["scores.csv"] = scores if checks is None else scores.merge(checks, how="left", on="method")


def _headlines(scores: pd.DataFrame) -> dict[str, float]:
    names = [name for name in HEADLINES if name in scores]
    wide = scores.set_index("method")[names].astype(float)
    return {
        f"{method}/{name}": float(value)
        for method, row in wide.iterrows()
        for name, value in row.items()
        if pd.notna(value)
    }
