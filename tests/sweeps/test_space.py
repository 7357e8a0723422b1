import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna import Trial, create_study

from bcdl.errors import UserError
from bcdl.sweeps.space import Space

GROUPS = {"model": ["_shared", "autoencoder", "cnn", "cnn_rnn"]}


def space(
    *typed: str,
    of_study: Mapping[str, Any] | None = None,
    when: Mapping[str, Any] | None = None,
    searching: bool = False,
) -> Space:
    return Space.of(
        typed, of_study or {}, when or {}, searching=searching, choices=lambda group: GROUPS.get(group, [])
    )


def texts(found: Space) -> list[list[str]]:
    return [found.overrides(point) for point in found.grid()]


def asked() -> Trial:
    return create_study().ask()


@pytest.mark.parametrize(
    "typed",
    [
        ["model=cnn,cnn_rnn", "optimizer.lr=1e-4,3e-4"],
        ["optimizer.lr=choice(1e-4,3e-4)", "seed=range(3)", "model=cnn,cnn_rnn"],
        ["a=range(0,1,0.1)", "b=range(5,0,-2)", "c=range(1.0,3.0)"],
        ["a='x y','it\\'s',z", "b=[1,2],[3]", "c={k:1},{k:2}"],
        ["a=true,false,null", "b=1,1.5,x"],
        ["+new.key=1,2", "++other@_global_.x=a,b"],
        ["a=sort(3,1,2)", "b=tag(log,range(1,4))", "c=float(range(1,3))", "d=str(choice(1,2))"],
    ],
)
def test_a_grid_is_that_of_hydra_s_own_sweeper(typed: list[str]) -> None:
    parsed = OverridesParser.create().parse_overrides(typed)
    assert texts(space(*typed)) == BasicSweeper.split_arguments(parsed, None)[0]


def test_what_does_not_vary_is_in_every_configuration_as_typed() -> None:
    found = space(
        "data=phantom", "model=cnn,cnn_rnn", "~loss.x", "name='a, b'", "sweep.retries=1", "hydra.verbose=true"
    )
    assert found.fixed == ("data=phantom", "~loss.x", "name='a, b'", "sweep.retries=1")
    assert found.keys == ("model",)
    assert texts(found)[0] == [*found.fixed, "model=cnn"]


def test_nothing_that_varies_is_one_configuration_of_a_grid() -> None:
    found = space("model=cnn")
    assert list(found.grid()) == [{}]
    assert list(found.samples()) == [{}]
    assert texts(found) == [["model=cnn"]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1,2", ["1", "2"]),
        ("choice(1,2)", ["1", "2"]),
        ("range(3)", ["0", "1", "2"]),
        ([1, 2.5], ["1", "2.5"]),
        (["cnn", "a b"], ["cnn", r"a\ b"]),
        ([[1, 2], [3]], ["[1,2]", "[3]"]),
        ([True, None], ["True", "null"]),
        (["${seed}", 2], ["${seed}", "2"]),
        ([7], ["7"]),
    ],
)
def test_a_study_writes_values_as_text_or_as_a_list(value: Any, expected: list[str]) -> None:
    assert texts(space(of_study={"k": value})) == [[f"k={text}"] for text in expected]


@pytest.mark.parametrize(
    ("value", "text"), [(3, "3"), ("cnn", "cnn"), (0.5, "0.5"), (None, "null"), (False, "False")]
)
def test_one_value_of_a_study_is_the_same_for_all(value: Any, text: str) -> None:
    found = space(of_study={"k": value})
    assert found.fixed == (f"k={text}",)
    assert found.keys == ()


def test_the_command_line_wins_in_the_study_s_place() -> None:
    study = {"model": "cnn,cnn_rnn", "optimizer.lr": "1e-4,1e-3", "seed": 3}
    found = space("optimizer.lr=0.5,0.6", "dropout=0,1", of_study=study)
    assert found.keys == ("model", "optimizer.lr", "dropout")
    assert found.overrides({"model": "cnn", "optimizer.lr": "0.5", "dropout": "0"}) == [
        "seed=3",
        "model=cnn",
        "optimizer.lr=0.5",
        "dropout=0",
    ]
    fixed = space("model=transfer", of_study=study)
    assert fixed.keys == ("optimizer.lr",)
    assert fixed.fixed == ("model=transfer", "seed=3")
    assert space("+optimizer.lr=1", of_study=study).keys == ("model",)


def test_glob_takes_the_visible_choices_of_its_group() -> None:
    assert [point["model"] for point in space("model=glob(*)").grid()] == ["autoencoder", "cnn", "cnn_rnn"]
    assert [point["model"] for point in space("model=glob(c*,exclude=*_rnn)").grid()] == ["cnn"]


