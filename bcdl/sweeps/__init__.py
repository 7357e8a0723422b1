"""Sweeps: the parent run of a multirun. Knows nothing of torch; imports MLflow only once a sweep starts."""

from bcdl.sweeps.parent import ParentRun, finish_parent

__all__ = ["ParentRun", "finish_parent"]
