"""`bcdl compare`: the leaderboard by validation, the spread over folds and seeds, and the page of a sweep."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bcdl.errors import UserError
from bcdl.scores import lower_is_better
from bcdl.tracking.options import add_store_arguments, ui_command

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from bcdl.tracking import TrackingStore

NEWEST = 50  # runs, where no sweep is asked for
SHOWN = 50  # rows that are printed, the best
WIDE = 160  # columns of a terminal that holds the whole table
NARROW_LEAVES_OUT = ("run", "model", "encoder", "data", "test/accuracy", "epochs", "seconds")
UNSET = ""  # how the spread marks a parameter that a run does not have
FORMATS = {"epochs": "{:.0f}", "seconds": "{:.0f}"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `bcdl compare`."""
    add_store_arguments(parser)
    parser.add_argument(
        "runs", nargs="*", metavar="RUN", help="with --test: the runs to test (id, name or latest)"
    )
    parser.add_argument(
        "--test",
        action="store_true",
        help="test runs or --predictions against each other, in pairs of samples",
    )
    parser.add_argument(
        "--predictions",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="with --test: predictions of anyone instead of runs",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="with --test: also write the tests to FILE")
    parser.add_argument("--sweep", metavar="RUN", help="only the children of this sweep (id, name or latest)")
    parser.add_argument("--metric", default="auroc", help="sort by best/val/METRIC (default: %(default)s)")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="newest N runs (default: all of a sweep, else 50)"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="also write the table, with every column, to FILE"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="with --sweep: also draw the sweep into one HTML page, FILE"
    )


def main(options: argparse.Namespace) -> None:
    """Print the leaderboard, and write it to `--csv` and the sweep's page to `--plot`."""
    from rich.console import Console

    from bcdl.tracking import TrackingStore, leaderboard

    if options.test or options.runs or options.predictions or options.json:
        _test(options)
        return
    if options.plot and not options.sweep:
        raise UserError("expected --sweep with --plot, which draws one sweep; add --sweep latest or its name")
    store = TrackingStore.open(options.tracking_root, options.experiment, create=False)
    parent = _sweep(store, options.sweep) if options.sweep else None
    limit = options.limit or (None if parent else NEWEST)
    runs = store.runs(parent=parent, limit=limit)
    print_leaderboard(runs, options.metric, store, Console())
    if options.csv:
        _write(leaderboard(runs, options.metric).to_csv(index=False), options.csv, "--csv")
    if options.plot and parent:
        every = runs if options.limit is None else store.runs(parent=parent)
        _write(_page(store, parent, every, options.metric), options.plot, "--plot")
        print(f"{options.plot}: history, importance and parallel coordinates; open it in a browser")


def _test(options: argparse.Namespace) -> None:
    from rich.console import Console

    from bcdl.contrast import print_contrast, readings_of_files, readings_of_runs

    given = options.predictions or options.runs
    if not options.test or len(given) == 1 or (options.predictions and options.runs):
        raise UserError(
            "expected two or more runs, or files, and --test: bcdl compare 3f2a latest --test, or bcdl "
            "compare --predictions a.csv b.csv --test; without either the leaderboard's runs are tested"
        )
    if options.predictions:
        readings = readings_of_files(options.predictions)
    else:
        from bcdl.tracking import TrackingStore

        store = TrackingStore.open(options.tracking_root, options.experiment, create=False)
        readings = readings_of_runs(store, options.runs or _tested_runs(store, options))
    print_contrast(readings, Console(highlight=False), options.json)


def _tested_runs(store: "TrackingStore", options: argparse.Namespace) -> list[str]:
    """Return the runs of the leaderboard that were tested, the best by validation first."""
    from bcdl.tracking import leaderboard

    parent = _sweep(store, options.sweep) if options.sweep else None
    runs = store.runs(parent=parent, limit=options.limit or (None if parent else NEWEST))
    if not runs.empty:
        board = leaderboard(runs, options.metric)
        tested = board[board["rank"].notna() & board["test/auroc"].notna()].head(SHOWN)
        if len(tested) > 1:
            return [str(run) for run in tested["run_id"]]
    raise UserError("expected two or more finished runs with test results to compare, found fewer")


def print_leaderboard(runs: "pd.DataFrame", metric: str, store: "TrackingStore", console: "Console") -> None:
    """Print the best runs, the spread over folds and seeds where they repeat, and how to open the UI.

    Args:
        runs: table of runs, as `TrackingStore.runs` gives it.
        metric: the order is that of `best/val/<metric>`.
        store: the store they are in.
        console: where to print.
    """
    from bcdl.standing import LEGEND, standing
    from bcdl.tracking import leaderboard, spread

    if runs.empty:
        console.print("No runs yet. Train one: bcdl train")
        return
    left_out = NARROW_LEAVES_OUT if console.width < WIDE else ()
    board = leaderboard(runs, metric)
    found = standing(store, board.head(SHOWN), runs)
    board = _marked(_with_intervals(board), found.like_best)[
        list(board.columns[: board.columns.get_loc("run_id")])
    ]
    title = f"Experiment {store.experiment}, by best/val/{metric}"
    _print(board.drop(columns=[*left_out]), title, console)
    for line in (*([LEGEND] if found.like_best else []), *(f"Note: {note}" for note in found.notes)):
        console.print(line, soft_wrap=True, highlight=False)
    means = spread(runs, metric)
    if len(means):
        shown = _mean_and_sd(means).drop(columns=[*left_out], errors="ignore")
        _print(shown, "Mean ± SD over folds and seeds", console)
    if max(len(board), len(means)) > SHOWN:
        console.print("Write every row to a file: --csv FILE", highlight=False)
    console.print(ui_hint(store), soft_wrap=True, highlight=False)


