"""Scores of the training split by models that have not seen it, so that the decision rule has more to be fitted on."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..configs.schema import Config
from ..labels.labelset import LabelSet
from ..labels.records import Record
from .data import records_sha256
from .finetune import Start
from .foldruns import check_folds, run_folds
from .folds import Folds, cut_folds, find_shared
from .foldscores import mean_logits
from .series import OnStep, Series, describe_run, refuse_several_processes
from .splits import Splits

if TYPE_CHECKING:
    import transformers


@dataclass(frozen=True)
class JudgedRecords:
    """Labelled sentences, and what models say of them that were not trained on them.

    Attributes:
        records: the sentences.
        logits: ``[n_records, n_labels] float32``.
    """

    records: tuple[Record, ...]
    logits: npt.NDArray[np.float32]

    def joined(self, other: JudgedRecords | None) -> JudgedRecords:
        """Return these and others."""
        if other is None:
            return self
        return JudgedRecords((*self.records, *other.records), np.concatenate([self.logits, other.logits]))


def cut_decision_folds(splits: Splits, config: Config, labels: LabelSet) -> Folds | None:
    """Cut the training split into the folds that ``decision.folds`` asks for; None if it asks for none.

    Raises:
        ConfigError: there are too few groups, or this is one of several processes.
        DataError: a label is never, or always, given in the sentences that a fold is trained on.
    """
    if not config.decision.folds:
        return None
    refuse_several_processes("decision.folds")
    folds = cut_folds(splits.train, folds=config.decision.folds, group=config.split.group, seed=config.split.seed)
    check_folds(_splits(folds, splits), labels)
    return folds


def judge_out_of_fold(
    start: Start,
    folds: Folds,
    splits: Splits,
    *,
    config: Config,
    labels: LabelSet,
    folder: Path,
    resume: bool = False,
    on_step: OnStep | None = None,
    callbacks: Sequence[transformers.TrainerCallback] = (),
) -> JudgedRecords:
    """Train a model without each fold of the training split, and let it judge the sentences of the fold.

    The best epoch of each is chosen on the validation split, as for the model itself.

    Args:
        start: what models start from.
        folds: of the training split.
        splits: the splits of the run; ``test`` is not looked at.
        config: the training config.
        labels: the label set.
        folder: where the scores of finished folds are kept meanwhile.
        resume: go on with what an interrupted run has left there.
        on_step: called before each training.
        callbacks: of the Hugging Face Trainer.

    Raises:
        ConfigError: the objective cannot be reached.
        ModelError: the base model cannot be loaded.
    """
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    plan = describe_run(config) | {"data": records_sha256([*splits.train, *splits.validation])}
    runs = run_folds(
        start,
        _splits(folds, splits),
        config=config,
        labels=labels,
        seeds=[config.training.seed],
        series=Series(folder, plan, resume=resume),
        baseline=False,
        on_step=on_step,
        callbacks=callbacks,
    )
    return JudgedRecords(folds.records, mean_logits(folds, runs))


def warn_of_folds(folds: Folds | None) -> list[str]:
    """Return what the user should know of the folds, in one sentence; nothing if there are none or all is well."""
    shared = find_shared(folds) if folds else []
    if folds is None or not shared:
        return []
    return [
        f"decision.folds: {len(shared)} of {len(folds.records)} training sentences have nearly the same sentence, or "
        "one of the same document or story, in another fold: their scores are too sure; set split.group: story"
    ]


def _splits(folds: Folds, splits: Splits) -> list[Splits]:
    return [folds.splits(fold, validation=splits.validation) for fold in range(folds.count)]
