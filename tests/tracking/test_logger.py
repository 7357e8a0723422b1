from pathlib import Path

from bcdl.tracking import RunLogger, TrackedRun, TrackingStore


def test_metrics_arrive_at_their_step_without_lightnings_epoch(tracking_root: Path) -> None:
    store = TrackingStore.open(tracking_root)
    with TrackedRun.start(store, "cnn") as run:
        logger = RunLogger(run)
        for epoch in range(3):
            logger.log_metrics({"train/loss": 1.0 - epoch / 10, "epoch": epoch}, step=epoch * 5)
        logger.log_metrics({"epoch": 2}, step=15)
        logger.log_hyperparams({"ignored": 1})
        logger.finalize("success")
    history = store.client.get_metric_history(run.id, "train/loss")
    assert [(metric.step, metric.value) for metric in history] == [(0, 1.0), (5, 0.9), (10, 0.8)]
    assert store.metrics(run.id)["epochs"] == 3
    assert "epoch" not in store.metrics(run.id)
    assert store.client.get_run(run.id).data.params == {}


def test_the_logger_names_its_run(tracking_root: Path) -> None:
    with TrackedRun.start(TrackingStore.open(tracking_root), "cnn") as run:
        logger = RunLogger(run)
        assert (logger.name, logger.version, logger.save_dir) == (run.name, run.id, str(run.folder))
