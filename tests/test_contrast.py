"""`bcdl compare --test`: readings of the same samples tested in pairs."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from bcdl.compare import add_options, main
from bcdl.errors import UserError


def compare(*arguments: object) -> None:
    parser = ArgumentParser()
    add_options(parser)
    main(parser.parse_args([str(argument) for argument in arguments]))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    generator = np.random.default_rng(0)
    label = np.arange(120) % 3 == 0
    found = []
    for name, noise in (("good", 0.15), ("fair", 0.5), ("poor", 2.0)):
        share = np.clip(0.3 + 0.4 * label + generator.normal(0, noise, 120), 0.001, 0.999)
        table = pd.DataFrame(
            {
                "sample_id": range(120),
                "patient_id": range(120),
                "label": label.astype(int),
                "probability": share,
            }
        )
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        found.append(tmp_path / f"{name}.csv")
    return found


def test_two_files_are_tested_and_written_as_json(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    compare("--predictions", files[0], files[2], "--test", "--json", tmp_path / "tests.json")
    facts = json.loads((tmp_path / "tests.json").read_text())
    tests = facts["comparisons"][0]["tests"]
    assert {"delong_auroc", "mcnemar_accuracy", "mcnemar_sensitivity", "bootstrap_auroc"} <= set(tests)
    assert tests["delong_auroc"]["p_value"] < 0.001
    good, poor = (pd.read_csv(files[place]) for place in (0, 2))
    difference = roc_auc_score(good["label"], good["probability"]) - roc_auc_score(
        poor["label"], poor["probability"]
    )
    assert tests["delong_auroc"]["difference"]["value"] == pytest.approx(difference)
    assert "120 samples of 120 patients" in capsys.readouterr().out


def test_of_several_files_each_is_tested_against_the_first_with_holms_correction(
    files: list[Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    compare("--predictions", *files, "--test")
    shown = capsys.readouterr().out
    assert "AUROC against good.csv" in shown
    assert "p, Holm" in shown


def test_files_of_other_samples_are_refused_with_counts(files: list[Path]) -> None:
    pd.read_csv(files[1]).iloc[:100].to_csv(files[1], index=False)
    with pytest.raises(UserError, match="100 in both, 20 in the first alone"):
        compare("--predictions", files[0], files[1], "--test")


def test_two_runs_are_tested_on_the_test_samples_they_share(
    train: Callable[..., int], capsys: pytest.CaptureFixture[str], tracking_root: Path
) -> None:
    assert train() == 0
    assert train("optimizer.lr=0.01") == 0
    capsys.readouterr()
    from bcdl.tracking import TrackingStore

    runs = TrackingStore.open(tracking_root).runs()["run_id"].tolist()
    compare(*runs, "--test", "--tracking-root", tracking_root)
    assert "McNemar" in capsys.readouterr().out
    compare("--test", "--tracking-root", tracking_root)
    assert "AUROC against" not in capsys.readouterr().out  # two: every test of them
    assert train("optimizer.lr=0.02") == 0
    compare("--test", "--tracking-root", tracking_root)
    assert "told apart" in capsys.readouterr().out


@pytest.mark.parametrize("typed", [["a", "--test"], ["a", "b"], ["--predictions", "a.csv", "--test"]])
def test_what_cannot_be_tested_is_explained(typed: list[str]) -> None:
    with pytest.raises(UserError, match="expected two or more runs, or files, and --test"):
        compare(*typed)


def test_files_of_one_name_are_kept_apart_and_those_of_other_samples_left_out(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    again = tmp_path / "again" / "good.csv"
    again.parent.mkdir()
    pd.read_csv(files[0]).iloc[:100].to_csv(again, index=False)
    compare("--predictions", *files, again, "--test")
    shown = capsys.readouterr().out
    assert "left out: good.csv" in shown
    assert "AUROC against good.csv" in shown
    with pytest.raises(UserError, match=r"same test samples as good\.csv, found none"):
        compare("--predictions", again, files[0], files[1], "--test")
