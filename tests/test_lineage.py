"""`resume=` and `from=` where they cannot be had."""

from collections.abc import Callable
from pathlib import Path

import pytest

import bcdl

Verb = Callable[..., int]


@pytest.mark.parametrize("key", ["resume", "from"])
@pytest.mark.parametrize(("reference", "shown"), [("latest", "has none yet"), ("3f2a", "has none yet")])
def test_without_an_earlier_run_there_is_nothing_to_go_on_from(
    key: str, reference: str, shown: str, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("train", f"{key}={reference}") == 2
    assert shown in capsys.readouterr().err


def test_resume_and_from_exclude_each_other(
    bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("train", "resume=latest", "from=latest") == 2
    assert "give one of the two" in capsys.readouterr().err


def test_a_refused_resume_leaves_the_run_as_it_was(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train() == 0
    before = bcdl.load_run()
    assert bcdl_in_process("train", "resume=latest", "model=cnn_rnn", "seed=3") == 2
    err = capsys.readouterr().err
    assert "found also model=cnn_rnn, seed=3" in err
    assert "bcdl train from=latest model=cnn_rnn seed=3" in err
    after = bcdl.load_run()
    assert (after.id, after.config, after.metrics) == (before.id, before.config, before.metrics)
    assert after.store.status(after.id) == "FINISHED"


def test_a_new_run_takes_an_earlier_one_s_groups_and_keys_and_its_own_win(
    train: Verb, bcdl_in_process: Verb
) -> None:
    assert train("model=cnn_rnn", "augment=none", "model.state=8", "seed=1") == 0
    assert bcdl_in_process("train", "from=latest", "seed=2", "augment.flip=0.3") == 0
    cfg = bcdl.load_run().config
    assert (cfg.model.state, cfg.seed, cfg.augment.rotate, cfg.augment.flip) == (8, 2, 0, 0.3)


def test_a_derived_run_can_be_derived_from(train: Verb, bcdl_in_process: Verb) -> None:
    assert train("model.dropout=0.1") == 0
    assert bcdl_in_process("train", "from=latest", "optimizer.lr=0.01") == 0
    assert bcdl_in_process("train", "from=latest", "seed=7") == 0
    cfg = bcdl.load_run().config
    assert (cfg.model.dropout, cfg.optimizer.lr, cfg.seed) == (0.1, 0.01, 7)


def test_a_sweep_can_start_from_an_earlier_run(train: Verb, bcdl_in_process: Verb) -> None:
    assert train("model.dropout=0.1") == 0
    assert bcdl_in_process("train", "-m", "from=latest", "seed=5,6", "trainer.max_epochs=1") == 0
    run = bcdl.load_run()
    assert (run.config.model.dropout, run.config.seed) == (0.1, 6)


def test_a_run_cannot_go_on_to_fewer_epochs_than_it_has(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("trainer.max_epochs=2") == 0
    run = bcdl.load_run()
    assert bcdl_in_process("train", "resume=latest", "trainer.max_epochs=1") == 2
    assert "trainer.max_epochs of 2 or more" in capsys.readouterr().err
    assert run.store.status(run.id) == "FINISHED"


def test_a_resumed_run_is_compared_with_the_epochs_that_it_has_now(
    train: Verb, bcdl_in_process: Verb
) -> None:
    assert train("trainer.max_epochs=1") == 0
    assert bcdl_in_process("train", "resume=latest", "trainer.max_epochs=2") == 0
    assert bcdl.load_run().store.runs()["params.max_epochs"].tolist() == ["2"]


def test_a_run_that_was_trained_elsewhere_does_not_silently_start_anew(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train() == 0
    run = bcdl.load_run()
    (run.store.folder(run.id) / "last.ckpt").unlink()
    run.store.client.set_terminated(run.id, "KILLED")
    assert bcdl_in_process("train", "resume=latest", "trainer.max_epochs=3") == 2
    assert "expected the last checkpoint of run" in capsys.readouterr().err


def test_a_derived_run_lies_in_the_store_that_it_was_asked_for(train: Verb, tracking_root: Path) -> None:
    assert train(f"tracking.root={tracking_root}/../runs") == 0
    assert train("from=latest") == 0
    assert bcdl.load_run().config.tracking.root == str(tracking_root)
