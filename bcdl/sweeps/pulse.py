"""Something small that is done over and over in the background while work goes on."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

log = logging.getLogger(__name__)


class Pulse:
    """Calls a function every so often, in a thread; what it raises is logged, and it is called again.

    Args:
        call: what to do.
        every: seconds between two calls.
    """

    def __init__(self, call: Callable[[], None], every: float) -> None:
        self._call, self._every = call, every
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="pulse", daemon=True)

    def start(self) -> Self:
        """Begin; the first call comes after one interval."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, after a call that is under way."""
        self._end.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _work(self) -> None:
        while not self._end.wait(self._every):
            try:
                self._call()
            except Exception as error:  # a storage or a server that is away for a moment
                log.debug("%s", error)
