"""From the journal to MLflow, off the training thread: in order, in batches, and again until it arrives.

A batch is delivered before the journal's offset moves, so a crash between the two sends it twice. That is
harmless: MLflow keeps one copy of a metric with the same key, value, time and step, and overwrites the rest.
"""

import json
import logging
import os
import shutil
import threading
from collections import Counter
from itertools import takewhile
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

from bcdl.errors import UserError
from bcdl.tracking.journal import Entry, Journal
from bcdl.tracking.outage import headline, jittered, refused

log = logging.getLogger(__name__)
MAX_VALUES = 1000  # MLflow's limits for one request: of all kinds together, ...
MAX_BATCH = 100  # ... and of parameters or tags
MOST_VALUES = {"metrics": MAX_VALUES, "params": MAX_BATCH, "tags": MAX_BATCH}
MAX_DIGEST = 36  # MLflow's limit for a data set's digest
INTERVAL_VARIABLE = "BCDL_TRACKING_INTERVAL"
INTERVAL = 1.0  # seconds
CLOSING_WAIT = 1.0  # most seconds between two tries while a run ends
REJECTED = "rejected.jsonl"
GONE_COPY = "%s is not sent: its copy is gone, as after a delivery."  # of which the offset was lost
FAILED_DELIVERY = "Nothing reaches the tracking store (%s); the run goes on and its journal keeps everything."


class Courier:
    """Delivers a journal in a background thread.

    Args:
        client: client of the store.
        run_id: the run that the journal belongs to.
        journal: what to deliver.
        interval: seconds between looks at the journal: entries in between travel as one batch; None takes
            `$BCDL_TRACKING_INTERVAL` or 1.
        first_wait: seconds before the first retry; each further one waits twice as long.
        longest_wait: most seconds between two retries.
    """

    def __init__(
        self,
        client: MlflowClient,
        run_id: str,
        journal: Journal,
        *,
        interval: float | None = None,
        first_wait: float = 0.5,
        longest_wait: float = 30.0,
    ) -> None:
        self._client, self._run_id, self._journal = client, run_id, journal
        self._interval = delivery_interval() if interval is None else interval
        self._first_wait, self._longest_wait = first_wait, longest_wait
        self._closing, self._abandoned, self._failing = threading.Event(), threading.Event(), False
        self._thread = threading.Thread(target=self._work, name=f"courier-{run_id[:8]}", daemon=True)
        self._thread.start()

    def close(self, patience: float) -> None:
        """Deliver what is left; give up where sending fails and nothing arrives for `patience` seconds."""
        self._closing.set()
        delivered = -1
        while self._thread.is_alive() and (self._journal.delivered > delivered or not self._failing):
            delivered = self._journal.delivered
            self._thread.join(patience)
        self._abandoned.set()
        self._thread.join(1)

    def _work(self) -> None:
        while not self._abandoned.is_set():
            closing = self._closing.is_set()
            self._deliver_pending()
            if closing:
                return
            self._closing.wait(self._interval)

    def _pause(self, seconds: float) -> None:
        """Wait before the next try; a run that ends is not kept waiting for long."""
        if self._closing.is_set():
            self._abandoned.wait(min(jittered(seconds), CLOSING_WAIT))
        else:
            self._closing.wait(jittered(seconds))

    def _deliver_pending(self) -> None:
        wait, more = self._first_wait, True
        while more and not self._abandoned.is_set():
            try:
                more = self._deliver_batch()
            except Exception as error:  # whatever a client, a network or a disk can raise
                if not self._failing:
                    log.warning(FAILED_DELIVERY, headline(error))
                self._failing = True
                self._pause(wait)
                wait = min(2 * wait, self._longest_wait)
            else:
                wait, self._failing = self._first_wait, False

    def _deliver_batch(self) -> bool:
        """Deliver what one request carries; return whether there was anything."""
        entries = self._journal.pending()
        if entries:
            batch = next_batch(entries)
            deliver(self._client, self._run_id, self._journal.folder, batch)
            if not self._abandoned.is_set():
                self._journal.advance(batch)
        return bool(entries)


