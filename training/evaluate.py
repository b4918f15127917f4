"""Scoring a model folder on labelled sentences, through the same inference code that tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..configs.load import load_config
from ..configs.schema import Config
from ..inference.decision import DecisionRule
from ..inference.tagger import Tagger
from ..labels.errors import ConfigError, nearest
from ..labels.labelset import LabelSet
from ..labels.records import Columns, Record, read_records
from .baseline import Baseline
from .data import MASKED, TRAINING_CONFIG, contexts, targets, training_data
from .metrics import Scores, macro_f1, score
from .splits import Splits


@dataclass(frozen=True)
class Group:
    """The sentences with one value of a column.

    Attributes:
        value: the value.
        sentences: how many.
        passed: how many of them have every decision right.
        macro_f1: over the roles that occur among them; NaN if none does.
    """

    value: str
    sentences: int
    passed: int
    macro_f1: float

    @property
    def pass_rate(self) -> float:
        """Share of sentences with every decision right."""
        return self.passed / self.sentences


@dataclass(frozen=True)
class Evaluation:
    """A model on labelled sentences, beside the baseline trained on the same data.

    Attributes:
        model: the model's scores.
        baseline: the baseline's scores; None where the training data is not at hand.
        baseline_missing: why there is no baseline; empty if there is one.
        groups: pass rate of each value of the column asked for; empty if none was.
        truncated: sentences longer than the model's window, whose end was not read.
    """

    model: Scores
    baseline: Scores | None
    baseline_missing: str
    groups: tuple[Group, ...]
    truncated: int


def evaluate(
    model: str | Path,
    data: Sequence[Path],
    *,
    by: str | None = None,
    device: str = "auto",
    backend: str = "auto",
    exact: bool = False,
    text_column: str | None = None,
    roles_column: str | None = None,
    revision: str | None = None,
) -> Evaluation:
    """Score a model on labelled sentences.

    Args:
        model: model folder or Hub id.
        data: files of labelled sentences (JSONL, CSV, Parquet).
        by: a column of the data, such as ``rule`` or ``genre``, to give pass rates for each of its values.
        device: where to run, as for `Tagger.from_pretrained`.
        backend: what runs the model, likewise.
        exact: fp32 only, likewise.
        text_column: column with the text; by default the one of the config that the model was trained with.
        roles_column: column with the labels; by default likewise.
        revision: branch, tag or commit of a Hub model.

    Raises:
        ConfigError: column ``by`` is not in the data, or the device is not there.
        DataError: problems in the data.
        ModelError: problems in the model folder.
    """
    tagger = Tagger.from_pretrained(model, device=device, backend=backend, exact=exact, revision=revision)
    columns = _columns(tagger, text_column, roles_column)
    records = [record for path in data for record in read_records(path, tagger.labels, columns=columns)]
    if by is not None:
        _check_column(records, by)
    baseline, missing = _rebuild_baseline(tagger)
    context = contexts(records, tagger.bundle.manifest.context)
    encoded = tagger.encoder.encode([record.text for record in records], context)
    logits = tagger.engine.logits(encoded)
    rule = tagger.bundle.rule_for(tagger.engine.precision)
    return Evaluation(
        model=score_logits(logits, records, rule, tagger.labels),
        baseline=score_baseline(baseline, records, tagger.labels) if baseline else None,
        baseline_missing=missing,
        groups=_group(records, by, logits, rule, tagger.labels) if by else (),
        truncated=sum(sentence.truncated for sentence in encoded),
    )


def score_logits(
    logits: npt.NDArray[np.float32], records: Sequence[Record], rule: DecisionRule, labels: LabelSet
) -> Scores:
    """Apply a decision rule to logits ``[n_records, n_labels]`` and score the decisions against the records."""
    probabilities = rule.probabilities(logits)
    return score(
        targets(records, labels),
        probabilities,
        rule.decide(probabilities),
        documents=[record.document for record in records],
        labels=labels,
    )


def score_baseline(baseline: Baseline, records: Sequence[Record], labels: LabelSet) -> Scores:
    """Score the baseline on records."""
    return score_logits(baseline.logits([record.text for record in records]), records, baseline.rule, labels)


def _rebuild_baseline(tagger: Tagger) -> tuple[Baseline | None, str]:
    """Train the baseline again on the data of the model's config, if that is here and unchanged.

    It is not stored with the model: scikit-learn models are pickles, which run code when loaded.
    """
    try:
        data = training_data(tagger.bundle)
    except ConfigError as error:
        return None, str(error).splitlines()[0]
    return fit_baseline(data.config, data.splits, tagger.labels), ""


def fit_baseline(config: Config, splits: Splits, labels: LabelSet) -> Baseline:
    """Train the baseline on the splits of a config, with the config's objective and seed."""
    return Baseline(splits, labels, objective=config.decision.objective, seed=config.training.seed)


def _group(
    records: Sequence[Record], by: str, logits: npt.NDArray[np.float32], rule: DecisionRule, labels: LabelSet
) -> tuple[Group, ...]:
    wanted, given = targets(records, labels), rule.decide(rule.probabilities(logits))
    right = (((wanted == 1) == given) | (wanted == MASKED)).all(axis=1)
    values = np.array([_value(record, by) for record in records])
    groups = []
    for value in dict.fromkeys(values.tolist()):
        rows = values == value
        f1 = macro_f1(wanted[rows], given[rows], labels) if (wanted[rows] == 1).any() else float("nan")
        groups.append(Group(value, int(rows.sum()), int(right[rows].sum()), f1))
    return tuple(groups)


def _check_column(records: Sequence[Record], by: str) -> None:
    columns = dict.fromkeys(["document", *(name for record in records for name in record.extra)])
    if by not in columns:
        raise ConfigError(f"--by {by}: no such column; there are {', '.join(columns)}.{nearest(by, columns)}")


def _value(record: Record, column: str) -> str:
    return record.document if column == "document" else str(record.extra.get(column, ""))


def _columns(tagger: Tagger, text: str | None, roles: str | None) -> Columns:
    path = tagger.bundle.folder / TRAINING_CONFIG
    columns = Columns(**load_config(path).data.columns.model_dump()) if path.is_file() else Columns()
    return replace(columns, text=text or columns.text, roles=roles or columns.roles)
