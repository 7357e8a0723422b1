"""One MLflow run from its opening to its true status; everything logged goes through the run's journal."""

import logging
import re
import shutil
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from bcdl.errors import UserError
from bcdl.tracking.census import ENDED
from bcdl.tracking.courier import MAX_BATCH, Courier
from bcdl.tracking.journal import Journal
from bcdl.tracking.outage import headline, patiently
from bcdl.tracking.places import typed_places, without_passwords, without_places
from bcdl.tracking.signals import termination_raises, was_interrupted
from bcdl.tracking.store import TrackingStore
from bcdl.tracking.tags import CHANGED, ERROR_TAG, KIND_TAG, PARENT_TAG

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)
_ODD = re.compile(r"[^\w\-. :/]")  # MLflow refuses such characters in names
MAX_PARAM = 6000  # MLflow's limits
MAX_TAG = 5000
PATIENCE = 10.0  # seconds without any delivery before closing gives up
UNWRITTEN = "The error of run %s could not be written (%s); its status goes to the store all the same."
UNDELIVERED = "Not all of run %s has arrived; its journal keeps it, and `bcdl sync` or the next run sends it."
UNENDED = "The status %s of run %s has not arrived (%s), and its journal could not keep it."


def run_name(model: str, encoder: str, data: str, run_id: str) -> str:
    """Return a name that a person can tell apart, such as `cnn_rnn-resnet18-breastmnist-3f2a`."""
    return f"{model}-{encoder}-{data}-{run_id[:4]}"


