"""A run that judges another one's model anew, nested under it, which stays as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

from omegaconf import DictConfig, OmegaConf

from bcdl.data import ExamDataModule
from bcdl.failures import explained
from bcdl.tracking import TrackedRun, TrackingStore
from bcdl.tracking.artifacts import CONFIG
from bcdl.tracking.tags import FINGERPRINT_TAG


@contextmanager
def nested_evaluation(
    store: TrackingStore, run_id: str, cfg: DictConfig, data: ExamDataModule, what: str
) -> Iterator[TrackedRun]:
    """Open a run of kind `evaluate` under another one, with its configuration and the data's fingerprint.

    Args:
        store: the tracking store.
        run_id: the run whose model is judged.
        cfg: the configuration by which that is done.
        data: the prepared data that it is judged on.
        what: ends the name, as `tta-flip`.
    """
    stem = f"{store.client.get_run(run_id).info.run_name}-{what}"
    with TrackedRun.start(store, stem, kind="evaluate", parent=run_id) as nested:
        nested.log_text(OmegaConf.to_yaml(cfg, resolve=True), CONFIG)
        nested.set_tags({FINGERPRINT_TAG: data.fingerprint()})
        with explained(data.batch_size, str(nested.folder)):
            yield nested
