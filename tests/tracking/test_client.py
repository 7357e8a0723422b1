import pytest
from mlflow.exceptions import MlflowException

from bcdl.errors import RunError
from bcdl.tracking import outage
from bcdl.tracking.client import PatientClient


class Flaky:
    """Fails once in every method."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def get_run(self, run_id: str) -> str:
        return self._answer(f"get {run_id}")

    def create_run(self, experiment_id: str) -> str:
        return self._answer(f"create {experiment_id}")

    def _answer(self, call: str) -> str:
        self.calls.append(call)
        if self.calls.count(call) == 1:
            raise MlflowException("no answer")
        return call


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "FIRST_WAIT", 0.001)
    monkeypatch.setenv("BCDL_TRACKING_PATIENCE", "5")


def test_what_may_happen_twice_waits_for_the_store() -> None:
    client = PatientClient(Flaky(), "the store")  # type: ignore[arg-type]
    assert client.get_run("3f2a") == "get 3f2a"


def test_nothing_is_created_twice() -> None:
    flaky = Flaky()
    with pytest.raises(MlflowException):
        PatientClient(flaky, "the store").create_run("0")  # type: ignore[arg-type]
    assert flaky.calls == ["create 0"]


def test_a_store_that_stays_away_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCDL_TRACKING_PATIENCE", "0")
    with pytest.raises(RunError, match=r"http://store has not answered for 0 s .* `bcdl sync` delivers"):
        PatientClient(Flaky(), "http://store").get_run("3f2a")  # type: ignore[arg-type]
