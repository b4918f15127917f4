"""Whether one model is better than another: a paired test on the same sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..inference.tagger import Tagger
from ..labels.errors import ConfigError
from ..labels.labelset import LabelSet
from .bootstrap import Bootstrap, Estimate, Floats, estimate, nan_mean
from .data import targets
from .evaluate import read_labelled, score_sentences
from .metrics import Array, Cells, all_right, cells, example_counts, f1_scores, roles_present
from .numbers import plain

_CHUNK = 500  # swaps at a time: bounds memory at 500 x n_documents floats


@dataclass(frozen=True)
class Difference:
    """One score of two models on the same sentences.

    Attributes:
        first: the first model's score; NaN where it is not defined (no sentence has the label, say).
        second: the second model's.
        difference: second minus first, with its 95 % interval (paired bootstrap over documents).
        p_value: how often a difference at least as large, in either direction, comes about where the two models'
            decisions on whole documents are swapped at random.
    """

    first: float
    second: float
    difference: Estimate
    p_value: float


@dataclass(frozen=True)
class ModelComparison:
    """Two models on the same sentences.

    Attributes:
        first: what the user called the first model.
        second: what the user called the second model.
        macro_f1: of the roles that occur in the data.
        labels: F1 of each label.
        example_f1: mean F1 of the sentences' sets of roles (`example_counts`).
        exact_match: share of sentences with all decisions right.
        decisions: how many decisions the two models disagree on.
        sentences: how many sentences.
        documents: how many documents, the units of both tests.
        resamples: bootstrap samples behind each interval.
        swaps: random swaps behind each p-value.
        truncated: sentences longer than a model's window, for the first and the second model.
    """

    first: str
    second: str
    macro_f1: Difference
    labels: Mapping[str, Difference]
    example_f1: Difference
    exact_match: Difference
    decisions: int
    sentences: int
    documents: int
    resamples: int
    swaps: int
    truncated: tuple[int, int] = (0, 0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; values that are not defined are None."""
        return dict(plain(self))


def compare(
    first: str | Path,
    second: str | Path,
    *,
    data: Sequence[Path],
    device: str = "auto",
    backend: str = "auto",
    exact: bool = False,
    text_column: str | None = None,
    roles_column: str | None = None,
    labels: LabelSet | None = None,
    seed: int = 0,
) -> ModelComparison:
    """Test two models against each other on the same labelled sentences, each with its own context and decision rule.

    Args:
        first: model folder or Hub id.
        second: model folder or Hub id, of the same label set.
        data: files of labelled sentences (JSONL, CSV, Parquet).
        device: where to run, as for `Tagger.from_pretrained`.
        backend: what runs the models, likewise.
        exact: fp32 only, likewise.
        text_column: column with the text; by default the one that the first model was trained with.
        roles_column: column with the labels; by default likewise.
        labels: what the outputs of a model mean that does not say so itself.
        seed: of both tests.

    Raises:
        ConfigError: the label sets differ, or the device is not there.
        DataError: problems in the data.
        ModelError: problems in a model folder.
    """
    taggers = [
        Tagger.from_pretrained(name, device=device, backend=backend, exact=exact, labels=labels)
        for name in (first, second)
    ]
    labels = taggers[0].labels
    _check_labels(taggers[0], taggers[1])
    records = read_labelled(taggers[0], data, text_column=text_column, roles_column=roles_column)
    scored = [score_sentences(tagger, records) for tagger in taggers]
    given = [found.rule.decide(found.rule.probabilities(found.logits)) for found in scored]
    return compare_decisions(
        targets(records, labels),
        given[0],
        given[1],
        documents=[record.document for record in records],
        labels=labels,
        names=(str(first), str(second)),
        truncated=(scored[0].truncated, scored[1].truncated),
        seed=seed,
    )


