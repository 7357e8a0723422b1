"""`bcdl explain`: what a run's model looked at, drawn for some samples, and whether to believe it."""

import torch
from omegaconf import DictConfig
from rich.console import Console

from bcdl.explanations import Examined, Files, Settings, class_of, explain_samples, printed
from bcdl.failures import explained
from bcdl.lineage import require_trained, run_config
from bcdl.notebook import restore
from bcdl.tracking import TrackedRun, TrackingStore
from bcdl.tracking.options import ui_command

FOLDER = "explain"


def main(cfg: DictConfig) -> None:
    """Explain samples of a split by a run's best weights, and record sheets and scores in the run.

    Raises:
        UserError: there is no such run, its data have changed, or what is asked does not fit its model.
    """
    settings = settings_of(cfg)
    store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment)
    run_id = store.resolve(cfg.run)
    require_trained(store, run_id)
    data, model = restore(run_config(store, run_id), run_id, store)
    target = class_of(data.classes, data.positive_label, settings.target)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    examined = Examined(model.to(device), data, settings.split, target, device)
    with TrackedRun.reopen(store, run_id) as run, explained(data.batch_size, str(run.folder)):
        files = explain_samples(examined, settings)
        _record(run, files, f"{FOLDER}/{settings.split}")
        console = Console(highlight=False, soft_wrap=True)
        console.print(f"[bold]{run.name}[/bold], {settings.split}, explained for {data.classes[target]}")
        if files.scores is not None:
            console.print(printed(files.scores))
        console.print(f"run {run_id}, {FOLDER}/{settings.split}: {', '.join(files.names)}")
        console.print(f"browse it with: {ui_command(store.root, store.experiment)}")


def settings_of(cfg: DictConfig) -> Settings:
    """Return what a configuration asks for.

    Raises:
        UserError: a value is out of its range.
    """
    methods = [cfg.methods] if isinstance(cfg.methods, str) else cfg.methods
    return Settings(
        split=cfg.split,
        n=cfg.n,
        which=cfg.which,
        methods=None if methods is None else tuple(map(str, methods)),
        target=cfg.target,
        neighbours=cfg.neighbours,
        scores=cfg.scores,
        most=cfg.most,
        tolerance=cfg.tolerance,
        check=cfg.check,
        seed=cfg.seed,
    )


def _record(run: TrackedRun, files: Files, folder: str) -> None:
    for name, table in files.tables.items():
        run.log_table(table, f"{folder}/{name}")
    for name, content in files.pictures.items():
        run.log_bytes(content, f"{folder}/{name}")
    run.log_new({f"{folder}/{name}": value for name, value in files.metrics.items()})
