from argparse import ArgumentParser
from pathlib import Path

import pandas as pd
import pytest

from bcdl.compare import add_options, main
from bcdl.errors import UserError
from bcdl.tracking import TrackedRun, TrackingStore


def compare(*arguments: str) -> None:
    parser = ArgumentParser()
    add_options(parser)
    main(parser.parse_args(list(arguments)))


@pytest.fixture
def store(tracking_root: Path, monkeypatch: pytest.MonkeyPatch) -> TrackingStore:
    monkeypatch.setenv("COLUMNS", "160")
    return TrackingStore.open(tracking_root)


def record(store: TrackingStore, model: str, seed: int, auroc: float, parent: str | None = None) -> None:
    with TrackedRun.start(store, model, parent=parent) as run:
        run.log_params({"model": model, "encoder": "small_cnn", "data": "phantom", "seed": seed})
        run.log_metrics({"best/val/auroc": auroc, "test/auroc": 1 - auroc, "test/accuracy": 0.5, "epochs": 5})


def test_the_table_is_best_first_and_says_how_to_open_the_ui(
    store: TrackingStore, capsys: pytest.CaptureFixture[str]
) -> None:
    record(store, "cnn", 0, 0.7)
    record(store, "cnn_rnn", 0, 0.8)
    compare()
    out = capsys.readouterr().out
    assert out.index("cnn_rnn-") < out.index("cnn-")
    assert "0.8000" in out
    assert "bcdl ui" in out
    assert "Mean" not in out


def test_repeated_seeds_get_a_second_table(store: TrackingStore, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, auroc in enumerate([0.6, 0.7, 0.8]):
        record(store, "cnn", seed, auroc)
    compare()
    assert "0.7000 ± 0.1000" in capsys.readouterr().out


def test_the_settings_of_the_spread_are_words_also_in_a_narrow_terminal(
    store: TrackingStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for model, lr in (("cnn", 0.1), ("cnn", 0.2), ("cnn_rnn", 0.1)):
        for seed in range(2):
            with TrackedRun.start(store, model) as run:
                run.log_params({"model": model, "data": "phantom", "seed": seed, "optimizer.lr": lr})
                run.log_metrics({"best/val/auroc": 0.7})
    monkeypatch.setenv("COLUMNS", "80")
    compare()
    out = capsys.readouterr().out
    assert "cnn, optimizer.lr=0.2" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_narrow_terminal_gets_fewer_columns(
    store: TrackingStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, "cnn", 0, 0.7)
    monkeypatch.setenv("COLUMNS", "80")
    compare()
    out = capsys.readouterr().out
    assert "best/val/auroc" in out
    assert "encoder" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_sweep_shows_its_children_only(store: TrackingStore, tmp_path: Path) -> None:
    with TrackedRun.start(store, "sweep", kind="sweep") as sweep:
        record(store, "cnn", 0, 0.7, parent=sweep.id)
    record(store, "transfer", 0, 0.9)
    compare("--sweep", "latest", "--csv", str(tmp_path / "board.csv"))
    board = pd.read_csv(tmp_path / "board.csv")
    assert board["model"].tolist() == ["cnn"]
    assert {"seed", "test/auroc", "run_id", "epochs", "seconds"} <= set(board)


def test_all_runs_of_a_sweep_count_and_else_the_newest(
    store: TrackingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bcdl.compare.NEWEST", 2)
    with TrackedRun.start(store, "sweep", kind="sweep") as sweep:
        for seed in range(3):
            record(store, "cnn", seed, 0.7, parent=sweep.id)
    file = tmp_path / "board.csv"
    for typed, count in ((["--sweep", "latest"], 3), ([], 2), (["--sweep", "latest", "--limit", "1"], 1)):
        compare(*typed, "--csv", str(file))
        assert len(pd.read_csv(file)) == count


def test_brackets_are_shown_as_they_are(store: TrackingStore, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(2):
        with TrackedRun.start(store, "cnn") as run:
            run.log_params({"model": "cnn", "seed": seed, "data.classes": f"[a,{seed % 1}]"})
            run.log_params({"imaging.size": "[256,128]", "encoder": "[odd]"})
            run.log_metrics({"best/val/auroc": 0.7})
    compare()
    assert "[odd]" in capsys.readouterr().out


def test_an_empty_experiment_says_so(store: TrackingStore, capsys: pytest.CaptureFixture[str]) -> None:
    compare()
    assert "No runs yet" in capsys.readouterr().out


def test_a_csv_that_cannot_be_written_is_a_users_error(store: TrackingStore, tmp_path: Path) -> None:
    record(store, "cnn", 0, 0.7)
    with pytest.raises(UserError, match="cannot write"):
        compare("--csv", str(tmp_path / "nowhere" / "board.csv"))
