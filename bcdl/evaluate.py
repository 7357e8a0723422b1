"""`bcdl evaluate`: the best checkpoint of a run, an ensemble of runs, or anyone's predictions from a file."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from bcdl.errors import UserError
from bcdl.judge import asked_afterwards, judge_file, settings_of

if TYPE_CHECKING:
    from bcdl.tracking import TrackingStore


def main(cfg: DictConfig) -> float:
    """Judge a run's predictions, inferred anew, those of several runs as one, or those of a file.

    Returns:
        The run's `best/val/<monitor>`, or the AUROC of the ensemble or the file.

    Raises:
        UserError: none or several of these are named, or what is named cannot be judged.
    """
    settings_of(cfg)
    asked = asked_afterwards(cfg)
    _require_one_subject(cfg, asked)
    if cfg.predictions is not None:
        return judge_file(cfg)
    return _judge_ensemble(cfg) if "runs" in asked else _judge_run(cfg, asked)


def _require_one_subject(cfg: DictConfig, asked: list[str]) -> None:
    """Refuse what does not go together, before anything slow is imported."""
    ensemble = "runs" in asked
    given = {"run=": cfg.run is not None, "predictions=": cfg.predictions is not None}
    given["evaluate.runs="] = ensemble
    if sum(given.values()) != 1:
        found = " and ".join(name for name, is_given in given.items() if is_given)
        raise UserError(
            "expected a run or a file of predictions: bcdl evaluate run=latest, or bcdl evaluate "
            "predictions=mine.csv out=report; or an ensemble, all members of which stand in evaluate.runs: "
            f"bcdl evaluate evaluate.runs=[3f2a,91bc]; found {found or 'none of them'}"
        )
    if cfg.run is None and "data" in cfg:
        raise UserError("data= goes with run=: the run's model is judged on those data")
    again = [name for name in asked if name != "runs"]
    if again and cfg.run is None:
        raise UserError(
            f"evaluate.{again[0]} goes with run=: a model judges its images anew, and of "
            f"{'an ensemble' if ensemble else 'a file'} there are predictions alone"
        )
    if len(again) + ("data" in cfg) > 1:
        names = " and ".join([*(f"evaluate.{name}" for name in again), *(["data="] if "data" in cfg else [])])
        raise UserError(f"expected one of evaluate.shifts, evaluate.tta and data= at a time, found {names}")


def _judge_run(cfg: DictConfig, asked: list[str]) -> float:
    """Infer again with a run's best weights, and record the results in it, or in a run nested under it.

    A run that cannot infer any more is judged by the predictions that it has recorded.
    """
    from bcdl.lineage import require_trained, run_config
    from bcdl.tracking import TrackingStore

    store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment)
    run_id = store.resolve(cfg.run)
    require_trained(store, run_id)
    run_cfg = run_config(store, run_id)
    run_cfg.evaluate = _how(cfg, run_cfg.evaluate)
    return _inferred(cfg, run_cfg, run_id, store, asked)[f"best/{run_cfg.callbacks.best.monitor}"]


def _inferred(
    cfg: DictConfig, run_cfg: DictConfig, run_id: str, store: "TrackingStore", asked: list[str]
) -> dict[str, float]:
    if "shifts" in asked:
        from bcdl.robustness import judge_under_shifts
        from bcdl.transforms.shifts import check_shifts

        return judge_under_shifts(run_cfg, run_id, store, check_shifts(cfg.evaluate.shifts), cfg.seed)
    if "tta" in asked:
        from bcdl.augmented import judge_augmented

        return judge_augmented(run_cfg, run_id, store)
    if "data" in cfg:
        from bcdl.elsewhere import judge_elsewhere

        return judge_elsewhere(cfg, run_cfg, run_id, store, _typed())
    return _again(run_cfg, run_id, store)


def _again(cfg: DictConfig, run_id: str, store: "TrackingStore") -> dict[str, float]:
    import torch

    from bcdl.conclude import conclude, infer
    from bcdl.failures import explained
    from bcdl.notebook import restore
    from bcdl.recall import GoneError, data_at_hand, judge_recorded
    from bcdl.subject import Subject
    from bcdl.tracking import TrackedRun
    from bcdl.trained import Training

    try:
        data = data_at_hand(cfg, run_id, store)
    except GoneError as gone:
        return judge_recorded(cfg, run_id, store, gone)
    data, model = restore(cfg, run_id, store, data)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with TrackedRun.reopen(store, run_id) as run, explained(data.batch_size, str(run.folder)):
        predictions = infer(model, data, device)
        return conclude(run, cfg, Subject.of(data, model), predictions, Training.recorded(store, run_id))


def _judge_ensemble(cfg: DictConfig) -> float:
    from bcdl.ensemble import chosen_members, config_of, judge_ensemble
    from bcdl.tracking import TrackingStore

    store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment)
    members = chosen_members(store, cfg.evaluate.runs)
    how = _how(cfg, config_of(store, members.ids[0]).evaluate)
    return judge_ensemble(cfg, how, members, store)


def _how(cfg: DictConfig, earlier: DictConfig) -> DictConfig:
    """Return how an earlier run is judged: as it was, but for what was typed."""
    how = cast(DictConfig, OmegaConf.merge(cfg.evaluate, earlier))
    for key in _typed():
        group, _, name = key.partition(".")
        if key == "evaluate":
            how = cfg.evaluate.copy()
        elif group == "evaluate":
            OmegaConf.update(how, name, OmegaConf.select(cfg, key), merge=False)
    return how


def _typed() -> Iterable[str]:
    from bcdl.lineage import override_key

    return [override_key(text) for text in HydraConfig.get().overrides.task]
