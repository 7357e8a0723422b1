import json
from argparse import ArgumentParser
from pathlib import Path

import pytest

from bcdl.diff import add_options, differences, flatten, main
from bcdl.tracking import TrackedRun, TrackingStore


@pytest.fixture
def store(tracking_root: Path, monkeypatch: pytest.MonkeyPatch) -> TrackingStore:
    monkeypatch.setenv("COLUMNS", "160")
    return TrackingStore.open(tracking_root)


def record(store: TrackingStore, lr: float, digest: str = "aaa") -> str:
    facts = {
        "git": {"commit": "c0ffee", "dirty": False},
        "packages": {"torch": "2.14.1"},
        "machine": {"cores": 2},
    }
    with TrackedRun.start(store, "cnn") as run:
        run.log_text(f"model: cnn\noptimizer: {{lr: {lr}}}\n", "config.yaml")
        run.log_text(json.dumps(facts), "provenance.json")
        run.log_input("phantom", digest, "phantom")
        run.log_metrics({"test/auroc": 0.8})
    return run.id


def diff(*arguments: str) -> None:
    parser = ArgumentParser()
    add_options(parser)
    main(parser.parse_args(list(arguments)))


def test_what_differs_is_shown_and_the_rest_is_identical(
    store: TrackingStore, capsys: pytest.CaptureFixture[str]
) -> None:
    diff(record(store, 0.1), record(store, 0.2, digest="bbb"))
    out = capsys.readouterr().out
    assert "optimizer.lr" in out
    assert "model" not in out
    assert "bbb" in out
    for section in ("Code", "Versions", "Machine", "Metrics"):
        assert f"{section}: identical" in out


def test_a_run_that_recorded_nothing_can_be_compared(
    store: TrackingStore, capsys: pytest.CaptureFixture[str]
) -> None:
    with TrackedRun.start(store, "cnn") as run:
        pass
    diff(record(store, 0.1), run.id)
    assert "c0ffee" in capsys.readouterr().out


def test_nested_values_get_dotted_names() -> None:
    assert flatten({"a": {"b": [1, 2]}, "c": None, "d": []}) == {"a.b.0": 1, "a.b.1": 2, "c": None, "d": []}


def test_a_key_that_only_one_has_differs() -> None:
    assert differences({"a": 1, "b": 2}, {"b": 2, "c": 3}) == [("a", "1", "-"), ("c", "-", "3")]
