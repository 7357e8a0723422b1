import pytest

from bcdl.data.audit.words import counts, p_value, plural, verb


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (2000, "2,000 images")]
)
def test_a_noun_follows_its_count(count: int, words: str) -> None:
    assert plural(count, "image") == words


@pytest.mark.parametrize(("count", "word"), [(0, "are"), (1, "is"), (2, "are")])
def test_a_verb_follows_its_count(count: int, word: str) -> None:
    assert verb(count, "is", "are") == word


def test_counts_are_listed_by_name() -> None:
    assert counts({"train": 1200, "test": 3}) == "train 1,200, test 3"


@pytest.mark.parametrize(
    ("value", "words"), [(0.0123, "p = 0.012"), (1e-9, "p < 0.0001"), (0.0, "p < 0.0001")]
)
def test_tiny_p_values_are_bounds(value: float, words: str) -> None:
    assert p_value(value) == words
