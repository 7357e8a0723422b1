import pytest

from bcdl.tracking.places import PLACES, masked, parameters, without_places

TYPED = ["data=manifest", "data.path=/patients/exams.csv", "+data.stores.a=/patients/a", "seed=1"]


@pytest.mark.parametrize("place", PLACES)
def test_no_place_becomes_a_parameter(place: str) -> None:
    assert parameters([f"{place}=/patients", f"+{place}=/patients", "seed=1"]) == {"seed": "1"}


def test_a_command_keeps_its_keys_and_hides_its_places() -> None:
    assert masked(["train", *TYPED]) == [
        *("train", "data=manifest", "data.path=***", "+data.stores.a=***", "seed=1")
    ]


def test_keys_that_only_begin_like_a_place_are_kept() -> None:
    assert parameters(["data.root_mean=1", "data.stored=2"]) == {"data.root_mean": "1", "data.stored": "2"}


def test_an_error_names_the_key_in_place_of_the_place() -> None:
    words = [*TYPED, "data.root=/patients"]
    told = without_places("/patients/exams.csv: row 3; /patients/a, /patients", words)
    assert told == "<data.path>: row 3; <data.stores.a>, <data.root>"