@pytest.mark.parametrize("typed", ["k=shuffle(a,b,c,d,e,f,g,h)", "k=shuffle(range(8))"])
def test_a_shuffled_order_is_met_again(typed: str) -> None:
    first = list(space(typed).grid())
    assert first == list(space(typed).grid())
    plain = typed.replace("shuffle(range(8))", "range(8)").replace("shuffle(", "choice(")
    ordered = list(space(plain).grid())
    assert first != ordered
    assert sorted(map(str, first)) == sorted(map(str, ordered))
    assert space(typed).describe() != space(plain).describe()


CONDITION = {"model.state": "model=cnn_rnn"}


def test_a_key_varies_only_where_its_condition_holds() -> None:
    found = list(space("model=cnn,cnn_rnn", "model.state=32,64", when=CONDITION).grid())
    assert found == [
        {"model": "cnn"},
        {"model": "cnn_rnn", "model.state": "32"},
        {"model": "cnn_rnn", "model.state": "64"},
    ]


def test_the_order_in_which_keys_are_written_does_not_change_which_configurations_there_are() -> None:
    keys = ["model=cnn,cnn_rnn", "model.state=32,64", "model.cell=gru,lstm", "lr=1,2"]
    when = {**CONDITION, "model.cell": "model.state=64"}
    expected = {frozenset(point.items()) for point in space(*keys, when=when).grid()}
    assert len(expected) == 2 * (1 + 1 + 2)
    for order in itertools.permutations(keys):
        points = list(space(*order, when=when).grid())
        assert {frozenset(point.items()) for point in points} == expected
        assert len(points) == len(expected)
        own = [text.partition("=")[0] for text in space(*order, when=when).overrides(points[-1])]
        assert own == [key.partition("=")[0] for key in order if key.partition("=")[0] in own]


@pytest.mark.parametrize(
    ("parent", "condition", "count"),
    [
        ("k=a,b,c", "k=a,c", 2 * 2 + 1),
        ("k='a','b'", "k=a", 3),
        ("k=a,b", "k='a'", 3),
        ("k=1,2", "k=2", 3),
        ("k=true,false", "k=true", 3),
        ("k=null,1", "k=null", 3),
        ("k=range(4)", "k=range(1,3)", 2 * 2 + 2),
        ("k=[1,2],[3]", "k=[1,2]", 3),
        ("k=1e-3,1", "k=0.001", 3),
    ],
)
def test_a_condition_compares_what_is_meant(parent: str, condition: str, count: int) -> None:
    assert len(list(space(parent, "x=1,2", when={"x": condition}).grid())) == count


def test_a_condition_that_a_given_value_meets_always_holds() -> None:
    found = space("model=cnn_rnn", "model.state=32,64", when=CONDITION)
    assert [point["model.state"] for point in found.grid()] == ["32", "64"]


def test_one_value_under_a_condition_is_left_out_elsewhere() -> None:
    found = space("model=cnn,cnn_rnn", "model.state=48", when=CONDITION)
    assert texts(found) == [["model=cnn"], ["model=cnn_rnn", "model.state=48"]]


