"""What MLflow is told of a model: a signature, an example that works, the versions that it needs."""

from dataclasses import replace

import pytest

from bcdl.data.samples import UNITS
from bcdl.serving.packing import example, requirements, signature
from bcdl.serving.scorer import Scorer


def test_the_example_fits_the_signature_and_is_predicted(scorer: Scorer) -> None:
    drawn = example(scorer.facts)
    answer = scorer.predict(drawn)
    assert answer["error"].isna().all()
    assert answer["images"].sum() == len(drawn)
    assert set(drawn) <= set(signature(scorer.facts).inputs.input_names())
    assert list(answer) == signature(scorer.facts).outputs.input_names()


@pytest.mark.parametrize("unit", UNITS)
def test_the_example_is_one_sample_of_every_unit(unit: str, scorer: Scorer) -> None:
    facts = replace(scorer.facts, unit=unit)
    served = Scorer(scorer.model, scorer._preprocess, facts)
    assert len(served.predict(example(facts))) == 1


def test_the_requirements_are_exact_versions_that_an_index_knows() -> None:
    first, *others = requirements()
    assert first.startswith("bcdl")
    assert all("==" in line and "+" not in line for line in (first, *others))
    assert {line.partition("==")[0] for line in others} >= {"torch", "torchvision", "mlflow", "numpy"}