def compare_decisions(
    targets: npt.NDArray[np.float32],
    first: npt.NDArray[np.bool_],
    second: npt.NDArray[np.bool_],
    *,
    documents: Sequence[str],
    labels: LabelSet,
    names: tuple[str, str] = ("first", "second"),
    truncated: tuple[int, int] = (0, 0),
    resamples: int = 1000,
    swaps: int = 9999,
    seed: int = 0,
) -> ModelComparison:
    """Test the decisions of two models on the same sentences.

    Intervals are those of a bootstrap that draws the same documents for both models. P-values are two-sided, from
    approximate randomisation (Noreen, 1989, Computer-Intensive Methods for Testing Hypotheses; Yeh, 2000, More
    Accurate Tests for the Statistical Significance of Result Differences): if the models were equally good, swapping
    their decisions on any document would change nothing but chance. The swap itself counts as one of the draws, so the
    smallest p-value is ``1 / (swaps + 1)``; with d documents none below ``2 / 2**d`` is possible either.

    Args:
        targets: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`, which is left out.
        first: ``[n_sentences, n_labels] bool``, the first model's decisions.
        second: the second model's.
        documents: the document of each sentence.
        labels: names of the columns.
        names: what to call the models.
        truncated: sentences longer than each model's window.
        resamples: how many bootstrap samples.
        swaps: how many random swaps.
        seed: of both.
    """
    bootstrap = Bootstrap.draw(documents, resamples=resamples, seed=seed)
    counts = [bootstrap.per_document(_counts(targets, given, labels)) for given in (first, second)]
    measure = _measure(labels, roles_present(targets, labels))
    ours, theirs = (measure(bootstrap.weights @ count) for count in counts)
    p_values = _randomise(counts[0], counts[1], measure, swaps=swaps, random=np.random.default_rng(seed))
    found = [
        Difference(
            first=float(ours[0, k]),
            second=float(theirs[0, k]),
            difference=estimate(theirs[:, k] - ours[:, k]),
            p_value=float(p_values[k]),
        )
        for k in range(ours.shape[1])
    ]
    return ModelComparison(
        first=names[0],
        second=names[1],
        macro_f1=found[-3],
        labels=dict(zip(labels.names, found, strict=False)),
        example_f1=found[-2],
        exact_match=found[-1],
        decisions=int(((first != second) & (targets >= 0)).sum()),
        sentences=len(targets),
        documents=bootstrap.documents,
        resamples=resamples,
        swaps=swaps,
        truncated=truncated,
    )


def _counts(targets: Array, given: Array, labels: LabelSet) -> Floats:
    """Return all that the scores are made of, for each sentence: ``[n_sentences, 3 * n_labels + 4] float64``."""
    right = all_right(targets, given)
    parts = [*cells(targets, given), example_counts(targets, given, labels), right[:, None], np.ones((len(right), 1))]
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts], axis=1)


def _measure(labels: LabelSet, roles: list[int]) -> Callable[[Floats], Floats]:
    """Return a function from sums of counts to scores: F1 of every label, macro F1, example-based F1, exact match."""
    n = len(labels)

    def measure(sums: Floats) -> Floats:
        f1 = f1_scores(Cells(sums[:, :n], sums[:, n : 2 * n], sums[:, 2 * n : 3 * n]))
        with np.errstate(invalid="ignore"):
            example = sums[:, 3 * n] / sums[:, 3 * n + 1]
            exact = sums[:, 3 * n + 2] / sums[:, 3 * n + 3]
        return np.column_stack([f1, nan_mean(f1[:, roles]), example, exact])

    return measure


def _randomise(
    first: Floats, second: Floats, measure: Callable[[Floats], Floats], *, swaps: int, random: np.random.Generator
) -> Floats:
    """Return two-sided p-values of approximate randomisation for every score; NaN where a score is not defined."""
    observed = np.abs(measure(second.sum(axis=0)[None]) - measure(first.sum(axis=0)[None]))[0]
    change, total = second - first, first.sum(axis=0)
    both = total + second.sum(axis=0)
    as_large = np.zeros(len(observed))
    for start in range(0, swaps, _CHUNK):
        swapped = random.integers(0, 2, size=(min(_CHUNK, swaps - start), len(first))).astype(np.float64)
        ours = total + swapped @ change
        found = np.abs(measure(both - ours) - measure(ours))
        as_large += (found >= observed - 1e-9).sum(axis=0)  # sums in another order differ in the last digits
    return np.where(np.isnan(observed), np.nan, (as_large + 1) / (swaps + 1))


def _check_labels(first: Tagger, second: Tagger) -> None:
    ours, theirs = first.labels, second.labels
    if (ours.names, ours.exclusive, ours.negative) == (theirs.names, theirs.exclusive, theirs.negative):
        return
    told = [
        f"{tagger.bundle.name}: {', '.join(tagger.labels.names)}"
        + (" (exclusive)" if tagger.labels.exclusive else "")
        + (f", negative {tagger.labels.negative}" if tagger.labels.negative else "")
        for tagger in (first, second)
    ]
    raise ConfigError(
        "two models can only be compared if they have the same label set: the same names in the same order\n"
        + "\n".join(told)
    )