class TrackedRun:
    """A live run; use it as a context manager, which closes it FINISHED, FAILED or KILLED.

    Logging never waits for the store: it writes to the journal in `folder`, and a courier delivers.

    Attributes:
        id: MLflow run id.
        name: run name.
        folder: local working folder, `<root>/runs/<id>`.
        resumed: whether an earlier process opened this run.
    """

    def __init__(self, store: TrackingStore, run_id: str, name: str) -> None:
        self.store, self.id, self.name = store, run_id, name
        self.folder = store.folder(run_id)
        self.patience = PATIENCE
        self._journal = Journal(self.folder, mark=store.mark)
        self._courier = Courier(store.plain_client, run_id, self._journal)
        self.resumed = False
        self._known_params: dict[str, str] = {}
        self._places: dict[str, str] = {}
        self._logged: tuple[dict[str, float], dict[str, str]] = ({}, {})  # metrics and tags
        self._earlier_seconds, self._started = 0.0, time.monotonic()
        self._guards = ExitStack()

    @classmethod
    def start(
        cls,
        store: TrackingStore,
        stem: str,
        *,
        kind: str = "train",
        parent: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> Self:
        """Open a new run.

        Args:
            store: the open store.
            stem: beginning of the run's name; the first 4 characters of its id are added.
            kind: `train`, `evaluate` or `sweep`.
            parent: id of the run to nest under.
            tags: further tags.

        Raises:
            RunError: if the store does not answer for `$BCDL_TRACKING_PATIENCE` seconds.
        """
        nesting = {PARENT_TAG: parent} if parent else {}
        every_tag = {KIND_TAG: kind, **nesting, **(tags or {})}
        run_id = store.create_run(stem, every_tag)
        run = cls(store, run_id, f"{stem}-{run_id[:4]}")
        with run._closed_on_error():
            store.client.update_run(run_id, name=run.name)
        return run

    @classmethod
    def resume(cls, store: TrackingStore, run_id: str) -> Self:
        """Open an existing run that goes on: it is RUNNING again and will get a new status.

        Raises:
            UserError: if another process writes this run.
        """
        earlier = store.client.get_run(run_id)
        run = cls(store, run_id, earlier.info.run_name)
        run.resumed = True
        run._known_params = dict(earlier.data.params)
        run._earlier_seconds = earlier.data.metrics.get("seconds", 0.0)
        with run._closed_on_error():
            if run._journal.ended:  # it has not arrived yet, and is to be followed by this
                run._journal.append("status", status="RUNNING", end=None)
            store.client.update_run(run_id, status="RUNNING")
        return run

    @classmethod
    def reopen(cls, store: TrackingStore, run_id: str) -> Self:
        """Open a run that ended, to add results: its status and its end stay, whatever happens meanwhile.

        Raises:
            UserError: if another process writes this run, or it has not ended.
        """
        earlier = store.client.get_run(run_id)
        if earlier.info.status not in ENDED:  # one that goes on keeps the time of its earlier end
            raise UserError(
                f"expected a run that has ended, but {earlier.info.run_name} is {earlier.info.status}"
            )
        run = cls(store, run_id, earlier.info.run_name)
        run.resumed = True
        run._known_params = dict(earlier.data.params)
        run._journal.append("status", status=earlier.info.status, end=earlier.info.end_time)
        return run

    def __enter__(self) -> Self:
        self._guards.enter_context(termination_raises())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(status_of(error), error)

    def close(self, status: str, error: BaseException | None = None) -> None:
        """End the run with a status; the error of a FAILED run becomes a tag and the artifact `error.txt`."""
        with self._guards:
            complete = self._try_ending(status, error)
            self._courier.close(self.patience)
            if not self._journal.close():
                log.warning(UNDELIVERED, self.name)
            if not complete:
                self._end_directly(status)

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.close(status_of(error), error)
            raise

    def _end_directly(self, status: str) -> None:
        try:
            patiently(lambda: self.store.plain_client.set_terminated(self.id, status), self.patience)
        except Exception as error:  # whatever a client or a network can raise
            log.warning(UNENDED, status, self.name, headline(error))

    def _try_ending(self, status: str, error: BaseException | None) -> bool:
        """Write how the run ends into the journal; return False where that cannot be."""
        try:
            if not self._journal.ended:
                self._log_ending(status, error)
        except (OSError, ValueError) as failed:  # a full disk, a damaged line
            log.warning(UNWRITTEN, self.name, failed)
            return False
        return True

    def _log_ending(self, status: str, error: BaseException | None) -> None:
        if error is not None and status == "FAILED":
            told = f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))
            places = typed_places(sys.argv) | self._places
            headline, trace = (without_places(text, places) for text in told)
            self.set_tags({ERROR_TAG: headline})
            self.log_text(trace, "error.txt")
        self.log_metrics({"seconds": self._earlier_seconds + time.monotonic() - self._started})
        self._journal.append("status", status=status, end=None)

    def hide(self, places: Mapping[str, str]) -> None:
        """Keep files and folders of data out of the error that the run may end with.

        Args:
            places: each by the key that stands in its place, as `bcdl.tracking.places.configured` gives them;
                those that the command names are hidden in any case.
        """
        self._places |= places

    def history(self, names: Iterable[str]) -> dict[str, dict[int, float]]:
        """Return the values that an earlier process logged in this run, by metric and step."""
        client = self.store.client
        known = names if self.resumed else ()
        earlier = {name: client.get_metric_history(self.id, name) for name in known}
        return {name: {metric.step: metric.value for metric in earlier.get(name, [])} for name in names}

    def metrics(self) -> dict[str, float]:
        """Return the last value of each metric, those that have not arrived at the store included."""
        earlier = self.store.metrics(self.id) if self.resumed else {}
        return {**earlier, **self._logged[0]}

    def tags(self) -> dict[str, str]:
        """Return the tags that were set, those that have not arrived at the store included."""
        earlier = dict(self.store.client.get_run(self.id).data.tags) if self.resumed else {}
        return {**earlier, **self._logged[1]}

    def log_params(self, values: dict[str, Any]) -> None:
        """Log parameters as text of at most 6000 characters; odd characters in their names become `_`.

        MLflow never changes a parameter: another value in a resumed run becomes the tag `changed.<name>`.
        """
        texts = {
            _ODD.sub("_", key): without_passwords(str(value))[:MAX_PARAM] for key, value in values.items()
        }
        changed = {key: text for key, text in texts.items() if self._known_params.get(key, text) != text}
        self._append_values(
            "params", {key: text for key, text in texts.items() if key not in self._known_params}
        )
        self.set_tags({f"{CHANGED}{key}": text for key, text in changed.items()})
        self._known_params = texts | self._known_params

    def log_metrics(self, values: dict[str, float], step: int = 0) -> None:
        """Log numbers, NaN included, at a step."""
        numbers = {key: float(value) for key, value in values.items()}
        self._journal.append("metrics", values=numbers, step=step)
        self._logged[0].update(numbers)

    def log_new(self, values: Mapping[str, float]) -> None:
        """Log results; of a run that goes on, those that it has already are not logged twice."""
        known = self.store.metrics(self.id) if self.resumed else {}
        self.log_metrics({name: value for name, value in values.items() if known.get(name) != value})

    def set_tags(self, values: dict[str, str]) -> None:
        """Set tags, cut at 5000 characters."""
        texts = {key: without_passwords(str(value))[:MAX_TAG] for key, value in values.items()}
        self._append_values("tags", texts)
        self._logged[1].update(texts)

    def log_input(self, name: str, digest: str, source: str, context: str = "training") -> None:
        """Log the data set as an MLflow dataset input.

        Args:
            name: name of the data set.
            digest: its fingerprint; MLflow keeps the first 36 characters.
            source: where it comes from.
            context: what it is used for.
        """
        self._journal.append("input", name=name, digest=digest, source=source, context=context)

    def log_artifact(self, file: Path, folder: str | None = None) -> None:
        """Log a copy of a file as it is now, under the artifact folder `folder`."""
        copy = self._journal.reserve(file.name)
        shutil.copyfile(file, copy)
        self._append_artifact(copy, folder)

    def log_text(self, text: str, name: str) -> None:
        """Log text, without passwords in addresses, as the artifact `name`, which may hold folders."""
        path, folder = self._reserve(name)
        path.write_text(without_passwords(text))
        self._append_artifact(path, folder)

    def log_bytes(self, content: bytes, name: str) -> None:
        """Log a file's content as the artifact `name`, which may hold folders."""
        path, folder = self._reserve(name)
        path.write_bytes(content)
        self._append_artifact(path, folder)

    def log_figure(self, figure: "Figure", name: str) -> None:
        """Log a figure as the image `name`, which may hold folders."""
        path, folder = self._reserve(name)
        figure.savefig(path)
        self._append_artifact(path, folder)

    def log_table(self, table: "pd.DataFrame", name: str) -> None:
        """Log a table as `name`: a `.parquet` or a `.csv` file.

        Raises:
            UserError: for another kind of file.
        """
        path, folder = self._reserve(name)
        if path.suffix not in (".parquet", ".csv"):
            raise UserError(f"expected a table named *.parquet or *.csv, got '{name}'")
        table.to_parquet(path) if path.suffix == ".parquet" else table.to_csv(path, index=False)
        self._append_artifact(path, folder)

    def _reserve(self, name: str) -> tuple[Path, str | None]:
        folder, _, file = name.rpartition("/")
        return self._journal.reserve(file), folder or None

    def _append_artifact(self, copy: Path, folder: str | None) -> None:
        self._journal.append("artifact", file=str(copy.relative_to(self.folder)), folder=folder)

    def _append_values(self, kind: str, values: dict[str, str]) -> None:
        items = list(values.items())
        for start in range(0, len(items), MAX_BATCH):
            self._journal.append(kind, values=dict(items[start : start + MAX_BATCH]))


def status_of(error: BaseException | None) -> str:
    """Return the MLflow status of a run that ended with this exception, or without one."""
    if error is None:
        return "FINISHED"
    return "KILLED" if was_interrupted(error) else "FAILED"
