"""What can stop a run while it trains, in words a user can act on."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from bcdl.errors import RunError, UserError
from bcdl.exits import expected_error

_NO_MEMORY = ("can't allocate memory", "not enough memory")


@contextmanager
def explained(batch_size: int, folder: str) -> Iterator[None]:
    """Turn the known ways for a run to die into a `RunError` that says what to change.

    Args:
        batch_size: the run's `data.batch_size`.
        folder: the run's folder, the likeliest place for a full disk.

    Raises:
        RunError: out of memory, or the disk is full.
        KeyboardInterrupt: where Lightning turned Ctrl-C into an exit.
    """
    try:
        yield
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    except MemoryError as error:
        raise _out_of_memory(batch_size) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise _disk_full(error, folder) from error
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        raise _out_of_memory(batch_size) from error


def headline(error: BaseException, command: str) -> str:
    """Return an error in one line: its message, with its kind unless that was written for a person to read.

    Args:
        error: what was raised.
        command: the command as typed so far, such as `bcdl train`, for the remedy.
    """
    told = expected_error(error, command) or error
    first = next(iter(str(told).strip().splitlines()), "")
    if isinstance(told, RunError | UserError) and first:
        return first
    return f"{type(told).__name__}: {first}" if first else type(told).__name__


def _is_out_of_memory(error: RuntimeError) -> bool:
    from torch import OutOfMemoryError

    return isinstance(error, OutOfMemoryError) or any(text in str(error) for text in _NO_MEMORY)


def _out_of_memory(batch_size: int) -> RunError:
    return RunError(
        f"out of memory with data.batch_size={batch_size}. Lower data.batch_size (and raise "
        "trainer.accumulate_grad_batches to keep the step's size), imaging.size or the encoder, or set "
        "trainer.precision=bf16-mixed or encoder.gradient_checkpointing=true"
    )


def _disk_full(error: OSError, folder: str) -> RunError:
    return RunError(
        f"the disk is full: {error.filename or folder} could not be written. What was logged before is safe. "
        "Free some space (each run's checkpoints lie in tracking.root), or point tracking.root and "
        "data.store elsewhere, then go on with bcdl train resume=latest"
    )
