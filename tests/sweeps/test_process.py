import os
import subprocess
import sys
import time
from dataclasses import replace

from bcdl.sweeps.process import Worker

STALE = 60.0


def test_this_process_is_alive_and_knows_itself() -> None:
    me = Worker.here()
    assert me.alive(STALE)
    assert me.is_here()
    assert Worker.of(me.facts()) == me


def test_a_process_of_this_machine_is_dead_as_soon_as_it_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        there = replace(Worker.here(), pid=process.pid, started=_start_of(process.pid))
        assert there.alive(STALE)
        assert not there.is_here()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not there.alive(STALE), "a zombie has ended as well"
    assert not there.alive(STALE)


def test_another_process_with_a_reused_id_is_not_the_worker() -> None:
    me = Worker.here()
    assert not replace(me, started=me.started - 1).alive(STALE)


def test_a_process_of_another_machine_lives_as_long_as_it_beats() -> None:
    there = replace(Worker.here(), host="elsewhere", pid=os.getpid())
    assert there.alive(STALE)
    assert not there.is_here()
    assert not replace(there, beat=time.time() - STALE - 1).alive(STALE)


def _start_of(pid: int) -> int:
    from bcdl.sweeps.process import _started

    return _started(pid) or 0
