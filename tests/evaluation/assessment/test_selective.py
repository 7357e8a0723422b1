import numpy as np
import pandas as pd
import pytest

from bcdl.evaluation.assessment import Settings, assess, written
from bcdl.evaluation.assessment.selective import selective_section, uncertainty_columns

FEW = Settings(draws=100)


def test_every_report_has_risk_over_coverage_by_confidence(table: pd.DataFrame) -> None:
    files = written(assess(table, "image", FEW), FEW, title="t", classes=("a", "b"))
    assert {"figures/risk_coverage.png"} <= files.pictures.keys()
    curve, areas = files.tables["risk_coverage.csv"], files.tables["aurc.csv"]
    assert curve["by"].unique().tolist() == ["confidence"]
    assert curve["coverage"].tolist() == [pytest.approx(share / 10) for share in range(10, 0, -1)]
    test = table[table["split"] == "test"]
    wrong = (test["probability"] >= 0.5) != (test["label"] == 1)
    assert curve["risk"].iloc[0] == pytest.approx(wrong.mean())
    assert (areas["aurc_ci_low"] <= areas["aurc"]).all()
    assert "Selective prediction" in files.texts["report.html"]


def test_confidence_orders_by_the_nearness_to_the_threshold(table: pd.DataFrame) -> None:
    settings = Settings(draws=20, threshold=0.2)
    level = assess(table, "image", settings).levels[0]
    curve = selective_section(level, settings, figures=False).tables["risk_coverage.csv"]
    logit = level.table["logit"]
    kept = (logit - np.log(0.25)).abs().sort_values(ascending=False).index[: len(logit) // 2]
    wrong = (level.table["probability"] >= 0.2) != (level.table["label"] == 1)
    assert curve.set_index("coverage")["risk"][0.5] == pytest.approx(wrong[kept].mean())


def test_disagreement_is_a_further_order_where_every_sample_has_it(table: pd.DataFrame) -> None:
    known = table.assign(disagreement=np.linspace(0, 0.2, len(table)), mutual_information=0.1)
    level = assess(known, "image", FEW).levels[0]
    section = selective_section(level, FEW, figures=False)
    assert section.tables["aurc.csv"]["by"].tolist() == ["confidence", "disagreement", "mutual information"]
    assert "standard deviation of the members" in section.text
    even = section.tables["aurc.csv"].set_index("by")["aurc"]["mutual information"]  # all tie
    assert even == pytest.approx(section.tables["risk_coverage.csv"]["risk"].iloc[0])
    assert not section.pictures


def test_columns_with_gaps_or_words_are_no_order(table: pd.DataFrame) -> None:
    gaps = table.assign(disagreement=np.nan, mutual_information="much")
    assert uncertainty_columns(gaps) == []


def test_several_classes_have_no_balanced_risk() -> None:
    generator = np.random.default_rng(0)
    shares = generator.dirichlet(np.ones(3), 60)
    frame = pd.DataFrame({f"probability_{k}": shares[:, k] for k in range(3)})
    frame = frame.assign(
        **{f"logit_{k}": np.log(shares[:, k]) for k in range(3)},
        sample_id=[str(n) for n in range(60)],
        patient_id=[str(n) for n in range(60)],
        exam_id="e",
        laterality="L",
        split="test",
        label=pd.array(generator.integers(0, 3, 60), dtype="Int64"),
    )
    section = selective_section(assess(frame, "image", FEW).levels[0], FEW)
    assert "balanced_risk" not in section.tables["risk_coverage.csv"]
    assert "1 - the largest probability" in section.text


@pytest.mark.filterwarnings("ignore:class . does not occur")
def test_one_class_alone_has_a_risk(table: pd.DataFrame) -> None:
    level = assess(table[table["label"] == 0], "image", FEW).levels[0]
    curve = selective_section(level, FEW).tables["risk_coverage.csv"]
    assert curve["balanced_risk"].isna().all()
    assert curve["risk"].notna().all()
