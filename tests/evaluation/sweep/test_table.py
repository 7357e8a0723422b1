from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bcdl.evaluation.sweep import trials_table
from bcdl.evaluation.sweep.table import SHORT_NAMES
from bcdl.record import _HEADLINE_KEYS

AUROC = "best/val/auroc"
Runs = Callable[..., pd.DataFrame]


def job(
    trial: int, job: int = 0, value: float | None = 0.5, attempt: int = 0, **more: object
) -> dict[str, object]:
    tags = {"bcdl.trial": trial, "bcdl.job": job, "bcdl.try": attempt}
    own = {f"tags.{key}": str(tag) for key, tag in tags.items()}
    return {**own, f"metrics.{AUROC}": value, "metrics.seconds": 10.0, **more}


def test_a_configuration_has_mean_and_sd_over_its_jobs(runs_of: Runs) -> None:
    table = trials_table(runs_of(*(job(3, n, value) for n, value in enumerate([0.6, 0.7, 0.9]))), [AUROC], [])
    assert table["trial"].tolist() == [3]
    assert table["jobs"].tolist() == [3]
    assert table[AUROC].tolist() == [pytest.approx(2.2 / 3)]
    assert table[f"{AUROC} sd"].tolist() == [pytest.approx(np.std([0.6, 0.7, 0.9], ddof=1))]
    assert table["seconds"].tolist() == [30.0]
    assert table["started"].tolist() == [pd.Timestamp("2026-01-01")]


def test_one_job_has_no_sd(runs_of: Runs) -> None:
    assert trials_table(runs_of(job(0)), [AUROC], [])[f"{AUROC} sd"].isna().all()


def test_a_retry_keeps_the_finished_jobs_of_earlier_tries(runs_of: Runs) -> None:
    runs = runs_of(
        job(0, 0, 0.6, attempt=0),
        job(0, 1, None, attempt=0, status="FAILED"),
        job(0, 1, 0.8, attempt=5),
    )
    table = trials_table(runs, [AUROC], [])
    assert table[["state", "jobs"]].to_numpy().tolist() == [["finished", 2]]
    assert table[AUROC].tolist() == [pytest.approx(0.7)]


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        ({}, {"status": "FAILED"}, "failed"),
        ({"tags.bcdl.pruned": "true"}, {"status": "FAILED"}, "failed"),
        ({}, {"tags.bcdl.pruned": "true"}, "pruned"),
        ({}, {"status": "KILLED"}, "killed"),
        ({"status": "RUNNING"}, {"status": "KILLED"}, "killed"),
        ({}, {"status": "RUNNING"}, "running"),
        ({}, {}, "finished"),
    ],
)
def test_the_worst_job_says_what_a_configuration_is(
    runs_of: Runs, first: dict[str, object], second: dict[str, object], state: str
) -> None:
    table = trials_table(runs_of(job(0, 0, **first), job(0, 1, **second)), [AUROC], [])
    assert table["state"].tolist() == [state]
    assert table[AUROC].notna().tolist() == [state in ("finished", "pruned")]


def test_a_configuration_with_fewer_jobs_than_it_is_to_have_is_running_still(runs_of: Runs) -> None:
    table = trials_table(runs_of(job(0, 0), job(0, 1), job(1, 0)), [AUROC], [], jobs=2)
    assert table["state"].tolist() == ["finished", "running"]


def test_a_key_is_found_under_its_short_name_and_numbers_are_numbers(runs_of: Runs) -> None:
    rows = [
        {"params.lr": "0.001", "params.model": "cnn"},
        {"params.lr": "1e-4", "params.model": "cnn_rnn", "params.model.hidden": "32"},
    ]
    keys = ["optimizer.lr", "model", "model.hidden"]
    table = trials_table(runs_of(*(job(n, **row) for n, row in enumerate(rows))), [AUROC], keys)
    assert table["params.optimizer.lr"].tolist() == [0.001, 0.0001]
    assert table["params.model"].tolist() == ["cnn", "cnn_rnn"]
    assert table["params.model.hidden"].isna().tolist() == [True, False]
    assert table["params.model.hidden"].dtype.kind == "f"


def test_numbers_beside_a_word_stay_words(runs_of: Runs) -> None:
    rows = [job(0, **{"params.decay": "null"}), job(1, **{"params.decay": "0.1"})]
    assert trials_table(runs_of(*rows), [AUROC], ["decay"])["params.decay"].tolist() == ["null", "0.1"]


def test_the_short_names_are_those_that_a_run_records() -> None:
    recorded = {key: name for name, key in _HEADLINE_KEYS.items() if name != key}
    assert recorded == SHORT_NAMES


def test_runs_without_a_trial_are_one_each_in_the_order_of_their_start(runs_of: Runs) -> None:
    rows = [{f"metrics.{AUROC}": 0.1}, {f"metrics.{AUROC}": 0.2}]
    assert trials_table(runs_of(*rows), [AUROC], [])[AUROC].tolist() == [0.1, 0.2]


def test_a_sweep_without_runs_has_an_empty_table() -> None:
    runs = pd.DataFrame(columns=["run_id", "name", "status", "kind", "parent", "started"])
    table = trials_table(runs, [AUROC], ["optimizer.lr"])
    assert table.empty
    assert {"trial", "state", AUROC, f"{AUROC} sd", "params.optimizer.lr"} <= set(table)
