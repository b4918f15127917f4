"""The report of a training run: its finished model on its test split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...inference.tagger import Tagger
from ..evaluate import evaluate_records
from ..leakage import ApartScores, Leakage
from ..robustness import measure_robustness
from ..splits import Splits
from .findings import Findings
from .page import write_report

FOLDER = "report"
"""Where in a model folder its report lies."""
_PARTNERS = 5


def report_run(
    folder: Path, splits: Splits, *, leakage: Leakage, apart: ApartScores, seed: int, warnings: Sequence[str] = ()
) -> Path:
    """Evaluate a finished model on its test split, robustness included, and write the report into its folder.

    The model is run as it tags: in int8 where the CPU does so and the export was kept.

    Args:
        folder: the model folder, finished.
        splits: the splits of the run.
        leakage: what they share.
        apart: scores on leaked and on clean sentences.
        seed: of the actor swaps and typos.
        warnings: what else the reader should know, one sentence each.

    Raises:
        DataError: a file cannot be written.
        ModelError: the model cannot be run.
    """
    tagger = Tagger.from_pretrained(folder)
    records = splits.test
    evaluation = evaluate_records(tagger, records, data=["test split of the training run"])
    robustness = measure_robustness(tagger, records, seed=seed, partners=_PARTNERS)
    findings = Findings(leakage=leakage, apart=apart, robustness=robustness)
    return write_report(folder / FOLDER, evaluation, findings=findings, bundle=tagger.bundle, warnings=warnings)