def delivery_interval() -> float:
    """Return the seconds between two deliveries: `$BCDL_TRACKING_INTERVAL`, or 1.

    Raises:
        UserError: if the variable is no number above 0.
    """
    text = os.environ.get(INTERVAL_VARIABLE, str(INTERVAL))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise UserError(f"expected {INTERVAL_VARIABLE} to be seconds above 0, found '{text}'")
    return seconds


def next_batch(entries: list[Entry]) -> list[Entry]:
    """Return the leading entries that one request can carry: values together, everything else alone."""
    together = list(takewhile(lambda entry: entry.kind in MOST_VALUES, entries))
    if not together:
        return entries[:1]
    values: Counter[str] = Counter()
    for count, entry in enumerate(together):
        values[entry.kind] += len(entry.content["values"])
        full = values[entry.kind] > MOST_VALUES[entry.kind] or values.total() > MAX_VALUES
        if full and count:
            return together[:count]
    return together


def deliver(client: MlflowClient, run_id: str, folder: Path, batch: list[Entry]) -> list[Entry]:
    """Send one batch, and return what of it MLflow refuses for good.

    That goes to `rejected.jsonl` and does not block the rest.
    """
    try:
        _send(client, run_id, folder, batch)
    except Exception as error:
        if not refused(error):
            raise
        if len(batch) > 1:
            return [each for entry in batch for each in deliver(client, run_id, folder, [entry])]
        _reject(folder, batch[0], error)
        return batch
    return []


def _send(client: MlflowClient, run_id: str, folder: Path, batch: list[Entry]) -> None:
    entry = batch[0]
    match entry.kind:
        case "metrics" | "params" | "tags":
            metrics = [metric for each in batch if each.kind == "metrics" for metric in _metrics(each)]
            params = [Param(key, value) for key, value in _newest(batch, "params").items()]
            tags = [RunTag(key, value) for key, value in _newest(batch, "tags").items()]
            client.log_batch(run_id, metrics=metrics, params=params, tags=tags)
        case "artifact" if not (folder / entry.content["file"]).exists():
            log.warning(GONE_COPY, entry.content["file"])
        case "artifact":
            client.log_artifact(run_id, str(folder / entry.content["file"]), entry.content["folder"])
        case "input":
            client.log_inputs(run_id, datasets=[_dataset_input(**entry.content)])
        case "status" if entry.content["status"] == "RUNNING":  # of a resumed run
            client.update_run(run_id, status="RUNNING")
        case "status":
            client.set_terminated(run_id, entry.content["status"], entry.content["end"] or entry.time)


def _metrics(entry: Entry) -> list[Metric]:
    step = entry.content["step"]
    return [Metric(key, value, entry.time, step) for key, value in entry.content["values"].items()]


def _newest(batch: list[Entry], kind: str) -> dict[str, str]:
    """Return the values of the entries of a kind; of a key that comes again, the last."""
    entries = [each.content["values"] for each in batch if each.kind == kind]
    return {key: value for values in entries for key, value in values.items()}


def _dataset_input(name: str, digest: str, source: str, context: str) -> DatasetInput:
    dataset = Dataset(name, digest[:MAX_DIGEST], source_type="local", source=json.dumps({"uri": source}))
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def _reject(folder: Path, entry: Entry, error: Exception) -> None:
    """Keep what is refused, and an artifact's copy, out of the way."""
    log.error("MLflow refuses %s of this run (kept in %s): %s", entry.kind, REJECTED, headline(error))
    if entry.kind == "artifact":
        copy = folder / entry.content["file"]
        kept = folder / "rejected" / copy.parent.name
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copy2(copy, kept)
    with (folder / REJECTED).open("a") as file:
        file.write(json.dumps({"kind": entry.kind, "content": entry.content, "error": str(error)}) + "\n")
