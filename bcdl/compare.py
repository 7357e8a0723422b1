"""`bcdl compare`: the leaderboard over runs, sorted by validation, and the spread over seeds."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bcdl.tracking.options import add_store_arguments, ui_command

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from bcdl.tracking import TrackingStore

NEWEST = 50  # runs, where no sweep is asked for
WIDE = 160  # columns of a terminal that holds the whole table
NARROW_LEAVES_OUT = ("run", "model", "encoder", "data", "test/accuracy", "epochs", "seconds")
UNSET = ""  # how the spread marks a parameter that a run does not have
FORMATS = {"epochs": "{:.0f}", "seconds": "{:.0f}"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `bcdl compare`."""
    add_store_arguments(parser)
    parser.add_argument("--sweep", metavar="RUN", help="only the children of this sweep (id, name or latest)")
    parser.add_argument("--metric", default="auroc", help="sort by best/val/METRIC (default: %(default)s)")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="newest N runs (default: all of a sweep, else 50)"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="also write the table, with every column, to FILE"
    )


def main(options: argparse.Namespace) -> None:
    """Print the leaderboard, and write it to `--csv`."""
    from rich.console import Console

    from bcdl.tracking import TrackingStore, leaderboard

    store = TrackingStore.open(options.tracking_root, options.experiment, create=False)
    parent = store.resolve(options.sweep, kind="sweep") if options.sweep else None
    limit = options.limit or (None if parent else NEWEST)
    runs = store.runs(parent=parent, limit=limit)
    print_leaderboard(runs, options.metric, store, Console())
    if options.csv:
        _write(leaderboard(runs, options.metric), options.csv)


def print_leaderboard(runs: "pd.DataFrame", metric: str, store: "TrackingStore", console: "Console") -> None:
    """Print runs best first, their spread over seeds where seeds repeat, and how to open the UI.

    Args:
        runs: table of runs, as `TrackingStore.runs` gives it.
        metric: the order is that of `best/val/<metric>`.
        store: the store they are in.
        console: where to print.
    """
    from bcdl.tracking import leaderboard, seed_spread

    if runs.empty:
        console.print("No runs yet. Train one: bcdl train")
        return
    left_out = NARROW_LEAVES_OUT if console.width < WIDE else ()
    board = leaderboard(runs, metric)
    board = board[list(board.columns[: board.columns.get_loc("run_id")])]
    title = f"Experiment {store.experiment}, by best/val/{metric}"
    console.print(_table(board.drop(columns=[*left_out]), title))
    spread = seed_spread(runs, metric)
    if len(spread):
        means = _mean_and_sd(spread).drop(columns=[*left_out], errors="ignore")
        console.print(_table(means, "Mean ± SD over seeds"))
    console.print(ui_hint(store), soft_wrap=True, highlight=False)


def ui_hint(store: "TrackingStore") -> str:
    """Return the line that says how to look at the runs in a browser."""
    return f"Browse them: {ui_command(store.root, store.experiment)}"


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


def _mean_and_sd(spread: "pd.DataFrame") -> "pd.DataFrame":
    """Return one column of settings, that of the seeds, and one of each metric."""
    keys = list(spread.columns[: spread.columns.get_loc("seeds")])
    settings = [_settings(dict(zip(keys, row, strict=True))) for row in spread[keys].itertuples(index=False)]
    frame = spread[["seeds"]].copy()
    frame.insert(0, "settings", settings)
    for mean in [name for name in spread.columns if name.endswith(" mean")]:
        name = mean.removesuffix(" mean")
        pairs = zip(spread[mean], spread[f"{name} sd"], strict=True)
        frame[name] = [f"{_cell('', value)} ± {_cell('', sd)}" for value, sd in pairs]
    return frame


def _settings(values: dict[str, str]) -> str:
    """Return the settings of a group in words, the model first: `cnn, unit=breast, lr=0.001`."""
    others = [f"{key}={value}" for key, value in values.items() if key != "model" and value != UNSET]
    return ", ".join([values["model"], *others])


def _write(board: "pd.DataFrame", file: Path) -> None:
    from bcdl.errors import UserError

    try:
        board.to_csv(file, index=False)
    except OSError as error:
        raise UserError(
            f"cannot write {file} ({error.strerror or error}); give --csv a file in a folder that exists"
        ) from error
