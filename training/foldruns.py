"""The trainings of a cross-validation: what models say of sentences that they have not seen."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ..configs.schema import Config
from ..inference.decision import DecisionRule
from ..labels.check import check_both_classes
from ..labels.errors import DataError
from ..labels.labelset import LabelSet
from ..labels.records import Record
from .data import targets
from .decide import fit_rule
from .ensemble import remove_teachers, with_ensemble
from .evaluate import fit_baseline
from .finetune import FineTuned, Start, fine_tune
from .series import OnStep, Series, Step
from .splits import Splits

if TYPE_CHECKING:
    import transformers

MODELS = "models"
"""Folder in that of a series with the models that are kept."""
_DIGITS = 6  # of logits in files: all that float32 has to say


@dataclass(frozen=True)
class FoldRun:
    """What one model says of the fold that it was not trained on.

    Attributes:
        fold: the fold, from 0.
        seed: of its training; None for the baseline.
        logits: ``[n_held_out, n_labels] float32``.
        rule: the model's own decision rule, without review bands.
    """

    fold: int
    seed: int | None
    logits: npt.NDArray[np.float32]
    rule: DecisionRule


@dataclass(frozen=True)
class Judged:
    """What a model says of the test split, ``[n_test, n_labels] float32`` logits, and its own plain rule."""

    logits: npt.NDArray[np.float32]
    rule: DecisionRule


class Keep(Protocol):
    """Makes a model folder of the weights that a training left in one."""

    def __call__(self, model: FineTuned, start: Start, splits: Splits, *, config: Config, labels: LabelSet) -> object:
        """Write what the folder lacks."""


def run_folds(
    start: Start,
    folds: Sequence[Splits],
    *,
    config: Config,
    labels: LabelSet,
    seeds: Sequence[int],
    series: Series,
    baseline: bool = True,
    keep: Keep | None = None,
    on_step: OnStep | None = None,
    callbacks: Sequence[transformers.TrainerCallback] = (),
) -> list[FoldRun]:
    """Train a model for each fold and seed, and the baseline for each fold; those that are finished are read.

    Args:
        start: what models start from.
        folds: the splits of each fold; ``test`` is what is held out.
        config: the training config, but for the seed.
        labels: the label set.
        seeds: a training for each of them in every fold.
        series: where results are kept.
        baseline: run the baseline too.
        keep: finishes the model folders, which are kept then.
        on_step: called before each training.
        callbacks: of the Hugging Face Trainer.

    Returns:
        The runs by fold, the baseline first, then by seed.

    Raises:
        ConfigError: the config does not fit the base model, or the objective cannot be reached.
        ModelError: the base model cannot be loaded.
    """
    waiting = [(fold, seed) for fold in range(len(folds)) for seed in seeds if series.load(_name(fold, seed)) is None]
    total = len(folds) * len(seeds)
    runs = []
    for fold, splits in enumerate(folds):
        if baseline:
            if series.load(_name(fold, None)) is None:
                series.keep(_name(fold, None), _to_dict(_run_baseline(splits, fold, config, labels)))
            runs.append(_read(series, fold, None, labels))
        for place, seed in enumerate(seeds):
            if (fold, seed) in waiting:
                if on_step is not None:
                    which = f"fold {fold + 1} of {len(folds)}, seed {place + 1} of {len(seeds)}"
                    on_step(Step(total - len(waiting), total, which))
                judged = run_model(
                    start,
                    splits,
                    _name(fold, seed),
                    config=with_seed(config, seed),
                    labels=labels,
                    series=series,
                    keep=keep,
                    callbacks=callbacks,
                )
                series.keep(_name(fold, seed), _to_dict(FoldRun(fold, seed, judged.logits, judged.rule)))
                waiting.remove((fold, seed))
            runs.append(_read(series, fold, seed, labels))
    return runs


def run_model(
    start: Start,
    splits: Splits,
    name: str,
    *,
    config: Config,
    labels: LabelSet,
    series: Series,
    keep: Keep | None = None,
    callbacks: Sequence[transformers.TrainerCallback] = (),
) -> Judged:
    """Train one model of a series on splits, fit its rule on ``validation``, and let it judge ``test``.

    Args:
        start: what it starts from.
        splits: the splits.
        name: of the training in its series.
        config: the training config.
        labels: the label set.
        series: where it works, and whether it goes on with what an interrupted training left.
        keep: finishes its model folder, which is kept then; the caller's `Series.keep` deletes it otherwise.
        callbacks: of the Hugging Face Trainer.

    Raises:
        ConfigError: the config does not fit the base model, or the objective cannot be reached.
        ModelError: the base model cannot be loaded.
    """
    work = series.work(name)
    # Of their own for each fold: no teacher may have seen what is held out.
    start = with_ensemble(
        start, splits, config=config, labels=labels, folder=work, resume=series.resume, callbacks=callbacks
    )
    model = fine_tune(
        start,
        splits,
        config=config,
        labels=labels,
        folder=work,
        checkpoints=work / "checkpoints",
        resume=series.resume,
        callbacks=callbacks,
    )
    assert model is not None, "a series runs in one process"
    rule = fit_plain_rule(model.logits(splits.validation), splits.validation, config=config, labels=labels)
    judged = Judged(model.logits(splits.test), rule)
    if keep is not None:
        shutil.rmtree(work / "checkpoints", ignore_errors=True)
        remove_teachers(work)
        keep(model, start, splits, config=config, labels=labels)
        _move(work, series.folder / MODELS / name)
    return judged


def check_folds(folds: Sequence[Splits], labels: LabelSet) -> None:
    """Refuse folds that lack what a training needs.

    Raises:
        DataError: a label is never, or always, given in the sentences that one is trained on.
    """
    for number, splits in enumerate(folds, start=1):
        try:
            check_both_classes(splits.train, labels, split="train")
        except DataError as error:
            remedy = "more folds, or more sentences of the label, leave some to train on"
            raise DataError(f"without fold {number}: {error}\n{remedy}") from error


def with_seed(config: Config, seed: int) -> Config:
    """Return a config with another training seed."""
    return config.model_copy(update={"training": config.training.model_copy(update={"seed": seed})})


def fit_plain_rule(
    logits: npt.NDArray[np.float32], records: Sequence[Record], *, config: Config, labels: LabelSet
) -> DecisionRule:
    """Fit the temperatures, biases and thresholds that a config asks for on logits ``[n_records, n_labels] float32``.

    Raises:
        ConfigError: thresholds cannot reach the objective.
    """
    return fit_rule(
        logits,
        targets(records, labels),
        labels=labels,
        documents=[record.document for record in records],
        objective=config.decision.objective,
        calibrate=config.decision.calibrate,
        seed=config.training.seed,
    )


def _run_baseline(splits: Splits, fold: int, config: Config, labels: LabelSet) -> FoldRun:
    baseline = fit_baseline(config, splits, labels)
    return FoldRun(fold, None, baseline.logits([record.text for record in splits.test]), baseline.rule)


def _move(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(exist_ok=True)
    source.rename(target)


def _name(fold: int, seed: int | None) -> str:
    return f"fold-{fold + 1}-{'baseline' if seed is None else f'seed-{seed}'}"


def _to_dict(run: FoldRun) -> dict[str, Any]:
    return {
        "fold": run.fold,
        "seed": run.seed,
        "temperatures": list(run.rule.temperatures),
        "biases": list(run.rule.biases),
        "thresholds": list(run.rule.thresholds),
        "objective": run.rule.objective,
        "logits": [[round(float(value), _DIGITS) for value in row] for row in run.logits],
    }


def _read(series: Series, fold: int, seed: int | None, labels: LabelSet) -> FoldRun:
    """Read a finished run; one that has just finished too, so that a resumed series gives the same results."""
    found = series.load(_name(fold, seed))
    assert found is not None
    rule = DecisionRule(
        tuple(found["temperatures"]),
        tuple(found["thresholds"]),
        labels.exclusive,
        objective=found["objective"],
        biases=tuple(found["biases"]),
    )
    return FoldRun(fold, seed, np.array(found["logits"], dtype=np.float32), rule)
