"""The learning curve: what scores come from which share of the labels, and whether more labels would help."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..configs.load import check_config
from ..configs.schema import Config
from ..labels.check import check_both_classes
from ..labels.errors import ConfigError, DataError
from ..labels.labelset import LabelSet
from ..labels.records import Record
from .data import load_splits, records_sha256, targets
from .finetune import Start, find_start
from .foldruns import run_model, with_seed
from .foldscores import f1_by_label
from .leakage import find_leaks, refuse_leaks
from .numbers import plain, write_json
from .outlook import MACRO, Outlook, needs_most, outlook
from .series import OnStep, Series, Step, describe_run, refuse_several_processes
from .splits import Splits, deal, group_keys

if TYPE_CHECKING:
    import transformers

RESULT = "learning_curve.json"
SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)


@dataclass(frozen=True)
class PointScore:
    """A score at one size: mean and standard deviation over seeds (NaN with one), and the score of each seed."""

    mean: float
    deviation: float
    seeds: tuple[float, ...]


@dataclass(frozen=True)
class CurvePoint:
    """The scores from one share of the training split.

    Attributes:
        share: of its sentences.
        sentences: how many, as a mean over seeds.
        with_label: how many of them have each label, as a mean over seeds.
        macro_f1: on the test split, with the decision rule of each model.
        f1: of each label; NaN where the test split does not have it.
    """

    share: float
    sentences: float
    with_label: Mapping[str, float]
    macro_f1: PointScore
    f1: Mapping[str, PointScore]


@dataclass(frozen=True)
class LearningCurve:
    """What a learning curve found.

    Attributes:
        folder: where its files are.
        labels: the label set.
        seeds: of the trainings at each share; each also draws other sentences.
        validation: sentences of the validation split, which are the same everywhere.
        test: sentences of the test split, likewise.
        points: by share, ascending.
        outlooks: what twice the sentences would bring, by label, and ``macro F1`` last.
        needs_most: the label that needs more labels most, None where none can be said to need them.
    """

    folder: Path
    labels: LabelSet
    seeds: tuple[int, ...]
    validation: int
    test: int
    points: tuple[CurvePoint, ...]
    outlooks: Mapping[str, Outlook]
    needs_most: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; values that are not defined are None."""
        names = ("seeds", "validation", "test", "points", "outlooks", "needs_most")
        return {"labels": list(self.labels.names)} | {name: plain(getattr(self, name)) for name in names}


def learning_curve(
    config: Config,
    *,
    folder: Path,
    shares: Sequence[float] = SHARES,
    seeds: int = 2,
    resume: bool = False,
    on_step: OnStep | None = None,
    callbacks: Sequence[transformers.TrainerCallback] = (),
) -> LearningCurve:
    """Train on growing shares of a config's training split, and score each model on the same test split.

    A share holds whole groups, stratified by label, and all of the smaller shares of its seed. A smaller share takes
    fewer steps, as the epochs are the same.

    Args:
        config: a loaded config.
        folder: where results go: ``learning_curve.json``, and one file for each training.
        shares: of the training split, above 0 and up to 1; two or more, four or more for a power law.
        seeds: trainings at each share; the first has ``training.seed`` and draws by ``split.seed``, each next one has
            the numbers after these.
        resume: go on with the results in the folder; their trainings do not run again.
        on_step: called before each training.
        callbacks: of the Hugging Face Trainer.

    Raises:
        ConfigError: the config does not fit the data or this machine, the shares are no shares or too small, or the
            folder holds other things.
        DataError: problems in the data, with ``file:line``.
        EventRolesError: an extra is not installed.
        ModelError: the base model cannot be loaded.
    """
    refuse_several_processes("a learning curve")
    _check_shares(shares)
    if seeds < 1:
        raise ConfigError(f"seeds: expected 1 or more, found {seeds}")
    labels = check_config(config)
    splits = load_splits(config, labels)
    check_both_classes(splits.train, labels, split="train")
    if config.leakage == "refuse":
        refuse_leaks(find_leaks(splits), config)
    shares = sorted(set(shares))
    grown = [
        grow(splits.train, shares=shares, group=config.split.group, seed=config.split.seed + place)
        for place in range(seeds)
    ]
    _check_grown(grown, shares, labels)
    plan = describe_run(config) | {
        "data": records_sha256([*splits.train, *splits.validation, *splits.test]),
        "shares": shares,
    }
    start = find_start(config, labels, known=splits.texts)
    series = Series(folder, plan, resume=resume)
    numbers = tuple(config.training.seed + place for place in range(seeds))
    names = {(share, seed): f"share-{share:g}-seed-{seed}" for share in shares for seed in numbers}
    missing = [key for key, name in names.items() if series.load(name) is None]
    for done, (share, seed) in enumerate(missing, start=len(names) - len(missing)):
        place = numbers.index(seed)
        if on_step is not None:
            on_step(Step(done, len(names), f"{share:.0%} of the sentences, seed {place + 1} of {seeds}"))
        part = Splits(grown[place][shares.index(share)], splits.validation, splits.test)
        name = names[share, seed]
        seeded = with_seed(config, seed)
        series.keep(name, _run(start, part, name, config=seeded, labels=labels, series=series, callbacks=callbacks))
    runs = {key: series.load(name) or {} for key, name in names.items()}
    points = tuple(_point(share, [runs[share, seed] for seed in numbers], labels) for share in shares)
    outlooks = _outlooks(list(runs.values()), labels, seed=config.training.seed)
    result = LearningCurve(
        folder=folder,
        labels=labels,
        seeds=numbers,
        validation=len(splits.validation),
        test=len(splits.test),
        points=points,
        outlooks=outlooks,
        needs_most=needs_most({name: found for name, found in outlooks.items() if name in labels.roles}),
    )
    write_json(result.to_dict(), folder / RESULT)
    return result


