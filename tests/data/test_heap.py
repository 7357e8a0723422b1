import ctypes
import resource

import pytest

from bcdl.data.heap import freed_memory_kept

BLOCK = 20_000_000  # bytes


def faults_of_images(count: int) -> int:
    """Return how many pages are fetched for images that are made and freed, two blocks each."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(count):
        stored, shown = bytearray(BLOCK), bytearray(BLOCK)
        del stored, shown
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="only glibc is told to keep memory")
class TestFreedMemory:
    def test_it_is_used_for_the_next_image(self) -> None:
        with freed_memory_kept():
            faults_of_images(1)
            assert faults_of_images(20) < BLOCK / resource.getpagesize()

    def test_it_is_given_back_at_the_end(self) -> None:
        with freed_memory_kept():
            faults_of_images(1)
            kept = resident_bytes()
        assert resident_bytes() < kept - BLOCK
