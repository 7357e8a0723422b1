"""`resume=` and `from=` where they cannot be had."""

from collections.abc import Callable

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
