"""The space of a sweep: which keys vary over what, under which condition, and what is the same for all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from hydra.core.override_parser.types import Override

from bcdl.errors import UserError
from bcdl.sweeps.conditions import Condition, ancestors, conditions, ordered
from bcdl.sweeps.dimension import Choice, Dimension, Interval, Value, meaning
from bcdl.sweeps.grammar import GroupChoices, dimension
from bcdl.sweeps.written import name_of, written

if TYPE_CHECKING:
    from optuna import Trial

Point = dict[str, Value]
"""A configuration: the value of each key that varies in it."""


@dataclass(frozen=True)
class Space:
    """What varies in a sweep.

    Attributes:
        fixed: overrides that are the same in every configuration, in order.
        dimensions: what each key varies over, in the order in which they were written.
        conditions: of the keys that do not vary everywhere.
        written: the keys with the `+` of their overrides.
    """

    fixed: tuple[str, ...]
    dimensions: Mapping[str, Dimension]
    conditions: Mapping[str, Condition]
    written: Mapping[str, str]

    @classmethod
    def of(
        cls,
        typed: Sequence[str],
        space: Mapping[str, Any],
        when: Mapping[str, Any],
        *,
        searching: bool,
        choices: GroupChoices | None = None,
    ) -> Self:
        """Return the space that the command line and a study describe.

        Args:
            typed: overrides of the command line; for a key of both they win.
            space: the study's, by dotted key: text in Hydra's sweep grammar, a list of values, or one value.
            when: conditions, by dotted key: `<other key>=<value>`, several values by comma.
            searching: whether a sampler proposes values; otherwise all are listed.
            choices: gives the choices of a config group, for `glob`.

        Raises:
            UserError: the space is empty, contradictory or nothing that the sampler could go through.
        """
        overrides = written(typed, space)
        names = {key.lstrip("+") for key in when}
        fixed = [each for each in overrides if not each.is_sweep_override() and name_of(each) not in names]
        varied = [each for each in overrides if each.is_sweep_override() or name_of(each) in names]
        dimensions = {name_of(each): _dimension(each, choices) for each in varied}
        needed = conditions(when, dimensions, {name_of(each): meaning(each._value) for each in fixed})
        found = cls(
            tuple(str(each.input_line) for each in fixed),
            dimensions,
            needed,
            {name_of(each): each.get_key_element() for each in varied},
        )
        found._require_sampled(searching)
        return found

    @property
    def keys(self) -> tuple[str, ...]:
        """What varies, in the order in which it was written."""
        return tuple(self.dimensions)

    def grid(self) -> Iterator[Point]:
        """Yield every configuration once; the first key varies slowest, as in Hydra's own sweeper."""
        yield from self._grid({}, self._order)

    def suggest(self, trial: "Trial") -> Point:
        """Return the configuration that Optuna proposes."""
        point: Point = {}
        for key in self._order:
            if self._varies(key, point):
                point[key] = self.dimensions[key].suggest(trial, key)
        return point

    def samples(self) -> Iterator[Point]:
        """Yield few configurations that together hold every choice; numbers compose alike."""
        left = {key: list(each.samples) for key, each in self.dimensions.items()}
        if not left:
            yield {}
        while wanted := next((key for key in left if left[key]), None):
            point = self._sample(wanted, left)
            for key, value in point.items():
                left[key] = [each for each in left[key] if each != value]
            yield point

    def overrides(self, point: Mapping[str, Any]) -> list[str]:
        """Return what composes a configuration: what is the same for all, then its own."""
        own = [f"{written}={point[key]}" for key, written in self.written.items() if key in point]
        return [*self.fixed, *own]

    def describe(self) -> dict[str, str]:
        """Return for each key what it varies over, and where."""
        return {key: f"{each}{self._where(key)}" for key, each in self.dimensions.items()}

    @property
    def _order(self) -> tuple[str, ...]:
        return ordered(self.dimensions, self.conditions)

    def _varies(self, key: str, point: Mapping[str, Value]) -> bool:
        return key not in self.conditions or self.conditions[key].holds(point)

    def _grid(self, point: Point, keys: Sequence[str]) -> Iterator[Point]:
        if not keys:
            yield point
        elif not self._varies(keys[0], point):
            yield from self._grid(point, keys[1:])
        else:
            for value in self.dimensions[keys[0]].values():
                yield from self._grid({**point, keys[0]: value}, keys[1:])

    def _sample(self, wanted: str, left: Mapping[str, list[Value]]) -> Point:
        """Return a configuration in which a key varies; other keys take values that are left."""
        needed = [
            self.conditions[key]
            for key in [wanted, *ancestors(wanted, self.conditions)]
            if key in self.conditions
        ]
        forced = {condition.key: condition.values[0] for condition in needed}
        point: Point = {}
        for key in self._order:
            if self._varies(key, point):
                point[key] = forced.get(key, [*left[key], *self.dimensions[key].samples][0])
        return point

    def _where(self, key: str) -> str:
        return f" where {self.conditions[key]}" if key in self.conditions else ""

    def _require_sampled(self, searching: bool) -> None:
        if searching and not self.dimensions:
            raise UserError(
                "expected something to search, found no key that varies; write for example model=cnn,cnn_rnn "
                "or 'optimizer.lr=tag(log,interval(1e-5,1e-2))'. Repeated seeds or folds alone go with "
                "sweep=grid"
            )
        if searching:
            return
        for key, each in self.dimensions.items():
            if isinstance(each, Interval):
                raise UserError(
                    f"sweep=grid lists every value, which {key}={each} does not have; write "
                    "range(start,stop,step) or the values, or draw from it with sweep=random or sweep=tpe "
                    "and sweep.n_trials"
                )


def _dimension(override: Override, choices: GroupChoices | None) -> Dimension:
    key = name_of(override)
    if override.is_sweep_override():
        return dimension(override, key, choices)
    return Choice.of([override._value], key)  # one value, under a condition
