"""From the runs of a sweep to its table of trials, its figures and its page: nothing here reads a store."""

from bcdl.evaluation.sweep.figures import sweep_figures
from bcdl.evaluation.sweep.page import sweep_page
from bcdl.evaluation.sweep.table import trials_table

__all__ = ["sweep_figures", "sweep_page", "trials_table"]
