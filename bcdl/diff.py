"""`bcdl diff`: what differs between two runs in configuration, data, code, versions and metrics."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from bcdl.tracking.options import add_store_arguments

if TYPE_CHECKING:
    from rich.console import Console

    from bcdl.tracking import TrackingStore

CHOSEN_METRICS = ("best/val/", "test/")
ABSENT = "-"

Facts = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `bcdl diff`."""
    parser.add_argument(
        "first", metavar="RUN_A", help="run id, 4 or more leading characters of it, name or latest"
    )
    parser.add_argument("second", metavar="RUN_B", help="the other run")
    add_store_arguments(parser)


def main(options: argparse.Namespace) -> None:
    """Print one table a section, or that the section is identical."""
    from rich.console import Console

    from bcdl.tracking import TrackingStore

    store = TrackingStore.open(options.tracking_root, options.experiment, create=False)
    runs = [store.client.get_run(store.resolve(reference)) for reference in (options.first, options.second)]
    names = (runs[0].info.run_name, runs[1].info.run_name)
    first, second = (_sections(store, each) for each in runs)
    console = Console()
    for section in first:
        _print_section(console, section, names, differences(first[section], second[section]))


def differences(first: Facts, second: Facts) -> list[tuple[str, str, str]]:
    """Return (name, first value, second value) for every name whose values differ, in order of names."""
    names = sorted(first.keys() | second.keys())
    pairs = [(name, str(first.get(name, ABSENT)), str(second.get(name, ABSENT))) for name in names]
    return [pair for pair in pairs if pair[1] != pair[2]]


def flatten(tree: Any, prefix: str = "") -> Facts:  # noqa: ANN401 - any JSON or YAML value
    """Return nested dicts and lists as one dict with dotted names.

    Example:
        >>> flatten({"data": {"size": [256, 128]}})
        {'data.size.0': 256, 'data.size.1': 128}
    """
    if not isinstance(tree, dict | list) or not tree:
        return {prefix: tree}
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return {
        name: value
        for key, child in items
        for name, value in flatten(child, f"{prefix}.{key}" if prefix else str(key)).items()
    }


def _sections(store: "TrackingStore", run: Any) -> dict[str, Facts]:  # noqa: ANN401 - mlflow has no types
    provenance = _read_json(store, run.info.run_id, "provenance.json")
    metrics = {
        name: f"{value:.4f}" for name, value in run.data.metrics.items() if name.startswith(CHOSEN_METRICS)
    }
    return {
        "Configuration": _read_config(store, run.info.run_id),
        "Data": _data(run),
        "Code": flatten(provenance.get("git", {}), "git"),
        "Versions": provenance.get("packages", {}),
        "Machine": flatten(provenance.get("machine", {}), "machine"),
        "Metrics": {"status": run.info.status, **metrics},
    }


def _read_config(store: "TrackingStore", run_id: str) -> Facts:
    from omegaconf import OmegaConf

    from bcdl.errors import UserError

    try:
        file = store.download(run_id, "config.yaml")
    except UserError:  # the run failed before it was logged
        return {}
    return flatten(OmegaConf.to_container(OmegaConf.load(file), resolve=False))


def _read_json(store: "TrackingStore", run_id: str, artifact: str) -> Facts:
    from bcdl.errors import UserError

    try:
        facts: Facts = json.loads(store.download(run_id, artifact).read_text())
    except UserError:  # the run failed before it was logged
        return {}
    return facts


def _data(run: Any) -> Facts:  # noqa: ANN401 - mlflow has no types
    datasets = [each.dataset for each in run.inputs.dataset_inputs]
    return {f"{dataset.name} fingerprint": dataset.digest for dataset in datasets}


def _print_section(
    console: "Console", section: str, names: tuple[str, str], rows: list[tuple[str, str, str]]
) -> None:
    from rich.markup import escape
    from rich.table import Table

    if not rows:
        console.print(f"{section}: identical")
        return
    table = Table(title=section, title_justify="left")
    for heading in ("", *names):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)
