"""`bcdl evaluate`: the best checkpoint of a run on its own data, with its own configuration."""

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from bcdl.conclude import conclude, infer
from bcdl.evaluation import check_rule, check_threshold
from bcdl.failures import explained
from bcdl.lineage import override_key, run_config
from bcdl.notebook import restore
from bcdl.tracking import TrackedRun, TrackingStore


def main(cfg: DictConfig) -> float:
    """Infer again with a run's best weights, record the results in it, and return `best/val/<monitor>`."""
    check_threshold(cfg.evaluate.threshold)
    check_rule(cfg.evaluate.aggregate)
    store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment)
    run_id = store.resolve(cfg.run)
    run_cfg = run_config(store, run_id)
    for key in map(override_key, HydraConfig.get().overrides.task):  # what was typed wins over the run's own
        if key.split(".")[0] == "evaluate":
            OmegaConf.update(run_cfg, key, OmegaConf.select(cfg, key), merge=False)
    data, model = restore(run_cfg, run_id, store)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with TrackedRun.reopen(store, run_id) as run, explained(data.batch_size, str(run.folder)):
        results = conclude(run, run_cfg, data, infer(model, data, device))
    return results[f"best/{run_cfg.callbacks.best.monitor}"]
