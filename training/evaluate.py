"""Scoring a model folder on labelled sentences, through the same inference code that tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..configs.load import load_config
from ..configs.schema import Config
from ..inference.decision import DecisionRule
from ..inference.errorrates import LabelErrors
from ..inference.tagger import Tagger
from ..labels.errors import ConfigError
from ..labels.labelset import LabelSet
from ..labels.records import Columns, Record, read_records
from .abstain import AutomaticShare, automatic_share
from .baseline import Baseline
from .calibration import Calibration, calibrate
from .confusion import Confusion, confuse
from .curves import Curve, precision_recall_curves
from .data import TRAINING_CONFIG, TrainingData, contexts, targets, training_data
from .errorrates import error_rates
from .leakage import EXACT, NEAR, find_leaks
from .metrics import Scores, score_logits, unfitted_rule
from .mistakes import LabelMistakes, confident_mistakes
from .numbers import plain
from .slices import Slice, check_columns, default_columns, slice_scores
from .splits import Splits


@dataclass(frozen=True)
class Evaluation:
    """A model on labelled sentences, beside the baseline trained on the same data: all that a report tells.

    Attributes:
        name: what the user called the model: a path or a Hub id.
        revision: the Hub commit, or the first 12 hex digits of the SHA-256 of the model's manifest.
        engine: what ran the model, such as ``onnx int8 on cpu``.
        data: the files of labelled sentences.
        labels: the label set: titles, definitions and colours of the labels.
        rule: the decision rule in use.
        model: the model's scores.
        baseline: the baseline's scores; None where the training data is not at hand.
        baseline_missing: why there is no baseline; empty if there is one.
        calibration: by label, before and after the decision rule's temperatures and biases.
        curves: by label, precision and recall of every threshold, for calibrated probabilities.
        confusion: which labels are given in place of which.
        slices: scores by the columns asked for; if none were, by length and by every column with 2 to 30 values.
        mistakes: by label, the most confident mistakes.
        truncated: sentences longer than the model's window, whose end was not read.
        review: what the review bands leave to the model; None where it has none.
        seen: sentences that stand in the model's training split too, or nearly; None where that is not at hand.
        errors: how often the model is wrong here, by label, for `eventroles count --errors` to correct counts with.
    """

    name: str
    revision: str
    engine: str
    data: tuple[str, ...]
    labels: LabelSet
    rule: DecisionRule
    model: Scores
    baseline: Scores | None
    baseline_missing: str
    calibration: Mapping[str, Calibration]
    curves: Mapping[str, Curve]
    confusion: Confusion
    slices: tuple[Slice, ...]
    mistakes: Mapping[str, LabelMistakes]
    truncated: int
    review: AutomaticShare | None
    seen: int | None
    errors: Mapping[str, LabelErrors]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; values that are not defined are None."""
        own = {
            "labels": self.labels.to_dict(),
            "slices": [one.to_dict() for one in self.slices],
            "errors": {name: one.model_dump() for name, one in self.errors.items()},
        }
        return {name: own[name] if name in own else plain(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class ScoredSentences:
    """What a model makes of sentences.

    Attributes:
        logits: ``[n_sentences, n_labels] float32``.
        rule: the decision rule for logits of this precision.
        truncated: sentences longer than the model's window, whose end was not read.
    """

    logits: npt.NDArray[np.float32]
    rule: DecisionRule
    truncated: int


def evaluate(
    model: str | Path,
    data: Sequence[Path],
    *,
    by: str | Sequence[str] = (),
    mistakes: int = 10,
    device: str = "auto",
    backend: str = "auto",
    exact: bool = False,
    text_column: str | None = None,
    roles_column: str | None = None,
    revision: str | None = None,
    labels: LabelSet | None = None,
) -> Evaluation:
    """Score a model on labelled sentences.

    Args:
        model: model folder or Hub id.
        data: files of labelled sentences (JSONL, CSV, Parquet).
        by: columns of the data, such as ``rule`` or ``genre``, to give scores for each of their values; ``length``
            cuts by words. By default length, source, and every other column with 2 to 30 values.
        mistakes: how many false alarms, and how many misses, of each label to show.
        device: where to run, as for `Tagger.from_pretrained`.
        backend: what runs the model, likewise.
        exact: fp32 only, likewise.
        text_column: column with the text; by default the one of the config that the model was trained with.
        roles_column: column with the labels; by default likewise.
        revision: branch, tag or commit of a Hub model.
        labels: what the outputs of a model mean that does not say so itself.

    Raises:
        ConfigError: a column of ``by`` is not in the data, or the device is not there.
        DataError: problems in the data.
        ModelError: problems in the model folder.
    """
    tagger = Tagger.from_pretrained(
        model, device=device, backend=backend, exact=exact, labels=labels, revision=revision
    )
    records = read_labelled(tagger, data, text_column=text_column, roles_column=roles_column)
    return evaluate_records(tagger, records, data=[str(path) for path in data], by=by, mistakes=mistakes)


def evaluate_records(
    tagger: Tagger,
    records: Sequence[Record],
    *,
    data: Sequence[str],
    by: str | Sequence[str] = (),
    mistakes: int = 10,
    run: TrainingData | None = None,
) -> Evaluation:
    """Score a loaded model on sentences that are read already, such as the test split of a run.

    Args:
        tagger: the model.
        records: labelled sentences.
        data: what to call them: names of files, or of a split.
        by: as for `evaluate`.
        mistakes: likewise.
        run: what the model was trained with, where that is at hand; by default it is read again.

    Raises:
        ConfigError: a column of ``by`` is not in the data.
        ModelError: the model gives scores that are not numbers.
    """
    columns = [by] if isinstance(by, str) else list(dict.fromkeys(by))
    check_columns(records, columns)
    data_of_run, missing = (run, "") if run else _training_data(tagger)
    baseline = fit_baseline(data_of_run.config, data_of_run.splits, tagger.labels) if data_of_run else None
    scored = score_sentences(tagger, records)
    rule, labels, wanted = scored.rule, tagger.labels, targets(records, tagger.labels)
    probabilities = rule.probabilities(scored.logits)
    given = rule.decide(probabilities)
    documents = [record.document for record in records]
    raw = unfitted_rule(labels).probabilities(scored.logits)
    return Evaluation(
        name=tagger.origin.model,
        revision=tagger.origin.revision,
        engine=tagger.origin.engine,
        data=tuple(data),
        labels=labels,
        rule=rule,
        model=score_logits(scored.logits, records, rule, labels),
        baseline=score_baseline(baseline, records, labels) if baseline else None,
        baseline_missing=missing,
        calibration=calibrate(wanted, raw, probabilities, documents=documents, labels=labels),
        curves=precision_recall_curves(wanted, probabilities, rule=rule, labels=labels),
        confusion=confuse(wanted, given, labels=labels),
        slices=tuple(
            slice_scores(records, given, column, labels=labels, whole=bool(columns))
            for column in columns or default_columns(records)
        ),
        mistakes=confident_mistakes(records, probabilities, given, labels=labels, most=mistakes),
        truncated=scored.truncated,
        review=automatic_share(rule, wanted, probabilities, labels=labels),
        seen=_count_seen(data_of_run.splits.train, records) if data_of_run else None,
        errors=error_rates(wanted, probabilities, given, documents=documents, labels=labels),
    )


def read_labelled(
    tagger: Tagger, data: Sequence[Path], *, text_column: str | None, roles_column: str | None
) -> list[Record]:
    """Read labelled sentences, with the columns that a model was trained with where none are named.

    Raises:
        DataError: problems in the data.
    """
    columns = _columns(tagger, text_column, roles_column)
    return [record for path in data for record in read_records(path, tagger.labels, columns=columns)]


def score_sentences(tagger: Tagger, records: Sequence[Record]) -> ScoredSentences:
    """Run a model over sentences, each with the context that the model was trained with."""
    encoded = tagger.encoder.encode(
        [record.text for record in records], contexts(records, tagger.bundle.manifest.context)
    )
    logits = tagger.engine.logits(encoded)
    rule = tagger.bundle.rule_for(tagger.engine.precision)  # asked last: an engine that fails is replaced by another
    return ScoredSentences(logits, rule, sum(sentence.truncated for sentence in encoded))


def score_baseline(baseline: Baseline, records: Sequence[Record], labels: LabelSet) -> Scores:
    """Score the baseline on records."""
    return score_logits(baseline.logits([record.text for record in records]), records, baseline.rule, labels)


def _training_data(tagger: Tagger) -> tuple[TrainingData | None, str]:
    """Return the data of the model's config if it is here and unchanged, or why not.

    The baseline is trained on it again: it is not stored with the model, as scikit-learn models are pickles, which run
    code when loaded.
    """
    try:
        return training_data(tagger.bundle), ""
    except ConfigError as error:
        return None, str(error).splitlines()[0]


def _count_seen(train: Sequence[Record], records: Sequence[Record]) -> int:
    # Not the documents: two data sets may well call different ones the same.
    leaks = find_leaks(Splits(tuple(train), (), tuple(records))).leaks
    return sum(leak.rows for leak in leaks if leak.kind in (EXACT, NEAR))


def fit_baseline(config: Config, splits: Splits, labels: LabelSet) -> Baseline:
    """Train the baseline on the splits of a config, with the config's objective and seed."""
    return Baseline(splits, labels, objective=config.decision.objective, seed=config.training.seed)


def _columns(tagger: Tagger, text: str | None, roles: str | None) -> Columns:
    path = tagger.bundle.folder / TRAINING_CONFIG
    columns = Columns(**load_config(path).data.columns.model_dump()) if path.is_file() else Columns()
    return replace(columns, text=text or columns.text, roles=roles or columns.roles)