@pytest.mark.parametrize(
    ("typed", "when", "message"),
    [
        (["model=cnn,cnn_rnn"], CONDITION, "sweep.when has 'model.state', which is neither varied nor given"),
        (["model.state=1,2"], CONDITION, "depends on 'model', which is neither varied nor given"),
        (["model=cnn", "model.state=1,2"], CONDITION, "can never be: model is cnn"),
        (
            ["model=cnn,transfer", "model.state=1,2"],
            CONDITION,
            r"can never be: model is varied over choice\(cnn",
        ),
        (["a=1,2", "b=1,2"], {"a": "b=1", "b": "a=1"}, "found a circle: a -> b -> a"),
        (["a=1,2", "b=1,2", "c=1,2"], {"a": "b=1", "b": "c=1", "c": "b=1"}, "found a circle"),
        (["a=1,2"], {"a": "a=1"}, "found a circle: a -> a"),
        (["a=1,2", "b=1,2"], {"a": "b"}, "expected a condition such as"),
        (["a=1,2", "b=1,2"], {"a": 3}, "expected a condition such as"),
        (["a=1,2", "b=1,2"], {"a": "b=interval(1,2)"}, "expected a condition such as"),
        (["a=1,2", "b=1,2"], {"a": "b=choice("}, "cannot read"),
        (["model=cnn,cnn_rnn", "a=1,2"], {"a": "modle=cnn"}, "Did you mean 'model'"),
    ],
)
def test_a_condition_without_sense_is_refused(
    typed: Sequence[str], when: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        space(*typed, when=when)


def test_a_condition_on_numbers_between_two_is_refused() -> None:
    with pytest.raises(UserError, match="can never be"):
        space("a=interval(0,1)", "b=1,2", when={"b": "a=0.5"}, searching=True)
    assert space("a=int(interval(0,4))", "b=1,2", when={"b": "a=3"}, searching=True)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("k=choice()", "empty choice"),
        ("k=a,a", "expected different values, found a 2 times"),
        ("k=a,'a'", "expected different values"),
        ("k=1e-3,0.001", "expected different values"),
        ("k=range(5,1)", r"range\(5,1,1\) holds no number"),
        ("k=range(1,5,-1)", "holds no number"),
        ("k=range(0)", "holds no number"),
        ("k=range(0,5,0)", "holds no number"),
        ("k=range(0,1,0.0)", "holds no number"),
        ("k=range(0,inf)", "finite numbers"),
        ("k=range(0,1,1e-9)", "holds more than 100000 numbers"),
        ("k=tag(log,range(0,5))", "logarithmic scale has no 0"),
        ("k=tag(log,range(1,9,2))", "steps other than 1"),
        ("k=tag(log,range(0.1,1,0.1))", "steps other than 1"),
        ("k=tag(log,choice(1,2))", "goes with an interval"),
        ("k=tag(lgo,range(1,5))", "the only tag is log, found lgo"),
        ("k=glob(*)", "glob.* lists the choices of a config group, and 'k' is none"),
        ("model=glob(cnm)", "no choice matches cnm. Did you mean 'cnn'.*autoencoder, cnn, cnn_rnn"),
        ("k=rnage(3)", "Unknown function 'rnage'"),
        ("k=choice(1,", "cannot read 'k=choice"),
        ("hydra/launcher=basic,joblib", "cannot|varies hydra"),
        ("sweep=grid,tpe", "varies sweep, of which a sweep has one value"),
        ("sweep.n_trials=10,20", "varies sweep"),
        ("tracking.root=a,b", "varies tracking"),
        ("trial=1,2", "varies trial"),
        ("~k=1,2", "varies leaving a key out"),
    ],
)
@pytest.mark.parametrize("searching", [False, True])
def test_values_without_sense_are_refused(typed: str, message: str, searching: bool) -> None:
    if typed.startswith("hydra"):
        assert space(typed, "a=1,2", searching=searching).keys == ("a",)  # Hydra refuses this one itself
        return
    with pytest.raises(UserError, match=message):
        space(typed, "other=1,2", searching=searching)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("k=interval(2,1)", r"interval\(2.0,1.0\) is empty"),
        ("k=interval(1,1)", "is empty"),
        ("k=int(interval(1.2,1.9))", r"interval\(1,1\) is empty"),
        ("k=interval(0,inf)", "finite numbers"),
        ("k=interval(nan,1)", "finite numbers"),
        ("k=tag(log,interval(0,1))", "begin above 0"),
        ("k=tag(log,interval(-1,1))", "begin above 0"),
        ("k=tag(log,int(interval(0,9)))", "begin above 0"),
    ],
)
def test_an_interval_without_sense_is_refused(typed: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        space(typed, searching=True)


@pytest.mark.parametrize("typed", ["k=interval(0,1)", "k=int(interval(0,9))", "k=tag(log,interval(1,9))"])
def test_a_grid_has_no_interval(typed: str) -> None:
    with pytest.raises(UserError, match=r"sweep=grid lists every value.*range\(start,stop,step\).*sweep=tpe"):
        space(typed)


def test_a_search_needs_something_to_search() -> None:
    with pytest.raises(UserError, match="expected something to search, found no key that varies"):
        space("model=cnn", searching=True)
    assert space("model=choice(cnn)", searching=True).keys == ("model",)


@pytest.mark.parametrize(
    "typed",
    [["k=1,2", "k=3,4"], ["k=1,2", "k=3"], ["k=3", "k=1,2"], ["k=1,2", "+k=3"], ["a@b=1,2", "a@b=3,4"]],
)
def test_a_key_that_stands_twice_is_refused(typed: list[str]) -> None:
    with pytest.raises(UserError, match="expected one set of values for"):
        space(*typed)


def test_of_two_fixed_values_hydra_takes_the_last() -> None:
    assert space("k=1", "m=1,2", "k=2").fixed == ("k=1", "k=2")


def test_an_empty_list_of_a_study_is_refused() -> None:
    with pytest.raises(UserError, match="expected values for 'k', found an empty list"):
        space(of_study={"k": []})


@pytest.mark.parametrize(
    ("typed", "allowed"),
    [
        ("k=a,b,1e-3,true", {"a", "b", "0.001", "True"}),
        ("k=range(3)", {0, 1, 2}),
        ("k=range(10,1,-3)", {10, 7, 4}),
        (
            "k=range(0,1,0.1)",
            {float(text) for text in ["0", ".1", ".2", ".3", ".4", ".5", ".6", ".8", ".9"]}
            | {0.7000000000000001},
        ),
        ("k=range(1,2,0.25)", {1.0, 1.25, 1.5, 1.75}),
        ("k=range(0.3,0.31)", {0.3}),
        ("k=tag(log,range(1,4))", {1, 2, 3}),
        ("k=int(interval(2,4))", {2, 3, 4}),
        ("k=tag(log,int(interval(1,3)))", {1, 2, 3}),
        ("k=shuffle(range(4))", {0, 1, 2, 3}),
    ],
)
def test_a_search_proposes_every_value_of_a_grid_and_no_other(typed: str, allowed: set[Any]) -> None:
    found = space(typed, searching=True)
    study = create_study()
    proposed = [found.suggest(study.ask())["k"] for _ in range(150)]
    assert set(proposed) == allowed
    assert {type(value) for value in proposed} == {type(value) for value in allowed}


def test_an_interval_gives_numbers_of_all_its_length() -> None:
    found = space("lr=tag(log,interval(1e-5,1e-1))", "x=interval(-1,1)", searching=True)
    study = create_study()
    points = [found.suggest(study.ask()) for _ in range(200)]
    assert all(1e-5 <= point["lr"] <= 1e-1 and -1 <= point["x"] <= 1 for point in points)  # type: ignore[operator]
    assert 60 < sum(point["lr"] < 1e-3 for point in points) < 140  # type: ignore[operator]
    assert 60 < sum(point["x"] < 0 for point in points) < 140  # type: ignore[operator]


def test_a_search_keeps_conditions() -> None:
    found = space("model.state=int(interval(8,64))", "model=cnn,cnn_rnn", when=CONDITION, searching=True)
    study = create_study()
    points = [found.suggest(study.ask()) for _ in range(40)]
    assert {(point["model"], "model.state" in point) for point in points} == {
        ("cnn", False),
        ("cnn_rnn", True),
    }


def test_what_a_search_proposes_is_read_back_by_hydra() -> None:
    typed = [
        "+a.b=interval(1e-9,2e-9)",
        "c='x, y','z'",
        "d=interval(-5,-4)",
        "e=[1,2],[3]",
        "f=range(0,1,0.1)",
    ]
    found = space(*typed, searching=True)
    point = found.suggest(asked())
    read = OverridesParser.create().parse_overrides(found.overrides(point))
    assert [override.get_key_element() for override in read] == ["+a.b", "c", "d", "e", "f"]
    values = {override.key_or_group: override.value() for override in read}
    assert (values["a.b"], values["d"], values["f"]) == (point["a.b"], point["d"], point["f"])
    assert values["c"] in ("x, y", "z")
    assert values["e"] in ([1, 2], [3])


def test_a_few_samples_hold_every_choice_and_one_number_of_each_key() -> None:
    found = space(
        "model=cnn,cnn_rnn,transfer", "seed=range(100)", "loss=a,b", "model.cell=gru,lstm", "lr=1e-4,1e-3",
        when={"model.cell": "model=cnn_rnn"},
    )  # fmt: skip
    points = list(found.samples())
    assert len(points) == 4
    assert {point["model"] for point in points} == {"cnn", "cnn_rnn", "transfer"}
    assert {point["loss"] for point in points} == {"a", "b"}
    assert {point.get("model.cell") for point in points} == {None, "gru", "lstm"}
    assert {(point["seed"], point["lr"]) for point in points} == {(0, "0.0001")}
    legal = list(found.grid())
    assert all(point in legal for point in points)


def test_a_space_is_described_however_it_was_written() -> None:
    typed = [
        "model=choice( cnn , cnn_rnn )",
        "lr=tag(log, interval(1e-5,1e-2))",
        "n=int(interval(1,4))",
        "s=range(3)",
    ]
    assert space(*typed, searching=True).describe() == {
        "model": "choice(cnn,cnn_rnn)",
        "lr": "tag(log,interval(1e-05,0.01))",
        "n": "int(interval(1,4))",
        "s": "range(0,3,1)",
    }
    described = space("model=cnn,cnn_rnn", "model.state=1,2", when=CONDITION).describe()
    assert (
        described
        == space(of_study={"model": ["cnn", "cnn_rnn"], "model.state": [1, 2]}, when=CONDITION).describe()
    )
    assert described["model.state"] == "choice(1,2) where model=cnn_rnn"
