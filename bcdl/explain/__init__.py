"""What a model looked at: maps of evidence, views that drove it, like cases, and whether to believe them.

Nothing here is drawn from or written to a run. captum (extra `explain`) is imported when a method needs it.
"""

from bcdl.explain.candidates import Candidates, candidates
from bcdl.explain.contributions import leave_one_out, shapley_values
from bcdl.explain.curves import PerturbationCurve, deletion_curve, insertion_curve
from bcdl.explain.explanation import Explanation, explain
from bcdl.explain.lesions import Lesions
from bcdl.explain.localisation import PointingGame, energy_inside, pointing_game, pointing_hit
from bcdl.explain.methods import METHODS, MapFunction, methods_for, usual_methods
from bcdl.explain.neighbours import Neighbours, embed, embed_and_predict, neighbours
from bcdl.explain.novelty import Novelty
from bcdl.explain.perturbation import integrated_gradients, occlusion
from bcdl.explain.randomisation import CUTOFF, RandomisationCheck, randomisation_check
from bcdl.explain.regions import breasts
from bcdl.explain.sheet import View, explanation_sheet

__all__ = [
    "CUTOFF",
    "METHODS",
    "Candidates",
    "Explanation",
    "Lesions",
    "MapFunction",
    "Neighbours",
    "Novelty",
    "PerturbationCurve",
    "PointingGame",
    "RandomisationCheck",
    "View",
    "breasts",
    "candidates",
    "deletion_curve",
    "embed",
    "embed_and_predict",
    "energy_inside",
    "explain",
    "explanation_sheet",
    "insertion_curve",
    "integrated_gradients",
    "leave_one_out",
    "methods_for",
    "neighbours",
    "occlusion",
    "pointing_game",
    "pointing_hit",
    "randomisation_check",
    "shapley_values",
    "usual_methods",
]
