from pathlib import Path

import pytest

from bcdl.tracking.places import PLACES, configured, masked, parameters, typed_places, without_places

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
    places = typed_places([*TYPED, "data.root=/patients"])
    told = without_places("/patients/exams.csv: row 3; /patients/a, /patients.", places)
    assert told == "<data.path>: row 3; <data.stores.a>, <data.root>."


@pytest.mark.parametrize(
    ("place", "text", "told"),
    [
        ("data", "data/1.dcm: set data.on_bad_row=skip", "<data.root>/1.dcm: set data.on_bad_row=skip"),
        ("data", "no data set; data=manifest", "no data set; data=manifest"),
        ("smith", "'smith', smith-2, smithers, x.smith", "'<data.root>', smith-2, smithers, x.smith"),
        ("/data", "/mnt/data/a, /data/a, /data-2/a", "/mnt/data/a, <data.root>/a, /data-2/a"),
        ("data/busi/", "in data/busi/a.png", "in <data.root>/a.png"),
        ("'/a b'", "/a b/c and file:///a b", "<data.root>/c and file://<data.root>"),
        ("null", "expected null", "expected null"),
        (".", "a . b", "a . b"),
    ],
)
def test_only_whole_paths_are_replaced(place: str, text: str, told: str) -> None:
    assert without_places(text, typed_places([f"data.root={place}"])) == told


def test_a_relative_place_is_hidden_where_it_is_written_from_the_root() -> None:
    assert without_places(f"{Path.cwd()}/data/a.png", {"data.root": "data"}) == "<data.root>/a.png"


def test_the_folder_of_data_sets_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCDL_DATA", "/clinic")
    told = without_places("/clinic/busi/a.png, /clinic/embed", {"data.root": "/clinic/busi"})
    assert told == "<data.root>/a.png, <BCDL_DATA>/embed"


def test_the_places_of_a_configuration_are_found_however_deep() -> None:
    data = {"path": "/e.csv", "stores": ["/a", "/b"], "labels": None, "size": 28, "reader": {"root": "/r"}}
    assert configured({"data": data, "tracking": {"root": "runs"}}) == {
        **{"data.path": "/e.csv", "data.stores.0": "/a", "data.stores.1": "/b"},
    }
