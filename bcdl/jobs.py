"""Drives Hydra: composes a verb's configuration and runs its module, once or for every job of a multirun."""

import argparse
import gc
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from hydra import version
from hydra._internal.utils import _run_hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import filter_overrides
from hydra.types import RunMode
from omegaconf import DictConfig

from bcdl.configs import HYDRA_VERSION_BASE, config_folder, extra_folder
from bcdl.distributed import joined_folder
from bcdl.errors import RunError, SweepError
from bcdl.exits import FULL_ERROR, report
from bcdl.failures import headline
from bcdl.mistakes import check_values
from bcdl.parsers import hydra_parser
from bcdl.verbs import HYDRA_VERBS


def run_verb(name: str, arguments: list[str]) -> None:
    """Run a Hydra verb; `sys.argv` stays as it is, because Lightning starts its further processes from it.

    Raises:
        UserError: for a mistake in the command line.
        RunError: if jobs of a multirun failed; each has already been reported.
    """
    folder = joined_folder()
    if folder is not None:
        import_module(HYDRA_VERBS[name].module).join(folder)
        return
    parser = hydra_parser(name)
    options = parser.parse_intermixed_args(arguments)
    extra_folder(options.config_dir)
    if options.resolve and options.cfg is None:
        parser.error("--resolve goes with --cfg")
    if options.help:
        from bcdl.usage import hydra_page

        print(hydra_page(name, options.overrides, options.config_dir))
        return
    sys.path.append(os.getcwd())  # noqa: PTH109 - where a user's own models and readers are imported from
    _compose_and_run(Job(name), options, parser)


def _compose_and_run(job: "Job", options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    version.setbase(HYDRA_VERSION_BASE)
    try:
        with _environment(FULL_ERROR, "1"):  # Hydra raises instead of printing and exiting
            _run_hydra(options, parser, job, str(config_folder()), job.verb)
        return
    except _JobFailed as failed:
        error = failed.error
    except SweepError as raised:
        error = raised
    except Exception as raised:
        error = RunError(job.summary()) if job.failures else raised
    raise error


class Job:
    """What Hydra calls with each composed configuration; the verb's module is imported only here.

    Attributes:
        verb: name of the verb.
        failures: of a multirun, the overrides of each job that failed.
        count: how many jobs were started.
    """

    def __init__(self, verb: str) -> None:
        self.__module__ = HYDRA_VERBS[verb].module  # Hydra names the job after it
        self.verb = verb
        self.failures: list[str] = []
        self.count = 0
        self._full_error = os.environ.get(FULL_ERROR)

    def __call__(self, cfg: DictConfig) -> float | None:
        """Run one job and return its score, where the verb has one."""
        self.count += 1
        with _environment(FULL_ERROR, self._full_error):
            try:
                return self._run(cfg)
            except SystemExit as stop:
                if isinstance(stop.__context__, KeyboardInterrupt):  # Lightning turns Ctrl-C into exit code 1
                    raise stop.__context__ from None
                raise
            except Exception as error:
                if HydraConfig.get().mode == RunMode.RUN:
                    raise _JobFailed(error) from None
                raise self._recorded(error) from None

    def rehearse(self, cfg: DictConfig) -> str:
        """Try a configuration out, for a sweep's dry run, and return what it showed; nothing is recorded."""
        check_values(cfg, f"bcdl {self.verb}")
        from bcdl.rehearse import rehearse

        return rehearse(cfg)

    def summary(self) -> str:
        """Return which jobs of a multirun failed."""
        return "\n".join([f"{len(self.failures)} of {self.count} jobs failed:", *self.failures])

    def _run(self, cfg: DictConfig) -> float | None:
        """Check the values before the slow imports, then hand the configuration to the verb.

        A job of a sweep checks them itself: its run says what is wrong.
        """
        if cfg.get("trial") is None:
            check_values(cfg, f"bcdl {self.verb}")
        score: float | None = import_module(HYDRA_VERBS[self.verb].module).main(cfg)
        return score

    def _recorded(self, error: Exception) -> RunError:
        """Report a job's error in full, and return it in one line, in which it travels between processes."""
        hydra = HydraConfig.get()
        overrides = " ".join(filter_overrides(hydra.overrides.task))
        self.failures.append(f"  #{hydra.job.num} {overrides}")
        report(error, f"bcdl {self.verb}")
        told = error if isinstance(error, RunError) else RunError(headline(error, f"bcdl {self.verb}"))
        _release(error)
        return told


def _release(error: BaseException | None) -> None:
    """Let go of what a failed job held, its model above all: Hydra keeps the error until the sweep ends."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
    gc.collect()
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()


class _JobFailed(BaseException):
    """Carries a single job's error past Hydra, which catches every `Exception` and prints its own preface."""

    def __init__(self, error: Exception) -> None:
        self.error = error


@contextmanager
def _environment(name: str, value: str | None) -> Iterator[None]:
    before = os.environ.pop(name, None)
    if value is not None:
        os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before
