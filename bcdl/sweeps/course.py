"""The course of one sweep, from its opening to its verdict."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

from omegaconf import OmegaConf

from bcdl.errors import SweepError
from bcdl.sweeps.definition import definition
from bcdl.sweeps.dispatch import Dispatcher
from bcdl.sweeps.endings import end_stale
from bcdl.sweeps.hope import reason_to_stop
from bcdl.sweeps.ledger import Ledger, Trial, find
from bcdl.sweeps.member import key_of_test
from bcdl.sweeps.opening import Command, beat, open_sweep
from bcdl.sweeps.parent import Progress, conclude, open_parent
from bcdl.sweeps.pulse import Pulse
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Space
from bcdl.sweeps.trials import Job, Trials
from bcdl.sweeps.verdict import failure_lines, print_end
from bcdl.sweeps.waiting import wait_for

if TYPE_CHECKING:
    from bcdl.sweeps.sweeper import StudySweeper
    from bcdl.tracking import TrackedRun, TrackingStore

WATCH = 2.0  # seconds between two looks at the ledger while jobs run


class Course:
    """One run of a sweep, new or going on.

    Args:
        sweeper: Hydra's side of it.
        settings: the sweep's settings.
        space: what varies.
        name: the sweep's name.
        command: how it was asked for.
    """

    def __init__(
        self, sweeper: "StudySweeper", settings: Settings, space: Space, name: str, command: Command
    ) -> None:
        self._sweeper, self._settings, self._space = sweeper, settings, space
        self._name, self._command = name, command

    def run(self) -> None:
        """Run what is left of the sweep.

        Raises:
            UserError: it cannot be begun, or this is another sweep than the ledger's.
            SweepError: configurations failed, or the sweep had to stop.
        """
        from bcdl.tracking import TrackingStore

        cfg, settings = self._sweeper.config, self._settings
        launcher = self._sweeper.make_launcher(self._name)
        store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment)
        if find(self._name, self._sweeper.root, settings.storage) is None:
            self._require_composable()
        own = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
        values = cast(dict[str, Any], OmegaConf.to_container(own))
        what = definition(settings, self._space, self._command.overrides, values)
        ledger = open_sweep(self._name, self._sweeper.root, settings, what, self._command)
        end_stale(store, ledger, settings.stale_after)
        trials = Trials(ledger, settings, self._space, cfg.seed)
        compose = self._sweeper.compose
        dispatcher = Dispatcher(launcher, ledger, store, compose, settings.stale_after, _jobs_begun(ledger))
        ledger.note(total=trials.total)
        with ExitStack() as stack:
            stack.callback(ledger.note, ended=True)
            stack.callback(dispatcher.close)
            run = stack.enter_context(open_parent(store, ledger, self._command.overrides, self._space.keys))
            self._to_the_end(run, store, ledger, trials, dispatcher)

    def _to_the_end(
        self,
        run: "TrackedRun",
        store: "TrackingStore",
        ledger: Ledger,
        trials: Trials,
        dispatcher: Dispatcher,
    ) -> None:
        """Run all jobs; whatever happens, the parent run holds what there is."""
        from bcdl.tracking.outage import patient_jobs

        progress = Progress(run, Ledger.open(self._name, self._sweeper.root, self._settings.storage))
        untested: list[str] = []
        try:
            every = self._settings.stale_after / 5
            with patient_jobs(), Pulse(progress.update, WATCH), Pulse(lambda: beat(ledger), every):
                self._run_jobs(ledger, trials, dispatcher)
                untested = self._test(ledger, trials, dispatcher)
        finally:
            progress.update()
            self._report(run, store, ledger, trials)
        failed = failure_lines(ledger, trials.gone())
        if failed:
            lines = "\n".join([*failed, *untested])
            raise SweepError(f"{len(failed)} of {trials.total} trials failed:\n{lines}")
        if untested:
            raise SweepError("not all that is to be tested could be:\n" + "\n".join(untested))

    def _run_jobs(self, ledger: Ledger, trials: Trials, dispatcher: Dispatcher) -> None:
        """Run what is due, until nothing is and no other process works on a job that might become due."""
        while True:
            while jobs := trials.next_jobs(dispatcher.slots):
                dispatcher.run(jobs)
                self._stop_if_hopeless(ledger, trials)
            if not trials.elsewhere():
                return
            wait_for(trials)

    def _require_composable(self) -> None:
        """Raise what Hydra raises for the first point of the space that does not compose."""
        for point in self._space.samples():
            self._sweeper.compose(self._space.overrides(point))

    def _stop_if_hopeless(self, ledger: Ledger, trials: Trials) -> None:
        why = reason_to_stop(ledger, self._settings.retries, self._settings.max_failures)
        if why is not None:
            lines = failure_lines(ledger, trials.gone())
            raise SweepError(
                f"{why}. Mend the cause, then go on with: bcdl sweep resume {ledger.name} sweep.retries=1\n"
                + "\n".join(lines)
            )

    def _test(self, ledger: Ledger, trials: Trials, dispatcher: Dispatcher) -> list[str]:
        """Test what is to be tested and has not been; return what went wrong, a line a configuration."""
        chosen = {"all": ledger.ranked, "best": ledger.best, "none": list[Trial]}[self._settings.test]()
        jobs = _untested(ledger, [job for trial in chosen for job in trials.tests_of(trial)])
        if not jobs:
            return []
        told = dict(zip([job.place for job in jobs], dispatcher.run(jobs), strict=True))
        lines = {job.trial.number: told[job.place] for job in reversed(_untested(ledger, jobs))}
        return [f"  trial {number} could not be tested: {reason}" for number, reason in sorted(lines.items())]

    def _report(self, run: "TrackedRun", store: "TrackingStore", ledger: Ledger, trials: Trials) -> None:
        from bcdl.sweeps.report import report

        conclude(run, ledger, trials.total)
        report(run, store, ledger)
        print_end(store, ledger, trials.total)


def _untested(ledger: Ledger, jobs: Sequence[Job]) -> list[Job]:
    facts = ledger.facts
    return [job for job in jobs if key_of_test(str(job.trial.jobs[job.index].run)) not in facts]


def _jobs_begun(ledger: Ledger) -> int:
    return sum(state.state != "waiting" for trial in ledger.trials() for state in trial.jobs)