def grow(records: Sequence[Record], *, shares: Sequence[float], group: str, seed: int) -> list[tuple[Record, ...]]:
    """Return a growing part of the records for each share: whole groups, stratified by label, each within the next.

    Args:
        records: the labelled sentences.
        shares: of the rows, ascending.
        group: what no part tears, as for `split_records`.
        seed: decides which groups come first.

    Raises:
        ConfigError: no such column.
    """
    steps = np.diff([0.0, *shares, 1.0])
    parts = deal(records, group_keys(records, group), shares=np.where(steps > 1e-9, steps, 0.0), seed=seed)
    return [
        tuple(record for record, part in zip(records, parts, strict=True) if part <= last)
        for last in range(len(shares))
    ]


def _check_shares(shares: Sequence[float]) -> None:
    wrong = [f"{share:g}" for share in shares if not 0 < share <= 1]
    if wrong:
        raise ConfigError(f"shares: expected numbers above 0 and up to 1, found {', '.join(wrong)}")
    if len(set(shares)) < 2:
        raise ConfigError("shares: expected two different ones or more, such as 0.1 0.2 0.4 0.7 1.0")


def _check_grown(grown: Sequence[Sequence[tuple[Record, ...]]], shares: Sequence[float], labels: LabelSet) -> None:
    """Refuse shares from which nothing can be learned, and name the first that will do."""
    usable = len(shares)
    problem = ""
    for place in reversed(range(len(shares))):
        try:
            for parts in grown:
                check_both_classes(parts[place], labels, split="train")
        except DataError as error:
            problem = problem or f"{shares[place]:.0%} of the sentences: {str(error).splitlines()[0]}"
            break
        usable = place
    if problem:
        instead = f"; begin with {shares[usable]:g}" if usable < len(shares) - 1 else ""
        raise ConfigError(f"shares: {problem}{instead}, or label more sentences")


def _run(
    start: Start,
    splits: Splits,
    name: str,
    *,
    config: Config,
    labels: LabelSet,
    series: Series,
    callbacks: Sequence[transformers.TrainerCallback],
) -> dict[str, Any]:
    """Train on one share and return the scores on the test split."""
    judged = run_model(start, splits, name, config=config, labels=labels, series=series, callbacks=callbacks)
    given = judged.rule.decide(judged.rule.probabilities(judged.logits))
    *f1, macro = f1_by_label(targets(splits.test, labels), given, labels)
    counts = (targets(splits.train, labels) == 1).sum(axis=0)
    return {
        "sentences": len(splits.train),
        "with_label": {name: int(count) for name, count in zip(labels.names, counts, strict=True)},
        "macro_f1": plain(macro),
        "f1": {name: plain(value) for name, value in zip(labels.names, f1, strict=True)},
    }


def _point(share: float, runs: Sequence[Mapping[str, Any]], labels: LabelSet) -> CurvePoint:
    return CurvePoint(
        share=share,
        sentences=float(np.mean([run["sentences"] for run in runs])),
        with_label={name: float(np.mean([run["with_label"][name] for run in runs])) for name in labels.names},
        macro_f1=_score([run["macro_f1"] for run in runs]),
        f1={name: _score([run["f1"][name] for run in runs]) for name in labels.names},
    )


def _score(values: Sequence[float | None]) -> PointScore:
    scores = [math.nan if value is None else float(value) for value in values]
    deviation = float(np.std(scores, ddof=1)) if len(scores) > 1 else math.nan
    return PointScore(float(np.mean(scores)), deviation, tuple(scores))


def _outlooks(runs: Sequence[Mapping[str, Any]], labels: LabelSet, *, seed: int) -> dict[str, Outlook]:
    sizes = [float(run["sentences"]) for run in runs]
    columns = {name: [run["f1"][name] for run in runs] for name in labels.names}
    columns[MACRO] = [run["macro_f1"] for run in runs]
    most = max(range(len(runs)), key=lambda place: sizes[place])
    counts = {**runs[most]["with_label"], MACRO: runs[most]["sentences"]}
    return {
        name: outlook(
            name, sizes, [math.nan if value is None else value for value in scores], with_label=counts[name], seed=seed
        )
        for name, scores in columns.items()
    }
