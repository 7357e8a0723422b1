import sqlite3

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    BAD_REQUEST,
    INVALID_PARAMETER_VALUE,
    PERMISSION_DENIED,
    RESOURCE_DOES_NOT_EXIST,
    TEMPORARILY_UNAVAILABLE,
)
from requests import ConnectionError as NoConnection
from requests import HTTPError, Response, Timeout
from sqlalchemy.exc import OperationalError

from bcdl.errors import UserError
from bcdl.tracking import outage
from bcdl.tracking.outage import passes, patience, patient_jobs, patiently, refused


def http(status: int) -> HTTPError:
    response = Response()
    response.status_code = status
    return HTTPError(response=response)


PASSING = [
    MlflowException("API request failed with exception ConnectionRefused"),
    MlflowException("(sqlite3.OperationalError) database is locked", error_code=TEMPORARILY_UNAVAILABLE),
    MlflowException("(psycopg2.InterfaceError) connection already closed", error_code=BAD_REQUEST),
    MlflowException("QueuePool limit of size 5 overflow 10 reached", error_code=BAD_REQUEST),
    OperationalError("SELECT 1", None, sqlite3.OperationalError("database is locked")),
    ConnectionRefusedError(),
    NoConnection(),
    Timeout(),
    *(http(status) for status in (408, 429, 500, 502, 503, 504)),
]
LASTING = [
    MlflowException("invalid name", error_code=INVALID_PARAMETER_VALUE),
    MlflowException("(psycopg2.errors.NumericValueOutOfRange) too large", error_code=BAD_REQUEST),
    http(413),
]
FOR_NOW = [
    MlflowException("not yours", error_code=PERMISSION_DENIED),
    MlflowException("no such run", error_code=RESOURCE_DOES_NOT_EXIST),
    http(401),
    FileNotFoundError(),
    ValueError(),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_a_store_in_trouble_is_asked_again(error: Exception) -> None:
    assert passes(error)
    assert not refused(error)


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_what_the_store_refuses_for_good_is_not_sent_again(error: Exception) -> None:
    assert refused(error)
    assert not passes(error)


@pytest.mark.parametrize("error", FOR_NOW, ids=repr)
def test_a_missing_permission_neither_passes_nor_loses_anything(error: Exception) -> None:
    assert not refused(error)
    assert not passes(error)


class Away:
    """Fails so many times, then answers."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.left, self.error, self.calls = failures, error, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.left:
            raise self.error
        return "here"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "FIRST_WAIT", 0.001)


@pytest.mark.usefixtures("quick")
def test_a_store_that_comes_back_is_waited_for() -> None:
    away = Away(3, NoConnection())
    assert patiently(away, 5) == "here"
    assert away.calls == 4


@pytest.mark.usefixtures("quick")
def test_waiting_ends_with_the_last_failure() -> None:
    with pytest.raises(NoConnection):
        patiently(Away(10**9, NoConnection()), 0.05)


@pytest.mark.usefixtures("quick")
def test_what_does_not_pass_is_raised_at_once() -> None:
    away = Away(1, ValueError("mistyped"))
    with pytest.raises(ValueError, match="mistyped"):
        patiently(away, 60)
    assert away.calls == 1


def test_jobs_of_a_sweep_have_the_patience_that_the_environment_sets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("BCDL_TRACKING_PATIENCE", raising=False)
    with patient_jobs():
        assert patience(0.0) == 60
    assert patience(0.0) == 0
    monkeypatch.setenv("BCDL_TRACKING_PATIENCE", "5")
    with patient_jobs():
        assert patience(0.0) == 5
    assert patience(0.0) == 5


@pytest.mark.parametrize("text", ["soon", "-1", "nan"])
def test_a_patience_that_is_no_time_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCDL_TRACKING_PATIENCE", text)
    with pytest.raises(UserError, match=f"seconds of 0 or more, found '{text}'"):
        patience()
