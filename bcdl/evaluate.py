"""`bcdl evaluate`: the best checkpoint of a run on its own data, or anyone's predictions from a file."""

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from bcdl.errors import UserError
from bcdl.judge import judge_file, settings_of


def main(cfg: DictConfig) -> float:
    """Judge a run's predictions, inferred anew, or those of a file.

    Returns:
        The run's `best/val/<monitor>`, or the AUROC of the file.

    Raises:
        UserError: neither or both are named, or what is named cannot be judged.
    """
    settings_of(cfg)
    if (cfg.run is None) == (cfg.predictions is None):
        raise UserError(
            "expected a run or a file of predictions: bcdl evaluate run=latest, or bcdl evaluate "
            "predictions=mine.csv out=report"
        )
    if cfg.run is None and "data" in cfg:
        raise UserError("data= goes with run=: the run's model is judged on those data")
    return judge_file(cfg) if cfg.run is None else _judge_run(cfg)


def _judge_run(cfg: DictConfig) -> float:
    """Infer again with a run's best weights, and record the results in it, or nested where data are named.

    A run that cannot infer any more is judged by the predictions that it has recorded.
    """
    import torch

    from bcdl.conclude import conclude, infer
    from bcdl.elsewhere import judge_elsewhere
    from bcdl.failures import explained
    from bcdl.lineage import override_key, run_config
    from bcdl.notebook import restore
    from bcdl.recall import GoneError, data_at_hand, judge_recorded
    from bcdl.subject import Subject
    from bcdl.tracking import TrackedRun, TrackingStore
    from bcdl.trained import Training

    store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment)
    run_id = store.resolve(cfg.run)
    run_cfg = run_config(store, run_id)
    run_cfg.evaluate = OmegaConf.merge(cfg.evaluate, run_cfg.evaluate)
    typed = [override_key(text) for text in HydraConfig.get().overrides.task]
    for key in typed:  # what was typed wins over the run's own
        if key.split(".")[0] == "evaluate":
            OmegaConf.update(run_cfg, key, OmegaConf.select(cfg, key), merge=False)
    monitored = f"best/{run_cfg.callbacks.best.monitor}"
    if "data" in cfg:
        return judge_elsewhere(cfg, run_cfg, run_id, store, typed)[monitored]
    try:
        data = data_at_hand(run_cfg, run_id, store)
    except GoneError as gone:
        return judge_recorded(run_cfg, run_id, store, gone)[monitored]
    data, model = restore(run_cfg, run_id, store, data)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with TrackedRun.reopen(store, run_id) as run, explained(data.batch_size, str(run.folder)):
        predictions = infer(model, data, device)
        training = Training.recorded(store, run_id)
        results = conclude(run, run_cfg, Subject.of(data, model), predictions, training)
    return results[monitored]
