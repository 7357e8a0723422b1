"""What stays of a run's checkpoints."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from sklearn.linear_model import LogisticRegression

import bcdl
from bcdl.checkpoints import best_checkpoint, check_keep, fitted, mark_fitted, record_best, tidy
from bcdl.errors import UserError
from bcdl.tracking import TrackedRun, TrackingStore

Train = Callable[..., int]


@pytest.fixture
def run(tracking_root: Path) -> TrackedRun:
    """A run with both checkpoints in its folder; the test closes it."""
    run = TrackedRun.start(TrackingStore.open(tracking_root), "cnn")
    for name in ("best", "last"):
        (run.folder / f"{name}.ckpt").write_bytes(name.encode())
    return run


@pytest.mark.parametrize(
    ("keep", "recorded", "local"),
    [("all", {"best.ckpt"}, {"last.ckpt"}), ("best", {"best.ckpt"}, set()), ("none", set(), set())],
)
def test_keep_says_what_stays(keep: str, recorded: set[str], local: set[str], run: TrackedRun) -> None:
    record_best(run, torch.nn.Identity(), keep)
    run.close("FINISHED")
    tidy(run.folder, keep)
    assert {path.name for path in run.folder.glob("*.ckpt")} == local
    found = run.store.client.list_artifacts(run.id, "checkpoints")
    assert {Path(item.path).name for item in found} == recorded


def test_an_unknown_keep_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"all, best, none, found 'bset'\. Did you mean 'best'\?"):
        check_keep("bset")


def test_a_resumed_run_gets_its_best_checkpoint_back(run: TrackedRun) -> None:
    record_best(run, torch.nn.Identity(), "all")
    run.close("FINISHED")
    tidy(run.folder, "all")
    resumed = TrackedRun.resume(run.store, run.id)
    assert best_checkpoint(resumed).read_bytes() == b"best"
    resumed.close("FINISHED")


def test_a_new_run_s_best_checkpoint_is_where_training_will_write_it(run: TrackedRun) -> None:
    (run.folder / "best.ckpt").unlink()
    path = best_checkpoint(run)
    assert path == run.folder / "best.ckpt"
    assert not path.exists()
    run.close("FINISHED")


def test_a_run_that_is_fitted_is_not_fitted_again_unless_it_gets_more_epochs(run: TrackedRun) -> None:
    cfg = OmegaConf.create({"trainer": {"max_epochs": 5}})
    assert not fitted(run.folder, cfg).whole
    mark_fitted(run.folder, cfg, pruned=True)
    assert fitted(run.folder, cfg).whole
    assert fitted(run.folder, cfg).pruned
    more = OmegaConf.create({"trainer": {"max_epochs": 8}})
    assert not fitted(run.folder, more).whole
    tidy(run.folder, "all")
    assert not fitted(run.folder, cfg).whole
    run.close("FINISHED")


def test_a_separate_classifier_is_recorded_as_skops(train: Train) -> None:
    typed = ("model=transfer", "encoder=small_cnn", "model.mode=separate_classifier")
    assert train(*typed) == 0
    run = bcdl.load_run()
    assert run.store.has_artifact(run.id, "checkpoints/classifier.skops")
    import skops.io

    file = run.store.download(run.id, "checkpoints/classifier.skops")
    untrusted = skops.io.get_untrusted_types(file=file)
    assert untrusted == []
    estimator = skops.io.load(file)
    assert isinstance(estimator[-1] if hasattr(estimator, "steps") else estimator, LogisticRegression)
