"""From labelled sentences to a model folder: data, loop, decision rule, evaluation, report, card."""

from .bootstrap import Estimate
from .compare import ModelComparison, compare
from .crossvalidate import CrossValidation, crossvalidate
from .evaluate import Evaluation, evaluate
from .learning_curve import LearningCurve, learning_curve
from .metrics import LabelScores, Scores
from .robustness import Robustness, measure_robustness
from .slices import Group
from .train import TrainResult, train

__all__ = [
    "CrossValidation",
    "Estimate",
    "Evaluation",
    "Group",
    "LabelScores",
    "LearningCurve",
    "ModelComparison",
    "Robustness",
    "Scores",
    "TrainResult",
    "compare",
    "crossvalidate",
    "evaluate",
    "learning_curve",
    "measure_robustness",
    "train",
]
