"""How much each key matters: the share of an objective's variance that it explains alone (fANOVA).

Hutter, Hoos and Leyton-Brown, An efficient approach for assessing hyperparameter importance, ICML 2014.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bcdl.evaluation.style import INK, colour, new_figure, quiet_axes
from bcdl.evaluation.sweep.heading import heading
from bcdl.evaluation.sweep.results import Results, cut, too_few
from bcdl.evaluation.sweep.scale import spans_widely
from bcdl.evaluation.sweep.table import PARAMETER

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FEWEST = 4  # finished trials
_SEED = 0
_DEPTH = 6  # of the trees: the time grows with the square of their leaves, the shares hardly change
_LONGEST = 48  # characters of a key's name


def importance_gap(results: Results) -> str | None:
    """Return why the importance of the keys is not told, None where it can be."""
    rows = results.finished
    if len(rows) < FEWEST:
        return too_few(len(rows), FEWEST)
    varied = _varied(rows, results.varied)
    if len(varied) < 2:
        return f"it takes two keys that vary among the finished trials, there are {len(varied)}"
    if not any(_is_judged(rows, varied, key) for key in varied):
        return f"it takes two keys that vary in the same {FEWEST} trials; of one alone every share would be 1"
    same = [name for name in results.objectives if rows[name].nunique() < 2]
    return f"{same[0]} is the same in all finished trials" if same else None


def importances(results: Results) -> pd.DataFrame:
    """Return the share of variance that each key explains alone, the most important first.

    Columns: key, trials (finished ones that have a value of the key), then one of each objective, 0 to 1. A
    key that only some trials have is judged among these, beside the keys that all of these have. NaN where
    they are too few, or where no other key varies: by fANOVA a key alone explains everything, noise too.
    """
    rows, keys = results.finished, _varied(results.finished, results.varied)
    found = pd.DataFrame(
        {"key": keys, "trials": [int(rows[f"{PARAMETER}{key}"].notna().sum()) for key in keys]}
    )
    for name in results.objectives:
        everywhere = _shares(rows, [key for key in keys if _everywhere(rows, key)], name)
        found[name] = [
            everywhere[key] if key in everywhere else _share_where(rows, keys, key, name) for key in keys
        ]
    return found.sort_values(results.objectives[0], ascending=False, kind="stable").reset_index(drop=True)


def importance(results: Results) -> Figure:
    """Draw a bar a key and objective, the most important key on top."""
    found = importances(results)
    names = key_names(found, len(results.finished))
    several = len(results.objectives)
    figure = new_figure(
        7.5, 1.4 + (0.15 + 0.22 * several) * len(names), left=0.3 + 0.078 * max(map(len, names)), right=0.6
    )
    axes = figure.add_subplot()
    quiet_axes(axes, "", "share of the variance", "")
    _draw_bars(axes, found, results.objectives)
    axes.set_yticks(range(len(names)), names, color=INK)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, max(0.05, 1.05 * float(found[list(results.objectives)].max().max())))
    axes.grid(visible=False, axis="y")
    heading(figure, f"What each key alone explains, by fANOVA on {len(results.finished)} finished trials")
    if several > 1:
        axes.legend(loc="lower right", fontsize=9, labelcolor=INK)
    return figure


def key_names(found: pd.DataFrame, trials: int) -> list[str]:
    """Return the names of the keys, with what is to be known of some.

    That is how many trials have a key where not all do, and that it is not judged.
    """
    unjudged = found.drop(columns=["key", "trials"]).isna().all(axis=1)
    names = []
    for key, own, alone in zip(found["key"], found["trials"], unjudged, strict=True):
        told = [f"{own} trials"] * (own != trials) + ["not judged"] * alone
        remark = f" ({', '.join(told)})" if told else ""
        names.append(cut(key, _LONGEST - len(remark)) + remark)
    return names


def share_text(share: float) -> str:
    """Return a share in two digits, `-` where there is none."""
    return "-" if np.isnan(share) else f"{share:.2f}"


def _draw_bars(axes: Axes, found: pd.DataFrame, objectives: Sequence[str]) -> None:
    thick = 0.75 / len(objectives)
    for number, name in enumerate(objectives):
        places = np.arange(len(found)) + (number - (len(objectives) - 1) / 2) * thick
        axes.barh(places, found[name], height=thick * 0.9, color=colour(number), label=name)
        for place, share in zip(places, found[name], strict=True):
            text, beside = share_text(share), axes.get_yaxis_transform()
            axes.text(1.02, place, text, transform=beside, va="center", color=INK, fontsize=9)


def _varied(rows: pd.DataFrame, keys: list[str]) -> list[str]:
    return [key for key in keys if rows[f"{PARAMETER}{key}"].nunique() > 1]


def _everywhere(rows: pd.DataFrame, key: str) -> bool:
    return bool(rows[f"{PARAMETER}{key}"].notna().all())


def _is_judged(rows: pd.DataFrame, keys: list[str], key: str) -> bool:
    there, beside = _beside(rows, keys, key)
    return len(there) >= FEWEST and len(beside) > 1


def _beside(rows: pd.DataFrame, keys: list[str], key: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the trials that have a key, and the keys that all of these have and that vary among them."""
    there = rows[rows[f"{PARAMETER}{key}"].notna()]
    return there, [other for other in _varied(there, keys) if _everywhere(there, other)]


def _share_where(rows: pd.DataFrame, keys: list[str], key: str, objective: str) -> float:
    """Return the share of a key among the trials that have it."""
    there, beside = _beside(rows, keys, key)
    if len(there) < FEWEST or there[objective].nunique() < 2:
        return float("nan")
    return _shares(there, beside, objective)[key]


def _shares(rows: pd.DataFrame, keys: list[str], objective: str) -> dict[str, float]:
    """Return the shares of keys which all rows have; of a key alone there is none."""
    import optuna
    from optuna.importance import FanovaImportanceEvaluator

    if len(keys) < 2:
        return dict.fromkeys(keys, float("nan"))
    columns = {key: _prepared(rows[f"{PARAMETER}{key}"]) for key in keys}
    distributions = {key: _distribution(values) for key, values in columns.items()}
    with _silent():
        study = optuna.create_study()
    for place, value in enumerate(rows[objective]):
        params = {key: values[place] for key, values in columns.items()}
        study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=float(value)))
    return dict(FanovaImportanceEvaluator(seed=_SEED, max_depth=_DEPTH).evaluate(study, params=keys))


def _prepared(values: pd.Series) -> list[str] | list[float]:
    """Return texts, or numbers; over a wide range logarithms, for Optuna's fANOVA has no logarithmic axis."""
    if not pd.api.types.is_numeric_dtype(values):
        return [str(value) for value in values]
    numbers = values.astype("float64")
    return [float(number) for number in (np.log10(numbers) if spans_widely(numbers) else numbers)]


def _distribution(values: list[str] | list[float]) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(values[0], str):
        return CategoricalDistribution(sorted({str(value) for value in values}))
    return FloatDistribution(float(min(values)), float(max(values)))


@contextmanager
def _silent() -> Iterator[None]:
    """Keep Optuna from announcing a study of ours."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        logging.set_verbosity(before)
