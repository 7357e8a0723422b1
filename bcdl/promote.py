"""`bcdl promote`: a run's best model into MLflow's model registry, under an alias that users load it by."""

import argparse
from typing import TYPE_CHECKING

from bcdl.tracking.options import add_store_arguments

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun
    from omegaconf import DictConfig

    from bcdl.notebook import Run
    from bcdl.tracking import TrackingStore
    from bcdl.tracking.registry import Version

DEFAULT_NAME = "bcdl"
_UNFINISHED = {
    "RUNNING": "is still running: wait for it, or go on with a dead one by bcdl train resume={run}",
    "FAILED": "failed: bcdl train resume={run} goes on with it, from={run} trains it anew",
    "KILLED": "was stopped before its end: bcdl train resume={run} goes on with it",
    "SCHEDULED": "has not run yet",
}
_NODES = (
    "preprocess",
    "encoder",
    "model",
    "loss",
    "optimizer",
    "scheduler",
    "evaluate.threshold",
    "data.unit",
)
_SPLITS = "splits.csv"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `bcdl promote`."""
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="run id, 4 or more characters of it, run name, or latest"
    )
    parser.add_argument("--sweep", metavar="NAME", help="the best run of this sweep, by validation")
    parser.add_argument("--as", dest="alias", required=True, metavar="ALIAS", help="such as champion")
    parser.add_argument(
        "--name", default=DEFAULT_NAME, help="the registered model's name (default: %(default)s)"
    )
    add_store_arguments(parser)


def main(options: argparse.Namespace) -> None:
    """Register the model of a run, unless it is already, and let the alias mean it.

    Raises:
        UserError: the run has no model to promote, or the alias or the name cannot be used.
    """
    from bcdl.tracking import TrackingStore
    from bcdl.tracking.registry import check_alias, check_name, point

    check_alias(options.alias), check_name(options.name)
    store = TrackingStore.open(options.tracking_root, options.experiment, create=False)
    run = promotable(store, chosen_run(store, options.run, options.sweep))
    version, new = registered(run, options.name)
    before = point(store, version, options.alias)
    print(_told(version, new, options.alias, before, run), flush=True)


def chosen_run(store: "TrackingStore", reference: str | None, sweep: str | None) -> str:
    """Return the id of the run that is meant: the one named, or the best of a sweep by validation.

    Raises:
        UserError: none or both are named, or there is no such run.
    """
    from bcdl.errors import UserError

    if (reference is None) == (sweep is None):
        found = "neither" if reference is None else "both"
        raise UserError(
            f"expected a run or --sweep NAME, found {found}: bcdl promote latest --as champion, or "
            "bcdl promote --sweep latest --as champion"
        )
    return best_of_sweep(store, sweep) if sweep is not None else store.resolve(str(reference))


def best_of_sweep(store: "TrackingStore", reference: str) -> str:
    """Return the run that a sweep's objective, on validation, has put first.

    Raises:
        UserError: it is no sweep, or has no best run yet.
    """
    from bcdl.errors import UserError
    from bcdl.tracking.tags import BEST_RUN_TAG, KIND_TAG

    parent = store.client.get_run(store.resolve(reference, kind="sweep"))
    name, tags = parent.info.run_name, parent.data.tags
    if tags.get(KIND_TAG) != "sweep":
        raise UserError(f"expected a sweep, found the run {name}; promote it without --sweep")
    if BEST_RUN_TAG not in tags:
        raise UserError(
            f"the sweep {name} names no best run: none of its trials has finished, or it has not ended yet. "
            f"See bcdl sweep status {name}, and go on with it by bcdl sweep resume {name}"
        )
    return str(tags[BEST_RUN_TAG])


def promotable(store: "TrackingStore", run_id: str) -> "Run":
    """Return a run that has a model to promote.

    Raises:
        UserError: it has none; the message says why and what to do.
    """
    from bcdl.errors import UserError
    from bcdl.lineage import BEST_CHECKPOINT, run_config
    from bcdl.notebook import Run
    from bcdl.tracking.artifacts import CONFIG

    found = store.client.get_run(run_id)
    title = f"{found.info.run_name} ({run_id[:8]})"
    if reason := _unfit(found):
        raise UserError(f"the run {title} {reason}")
    if not store.has_artifact(run_id, f"checkpoints/{BEST_CHECKPOINT}"):
        raise UserError(
            f"the run {title} has kept no checkpoint (keep=none): train it anew with one, "
            f"bcdl train from={run_id[:8]} keep=best"
        )
    missing = [name for name in (CONFIG, _SPLITS) if not store.has_artifact(run_id, name)]
    cfg = None if CONFIG in missing else run_config(store, run_id)
    missing += [] if cfg is None else _missing_keys(cfg)
    missing += [] if "threshold" in found.data.metrics else ["the metric threshold"]
    if missing or cfg is None:
        raise UserError(
            f"the run {title} was recorded by another version of bcdl: it lacks {', '.join(missing)}. "
            "Promote it with that version, or train the same model anew"
        )
    return Run(run_id, cfg, store)


def registered(run: "Run", name: str) -> "tuple[Version, bool]":
    """Return the version of a registered model that holds a run's model, and whether it is new.

    A version that was made of the same weights, configuration and results is not made again.

    Args:
        run: a run that has a model to promote.
        name: of the registered model.
    """
    from pathlib import Path
    from tempfile import TemporaryDirectory

    import pandas as pd

    from bcdl.lineage import BEST_CHECKPOINT
    from bcdl.serving.bundle import bundle_digest, write_bundle
    from bcdl.serving.card import model_card
    from bcdl.serving.facts import Facts
    from bcdl.serving.packing import pack
    from bcdl.tracking.registry import register, same_version
    from bcdl.trained import origin_of

    metrics = run.metrics
    facts = Facts.of(run.data, run.config, metrics["threshold"], run.calibrator)
    splits = pd.read_csv(run.store.download(run.id, _SPLITS))
    found = run.store.client.get_run(run.id)
    origin = origin_of(found.info.run_name, run.id, found.data.tags)
    card = model_card(run.config, facts, origin, splits, metrics)
    weights = run.store.download(run.id, f"checkpoints/{BEST_CHECKPOINT}")
    content = bundle_digest(weights, run.config, facts, card)
    known = same_version(run.store, name, content)
    if known is not None:
        return known, False
    with TemporaryDirectory(prefix="bcdl-") as folder:
        bundle = Path(folder) / "bundle"
        bundle.mkdir()
        write_bundle(bundle, run.config, run.data, run.model, facts)
        version = register(
            run.store,
            name,
            run.id,
            lambda logged, path: pack(path, bundle, facts, card, logged),
            Path(folder),
            content=content,
            description=card,
        )
    return version, True


def _unfit(run: "MlflowRun") -> str:
    """Return why the state of a run speaks against it, nothing where it does not."""
    from bcdl.tracking.tags import KIND_TAG, PRUNED_TAG

    name, kind = run.info.run_name, run.data.tags.get(KIND_TAG)
    if kind == "sweep":
        return f"is a sweep: bcdl promote --sweep {name} promotes its best run"
    if kind != "train":
        return f"trained nothing (it is of kind {kind}); name the run that it evaluates"
    if run.info.status != "FINISHED":
        return _UNFINISHED[run.info.status].format(run=run.info.run_id[:8])
    if run.data.tags.get(PRUNED_TAG) == "true":
        return (
            "was pruned by its sweep: it has not trained to its end. Promote the sweep's best with "
            f"--sweep, or train it to its end by bcdl train from={run.info.run_id[:8]}"
        )
    return ""


def _missing_keys(cfg: "DictConfig") -> list[str]:
    from omegaconf import OmegaConf

    absent = object()
    return [name for name in _NODES if OmegaConf.select(cfg, name, default=absent) is absent]


def _told(version: "Version", new: bool, alias: str, before: int | None, run: "Run") -> str:
    from bcdl.tracking.places import without_passwords

    what = "is new" if new else "was there already, made of the same run and unchanged"
    moved = f" (it was version {before})" if before not in (None, version.number) else ""
    return (
        f"Version {version.number} of {version.name} {what}; {alias} means it{moved}.\n"
        f"Load it: mlflow.set_tracking_uri({without_passwords(run.store.uri)!r}), then "
        f"mlflow.pyfunc.load_model('models:/{version.name}@{alias}')"
    )
