"""The report of a training run: its finished model on its test split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...inference.tagger import Tagger
from ..data import TrainingData
from ..evaluate import Evaluation, evaluate_records
from ..leakage import ApartScores, Leakage
from ..robustness import Robustness, measure_robustness
from .findings import Findings
from .page import write_report

FOLDER = "report"
"""Where in a model folder its report lies."""
_PARTNERS = 5


@dataclass(frozen=True)
class RunReport:
    """The report of a run: where its page is, and what was measured for it."""

    page: Path
    evaluation: Evaluation
    robustness: Robustness


def report_run(
    folder: Path, run: TrainingData, *, leakage: Leakage, apart: ApartScores, warnings: Sequence[str] = ()
) -> RunReport:
    """Evaluate a finished model on its test split, robustness included, and write the report into its folder.

    The model is run as it tags: in int8 where the CPU does so and the export was kept.

    Args:
        folder: the model folder, finished.
        run: its config and its splits.
        leakage: what the splits share.
        apart: scores on leaked and on clean sentences.
        warnings: what else the reader should know, one sentence each.

    Raises:
        DataError: a file cannot be written.
        ModelError: the model cannot be run.
    """
    tagger = Tagger.from_pretrained(folder)
    records = run.splits.test
    evaluation = evaluate_records(tagger, records, data=["test split of the training run"], run=run)
    robustness = measure_robustness(tagger, records, seed=run.config.training.seed, partners=_PARTNERS)
    findings = Findings(leakage=leakage, apart=apart, robustness=robustness)
    page = write_report(folder / FOLDER, evaluation, findings=findings, bundle=tagger.bundle, warnings=warnings)
    return RunReport(page, evaluation, robustness)
