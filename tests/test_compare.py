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


def test_of_many_runs_the_best_are_printed_and_a_file_holds_every_one(
    store: TrackingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bcdl.compare.SHOWN", 2)
    for model, auroc in (("cnn", 0.7), ("transfer", 0.6), ("cnn_rnn", 0.8)):
        record(store, model, 0, auroc)
    compare("--csv", str(tmp_path / "board.csv"))
    out = capsys.readouterr().out
    assert "the best 2 of 3" in out
    assert "Write every row to a file: --csv FILE" in out
    assert ("0.8000" in out, "0.7000" in out, "0.6000" in out) == (True, True, False)
    assert len(pd.read_csv(tmp_path / "board.csv")) == 3


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


@pytest.fixture
def sweep(store: TrackingStore) -> str:
    """A sweep of two trials of two folds each, by the loss."""
    tags = {"bcdl.sweep": "folds", "bcdl.objectives": "best/val/loss", "bcdl.varied": "optimizer.lr"}
    with TrackedRun.start(store, "folds", kind="sweep", tags=tags) as parent:
        store.client.update_run(parent.id, name="folds")
        for trial, losses in enumerate([(0.4, 0.6), (0.2, 0.4)]):
            for fold, loss in enumerate(losses):
                place = {"bcdl.trial": str(trial), "bcdl.job": str(fold), "bcdl.try": str(trial)}
                with TrackedRun.start(store, "cnn", parent=parent.id, tags=place) as run:
                    run.log_params({"model": "cnn", "seed": 0, "data.fold": fold, "lr": 10**-trial})
                    run.log_metrics({"best/val/loss": loss, "best/val/auroc": 0.5})
    return parent.id


def test_folds_of_a_sweep_get_their_mean_by_trial(
    store: TrackingStore, sweep: str, capsys: pytest.CaptureFixture[str]
) -> None:
    compare("--sweep", "folds", "--metric", "loss")
    table = capsys.readouterr().out.partition("Mean ± SD over folds and seeds")[2]
    assert "cnn, lr=0.1" in table
    assert table.index("0.3000 ± 0.1414") < table.index("0.5000 ± 0.1414")


def test_a_sweep_is_drawn_by_its_own_objective(store: TrackingStore, sweep: str, tmp_path: Path) -> None:
    compare("--sweep", sweep, "--limit", "1", "--plot", str(tmp_path / "sweep.html"))
    page = (tmp_path / "sweep.html").read_text(encoding="utf-8")
    assert "Best: trial 1" in page
    assert "best/val/loss 0.3000 ± 0.1414" in page
    assert "2 finished" in page


def test_a_running_sweep_of_one_trial_is_drawn_too(store: TrackingStore, tmp_path: Path) -> None:
    with TrackedRun.start(store, "early", kind="sweep") as parent:
        record(store, "cnn", 0, 0.7, parent=parent.id)
        compare("--sweep", "latest", "--plot", str(tmp_path / "sweep.html"))
    page = (tmp_path / "sweep.html").read_text(encoding="utf-8")
    assert "running" in page
    assert "there is one trial only" in page


def test_a_sweep_without_a_trial_yet_has_a_page(store: TrackingStore, tmp_path: Path) -> None:
    with TrackedRun.start(store, "early", kind="sweep"):
        compare("--sweep", "latest", "--plot", str(tmp_path / "sweep.html"))
    assert "No trial has begun yet" in (tmp_path / "sweep.html").read_text(encoding="utf-8")


def test_a_plot_is_of_a_sweep(store: TrackingStore, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="add --sweep latest"):
        compare("--plot", str(tmp_path / "sweep.html"))


def test_a_training_run_is_no_sweep(store: TrackingStore) -> None:
    with TrackedRun.start(store, "cnn") as run:
        pass
    with pytest.raises(UserError, match="expected --sweep to name a sweep, found the train run cnn-"):
        compare("--sweep", run.id)


def test_a_plot_that_cannot_be_written_is_a_users_error(
    store: TrackingStore, sweep: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"cannot write .*--plot"):
        compare("--sweep", sweep, "--plot", str(tmp_path / "nowhere" / "sweep.html"))
