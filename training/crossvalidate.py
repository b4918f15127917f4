"""Cross-validation: how good a config's models are on every labelled sentence, and how much of that is luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..configs.load import check_config
from ..configs.schema import Config
from ..labels.errors import ConfigError
from ..labels.labelset import LabelSet
from ..labels.records import Record, write_records
from .data import load_named, records_sha256
from .finetune import FineTuned, Start, find_start
from .foldruns import FoldRun, check_folds, run_folds
from .folds import Folds, cut_folds, find_shared, refuse_shared
from .foldscores import Spreads, mean_logits, mean_probabilities, pool_scores, spread_scores
from .label_errors import LabelError, as_record, find_label_errors
from .leakage import find_leaks
from .metrics import Scores
from .numbers import plain, write_json
from .series import OnStep, Series, describe_run, refuse_several_processes
from .splits import Splits
from .train import finish

if TYPE_CHECKING:
    import transformers

RESULT, OUT_OF_FOLD, LABEL_ERRORS = "crossvalidation.json", "out_of_fold.jsonl", "label_errors.jsonl"
_DIGITS = 6


@dataclass(frozen=True)
class CrossValidation:
    """What a cross-validation found.

    Attributes:
        folder: where its files are.
        labels: the label set.
        folds: how many.
        seeds: the seeds of the trainings in each fold.
        sentences: how many were scored, each once per seed.
        documents: how many documents they stand in.
        held_out: sentences of each fold.
        model: F1 over folds and seeds.
        baseline: the same of TF-IDF in the same folds; its spread is that over folds.
        pooled: scores of all out-of-fold decisions together, with bootstrap intervals by document. Those of all seeds
            count, so this is what one model scores, not an ensemble.
        pooled_baseline: the same of the baseline.
        label_errors: labels that are likely wrong, the surest first.
        shared: sentences with something in another fold that gives them away.
        warnings: what the user should know, one sentence each.
    """

    folder: Path
    labels: LabelSet
    folds: int
    seeds: tuple[int, ...]
    sentences: int
    documents: int
    held_out: tuple[int, ...]
    model: Spreads
    baseline: Spreads
    pooled: Scores
    pooled_baseline: Scores
    label_errors: tuple[LabelError, ...]
    shared: int
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; values that are not defined are None."""
        found: dict[str, Any] = plain(replace(self, folder=None, labels=None))  # type: ignore[arg-type]
        del found["folder"]
        return found | {"labels": list(self.labels.names)}


def crossvalidate(
    config: Config,
    *,
    folder: Path,
    folds: int = 5,
    seeds: int = 3,
    resume: bool = False,
    keep_models: bool = False,
    on_step: OnStep | None = None,
    callbacks: Sequence[transformers.TrainerCallback] = (),
) -> CrossValidation:
    """Hold every fold of a config's sentences out once, train on the others, and score what is held out.

    The sentences are those of ``data.train``. The model of a fold has its own decision rule, fitted on validation
    sentences from the other folds, or on the files of ``data.validation``. Files of ``data.test`` are not looked at.

    Args:
        config: a loaded config.
        folder: where results go: ``crossvalidation.json``, ``out_of_fold.jsonl``, ``label_errors.jsonl``, and one
            file for each training.
        folds: how many, 2 or more.
        seeds: trainings in each fold; the first has ``training.seed``, each next one the number after it.
        resume: go on with the results in the folder; their trainings do not run again.
        keep_models: keep the model folders, in ``models/``.
        on_step: called before each training.
        callbacks: of the Hugging Face Trainer.

    Raises:
        ConfigError: the config does not fit the data or this machine, there are too few groups, or the folder holds
            other things.
        DataError: problems in the data, with ``file:line``.
        EventRolesError: an extra is not installed.
        ModelError: the base model cannot be loaded.
    """
    refuse_several_processes("a cross-validation")
    if seeds < 1:
        raise ConfigError(f"seeds: expected 1 or more, found {seeds}")
    labels = check_config(config)
    named = load_named(config, labels)
    cut = cut_folds(named.train, folds=folds, group=config.split.group, seed=config.split.seed)
    splits = [
        cut.splits(fold, validation=named.validation, share=config.split.validation, seed=config.split.seed)
        for fold in range(folds)
    ]
    check_folds(splits, labels)
    shared = find_shared(cut)
    if config.leakage == "refuse":
        refuse_shared(cut, shared, group=config.split.group)
    plan = describe_run(config) | {
        "data": records_sha256([*named.train, *named.validation]),
        "number of folds": folds,
    }
    start = find_start(config, labels, known=named.texts)
    series = Series(folder, plan, resume=resume)
    numbers = tuple(config.training.seed + place for place in range(seeds))
    runs = run_folds(
        start,
        splits,
        config=config,
        labels=labels,
        seeds=numbers,
        series=series,
        keep=_finish if keep_models else None,
        on_step=on_step,
        callbacks=callbacks,
    )
    models = [run for run in runs if run.seed is not None]
    baselines = [run for run in runs if run.seed is None]
    result = CrossValidation(
        folder=folder,
        labels=labels,
        folds=folds,
        seeds=numbers,
        sentences=len(cut.records),
        documents=len({record.document for record in cut.records}),
        held_out=tuple(len(cut.held_out(fold)) for fold in range(folds)),
        model=spread_scores(cut, models, labels),
        baseline=spread_scores(cut, baselines, labels),
        pooled=pool_scores(cut, models, labels),
        pooled_baseline=pool_scores(cut, baselines, labels),
        label_errors=find_label_errors(cut.records, mean_probabilities(cut, models), labels=labels),
        shared=len(shared),
        warnings=tuple(_warnings(cut, labels, shared, teacher=bool(start.teachers))),
    )
    _write(result, cut, models)
    return result


def _finish(model: FineTuned, start: Start, splits: Splits, *, config: Config, labels: LabelSet) -> None:
    finish(model, start, splits, config=config, labels=labels, leakage=find_leaks(splits))


def _warnings(folds: Folds, labels: LabelSet, shared: Sequence[int], *, teacher: bool) -> list[str]:
    found = []
    for fold in range(folds.count):
        roles = {role for row in folds.held_out(fold) for role in folds.records[row].roles}
        lacking = [name for name in labels.roles if name not in roles]
        if lacking:
            found.append(f"fold {fold + 1} has no sentence with {', '.join(lacking)}: its F1 there is left out")
    if shared:
        found.append(
            f"{len(shared)} of {len(folds.records)} sentences have nearly the same sentence, or one of the same "
            "document or story, in another fold: the scores are too good by that"
        )
    if teacher:
        found.append("a teacher may have been trained on the sentences of every fold: the scores may be too high")
    return found


def _write(result: CrossValidation, folds: Folds, runs: Sequence[FoldRun]) -> None:
    logits, names = mean_logits(folds, runs), result.labels.names
    write_records(
        (
            _with_logits(record, folds, row, dict(zip(names, logits[row], strict=True)))
            for row, record in enumerate(folds.records)
        ),
        result.folder / OUT_OF_FOLD,
    )
    write_records(map(as_record, result.label_errors), result.folder / LABEL_ERRORS)
    write_json(result.to_dict(), result.folder / RESULT)


def _with_logits(record: Record, folds: Folds, row: int, logits: Mapping[str, np.float32]) -> Record:
    rounded = {name: round(float(value), _DIGITS) for name, value in logits.items()}
    return replace(record, extra={"fold": int(folds.of_record[row]) + 1, "logits": rounded})
