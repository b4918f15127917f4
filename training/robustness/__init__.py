"""How far a model keeps its decisions where only the actors or the way of writing change, and which rules it breaks."""

from .measure import Robustness, measure_robustness
from .perturb import PERTURBATIONS, perturb
from .swaps import swap_actors

__all__ = ["PERTURBATIONS", "Robustness", "measure_robustness", "perturb", "swap_actors"]
