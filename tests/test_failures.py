"""What can stop a run, and what it is turned into."""

import errno
import sys

import pytest
import torch

from bcdl.errors import RunError, UserError
from bcdl.failures import explained


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_memory_names_what_to_lower(error: Exception) -> None:
    with (
        pytest.raises(RunError, match=r"out of memory with data\.batch_size=64\. Lower") as caught,
        explained(64, "run"),
    ):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("file", ["/data/runs/x/last.ckpt", None])
def test_a_full_disk_names_the_file_or_the_run_s_folder(file: str | None) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", file)
    message = f"disk is full: {file or 'the/run'} .* resume=latest"
    with pytest.raises(RunError, match=message), explained(1, "the/run"):
        raise error


def test_ctrl_c_that_lightning_turned_into_an_exit_is_an_interrupt_again() -> None:
    with pytest.raises(KeyboardInterrupt), explained(1, "run"):
        exit_as_lightning_does()


def exit_as_lightning_does() -> None:
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        sys.exit(1)


@pytest.mark.parametrize(
    "error",
    [
        UserError("expected a"),
        RunError("the loss is not finite"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        OSError(errno.EACCES, "Permission denied", "file"),
        SystemExit(143),
        KeyboardInterrupt(),
        ZeroDivisionError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_everything_else_passes_as_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, explained(1, "run"):
        raise error
    assert caught.value is error


def test_nothing_happens_where_nothing_fails() -> None:
    with explained(1, "run"):
        pass
