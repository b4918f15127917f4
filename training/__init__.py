"""From labelled sentences to a model folder: data, loop, decision rule, evaluation, report, card."""

from .evaluate import Evaluation, Group, evaluate
from .metrics import Estimate, LabelScores, Scores
from .train import TrainResult, train

__all__ = ["Estimate", "Evaluation", "Group", "LabelScores", "Scores", "TrainResult", "evaluate", "train"]
