"""Freed memory that stays with the process while one image after another is decoded.

An image takes tens of megabytes, several times over. The C library hands such blocks back to the system as
soon as they are freed, and to fetch their pages anew for the next image takes as long as to decode it. Only
glibc is told otherwise.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
_LARGEST_BLOCK = 2**25  # bytes: glibc lets no larger one stay
_KEPT, _USUAL = 2**29, 2**26  # bytes that stay free at the end of the heap: meanwhile, and afterwards


def keep_freed_memory() -> None:
    """Keep up to half a gigabyte of freed memory from now on."""
    _set(_LARGEST_BLOCK, _KEPT)


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep freed memory within the `with` block, and give it back at its end."""
    keep_freed_memory()
    try:
        yield
    finally:
        _set(_LARGEST_BLOCK, _USUAL)


def _set(largest_block: int, kept: int) -> None:
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_MMAP_THRESHOLD, largest_block)
        libc.mallopt(_TRIM_THRESHOLD, kept)
        libc.malloc_trim(0)