def _with_intervals(board: "pd.DataFrame") -> "pd.DataFrame":
    """Return the leaderboard with test results as text beside their intervals, where runs have any."""
    from bcdl.tracking.ranking import TEST_METRICS

    shown = board.copy()
    for name in TEST_METRICS:
        if f"{name}_ci_low" in board:
            ends = board[[name, f"{name}_ci_low", f"{name}_ci_high"]].astype("float64").to_numpy()
            shown[name] = [
                _cell("", value) if low != low else f"{value:.4f} ({low:.3f} to {high:.3f})"
                for value, low, high in ends
            ]
    return shown


def _marked(board: "pd.DataFrame", like_best: "frozenset[str]") -> "pd.DataFrame":
    """Return the leaderboard with a mark behind the test AUROC of these runs."""
    from bcdl.standing import LIKE_BEST

    if not like_best:
        return board
    cells = [_cell("", value) for value in board["test/auroc"]]
    marks = [f" {LIKE_BEST}" if run in like_best else "" for run in board["run_id"]]
    return board.assign(**{"test/auroc": [cell + mark for cell, mark in zip(cells, marks, strict=True)]})


def ui_hint(store: "TrackingStore") -> str:
    """Return the line that says how to look at the runs in a browser."""
    return f"Browse them: {ui_command(store.root, store.experiment)}"


def _print(frame: "pd.DataFrame", title: str, console: "Console") -> None:
    """Print the first rows of a table: of a thousand a person reads the best, and rich takes seconds."""
    of = f"; the best {SHOWN} of {len(frame):,}" if len(frame) > SHOWN else ""
    console.print(_table(frame.head(SHOWN), f"{title}{of}"))


def _table(frame: "pd.DataFrame", title: str) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in frame.columns:
        numeric = frame[name].dtype.kind in "if"
        table.add_column(str(name), justify="right" if numeric else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(escape(_cell(name, value)) for name, value in zip(frame.columns, row, strict=True)))
    return table


def _cell(name: str, value: object) -> str:
    import pandas as pd

    if pd.isna(value):  # type: ignore[call-overload]  # any cell
        return "-"
    return FORMATS.get(name, "{:.4f}").format(value) if isinstance(value, float) else str(value)


def _mean_and_sd(means: "pd.DataFrame") -> "pd.DataFrame":
    """Return the trial of a sweep, one column of settings, that of the runs, and one of each metric."""
    names = list(means.columns[: means.columns.get_loc("runs")])
    keys = [name for name in names if name != "trial"]
    frame = means[[*(name for name in names if name == "trial"), "runs"]].copy()
    settings = [_settings(dict(zip(keys, row, strict=True))) for row in means[keys].itertuples(index=False)]
    frame.insert(len(frame.columns) - 1, "settings", settings)
    for mean in [name for name in means.columns if name.endswith(" mean")]:
        name = mean.removesuffix(" mean")
        pairs = zip(means[mean], means[f"{name} sd"], strict=True)
        frame[name] = [f"{_cell('', value)} ± {_cell('', sd)}" for value, sd in pairs]
    return frame


def _settings(values: dict[str, str]) -> str:
    """Return the settings of a group in words, the model first: `cnn, unit=breast, lr=0.001`."""
    others = [f"{key}={value}" for key, value in values.items() if key != "model" and value != UNSET]
    return ", ".join([values["model"], *others])


def _sweep(store: "TrackingStore", reference: str) -> str:
    """Return the id of a sweep's parent run."""
    from bcdl.tracking.tags import KIND_TAG

    run_id = store.resolve(reference, kind="sweep")
    run = store.client.get_run(run_id)
    kind = run.data.tags.get(KIND_TAG)
    if kind != "sweep":
        raise UserError(
            f"expected --sweep to name a sweep, found the {kind} run {run.info.run_name}; "
            "--sweep latest is the newest sweep"
        )
    return run_id


def _page(store: "TrackingStore", parent: str, runs: "pd.DataFrame", metric: str) -> str:
    """Return the page of a sweep by what its parent run says of it."""
    from bcdl.evaluation.sweep import sweep_page, trials_table
    from bcdl.tracking.tags import JOBS_TAG, OBJECTIVES_TAG, VARIED_TAG

    run = store.client.get_run(parent)
    tags = run.data.tags
    objectives = _words(tags.get(OBJECTIVES_TAG)) or [f"best/val/{metric}"]
    table = trials_table(runs, objectives, _words(tags.get(VARIED_TAG)), int(tags.get(JOBS_TAG, 1)))
    facts = {"status": run.info.status.lower(), **_headline(store, parent)}
    lower = [lower_is_better(name) for name in objectives]
    return sweep_page(run.info.run_name, table, objectives, lower, facts)


def _headline(store: "TrackingStore", parent: str) -> dict[str, str]:
    """Return what a sweep was; nothing of one that was killed before it had said so."""
    from omegaconf import OmegaConf

    from bcdl.sweeps.parent import headline

    names = ("definition.json", "overrides.yaml")  # YAML takes JSON as well
    if not all(store.has_artifact(parent, name) for name in names):
        return {}
    texts = [store.download(parent, name).read_text(encoding="utf-8") for name in names]
    definition, overrides = (OmegaConf.to_container(OmegaConf.create(text)) for text in texts)
    return headline(cast(dict[str, Any], definition), cast(list[str], overrides))


def _words(tag: str | None) -> list[str]:
    return tag.split(",") if tag else []


def _write(text: str, file: Path, option: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"cannot write {file} ({error.strerror or error}); give {option} a file in a folder that exists"
        ) from error
