"""What one key of a sweep is varied over: a choice, a range or an interval."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import QuotedString, Transformer

from bcdl.errors import UserError

if TYPE_CHECKING:
    from optuna import Trial

Value = str | int | float


class Dimension(ABC):
    """The values of one key."""

    @abstractmethod
    def values(self) -> Sequence[Value]:
        """Return every value in order, none where they cannot be listed."""

    @abstractmethod
    def suggest(self, trial: "Trial", key: str) -> Value:
        """Return the value that Optuna proposes."""

    @abstractmethod
    def equal_to(self, text: str) -> Value | None:
        """Return the value that a text means, None where it is not among them."""

    @property
    def samples(self) -> tuple[Value, ...]:
        """Values that may compose differently: numbers do not."""
        return tuple(self.values()[:1])

    @property
    def numeric(self) -> bool:
        """Whether there are several numbers with an order."""
        return True


@dataclass(frozen=True)
class Choice(Dimension):
    """Values without an order, as texts of overrides.

    Attributes:
        texts: one a value, as Hydra parses it back.
        meant: the same without quotes.
    """

    texts: tuple[str, ...]
    meant: tuple[str, ...]

    @classmethod
    def of(cls, elements: Iterable[Any], key: str) -> "Choice":
        """Return the choice between parsed elements.

        Raises:
            UserError: there are none, or one stands twice.
        """
        listed = list(elements)
        texts, meant = tuple(map(text_of, listed)), tuple(map(meaning, listed))
        if not texts:
            raise UserError(f"{key}: expected at least one value to choose from, found none")
        twice = [text for text in meant if meant.count(text) > 1]
        if twice:
            raise UserError(
                f"{key}: expected different values, found {twice[0]} {len(twice)} times; sweep.seeds repeats "
                "a configuration with other seeds"
            )
        return cls(texts, meant)

    def values(self) -> Sequence[str]:
        """Return every text."""
        return self.texts

    def suggest(self, trial: "Trial", key: str) -> str:
        """Return the text that Optuna proposes."""
        return str(trial.suggest_categorical(key, self.texts))

    def equal_to(self, text: str) -> str | None:
        """Return the text of the same meaning."""
        return self.texts[self.meant.index(text)] if text in self.meant else None

    @property
    def samples(self) -> tuple[str, ...]:
        """Every text, unless all are numbers."""
        return self.texts[:1] if all(map(_is_number, self.meant)) else self.texts

    @property
    def numeric(self) -> bool:
        """Never: a choice between numbers has no order to Optuna either."""
        return False

    def __str__(self) -> str:
        return f"choice({','.join(self.texts)})"


@dataclass(frozen=True)
class Range(Dimension):
    """Evenly spaced numbers, the stop left out.

    Attributes:
        numbers: in Hydra's order.
        low: the lowest.
        step: between neighbours, above 0.
        log: whether small ones are proposed as often as large ones.
        text: as Hydra writes it.
    """

    numbers: Sequence[int] | Sequence[float]
    low: int | float
    step: int | float
    log: bool
    text: str

    def values(self) -> Sequence[Value]:
        """Return every number."""
        return self.numbers

    def suggest(self, trial: "Trial", key: str) -> Value:
        """Return the number that Optuna proposes, written as a grid writes it."""
        last = len(self.numbers) - 1
        if isinstance(self.low, int) and isinstance(self.step, int):
            return trial.suggest_int(key, self.low, self.low + last * self.step, step=self.step, log=self.log)
        high = float(
            Decimal(str(self.low)) + last * Decimal(str(self.step))
        )  # steps add up exactly, as Optuna demands
        proposed = trial.suggest_float(key, self.low, high, step=self.step)
        return sorted(self.numbers)[round((proposed - self.low) / self.step)]

    def equal_to(self, text: str) -> Value | None:
        """Return the number that a text writes."""
        return next((number for number in self.numbers if str(number) == text), None)

    @property
    def numeric(self) -> bool:
        """Whether there are several."""
        return len(self.numbers) > 1

    def __str__(self) -> str:
        return f"tag(log,{self.text})" if self.log else self.text


@dataclass(frozen=True)
class Interval(Dimension):
    """All numbers between two, both included; whole ones where these are.

    Attributes:
        low: the lowest.
        high: the highest.
        log: whether small ones are proposed as often as large ones.
    """

    low: int | float
    high: int | float
    log: bool

    def values(self) -> Sequence[Value]:
        """Return none: an interval has no list."""
        return ()

    def suggest(self, trial: "Trial", key: str) -> Value:
        """Return the number that Optuna proposes."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(key, self.low, self.high, log=self.log)
        return trial.suggest_float(key, self.low, self.high, log=self.log)

    def equal_to(self, text: str) -> Value | None:
        """Return the whole number that a text writes; others are never met."""
        whole = isinstance(self.low, int) and text.lstrip("-").isdigit()
        return int(text) if whole and self.low <= int(text) <= self.high else None

    @property
    def samples(self) -> tuple[Value, ...]:
        """The lowest number."""
        return (self.low,)

    def __str__(self) -> str:
        text = f"interval({self.low},{self.high})"
        text = f"int({text})" if isinstance(self.low, int) else text
        return f"tag(log,{text})" if self.log else text


def text_of(element: Any) -> str:  # noqa: ANN401 - whatever the grammar yields
    """Return an element as an override's value; a reference such as `${seed}` stays one."""
    if isinstance(element, str) and "${" in element:
        return element
    return str(Transformer.str(element))


def meaning(element: Any) -> str:  # noqa: ANN401 - whatever the grammar yields
    """Return what tells an element from another: 'cnn' with quotes means cnn."""
    return element.text if isinstance(element, QuotedString) else text_of(element)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
