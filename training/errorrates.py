"""Measuring on a test split how often each label's decisions are wrong, for counts to be corrected with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..inference.errorrates import LabelErrors, ScoreMoments
from ..labels.labelset import LabelSet
from .data import MASKED

Floats = npt.NDArray[np.float64]
_DECIMALS = 6


def error_rates(
    targets: npt.NDArray[np.float32],
    probabilities: npt.NDArray[np.float32],
    given: npt.NDArray[np.bool_],
    *,
    documents: Sequence[str],
    labels: LabelSet,
) -> dict[str, LabelErrors]:
    """Return the errors of every label on labelled sentences.

    Sentences of one document are alike, so that a share over many documents is surer than one over a few: effective
    sizes are those of a simple random sample with the same variance as the clusters have (Kish, 1965, Survey Sampling;
    variance of a ratio by linearisation), and never more than there are sentences.

    Args:
        targets: ``[n_sentences, n_labels]`` of 0, 1 and `MASKED`, which is left out.
        probabilities: ``[n_sentences, n_labels]``, calibrated.
        given: ``[n_sentences, n_labels] bool``, the decisions.
        documents: the document of each sentence.
        labels: names of the columns.
    """
    of_sentence = np.unique(np.asarray(documents), return_inverse=True)[1] if len(documents) else np.zeros(0, np.intp)
    found = {}
    for k, name in enumerate(labels.names):
        has = targets[:, k] == 1
        lacks = ~has & (targets[:, k] != MASKED)
        scores = probabilities[:, k].astype(np.float64)
        found[name] = LabelErrors(
            tp=int((has & given[:, k]).sum()),
            fp=int((lacks & given[:, k]).sum()),
            fn=int((has & ~given[:, k]).sum()),
            tn=int((lacks & ~given[:, k]).sum()),
            positive_effective=_effective(given[has, k].astype(np.float64), of_sentence[has]),
            negative_effective=_effective(given[lacks, k].astype(np.float64), of_sentence[lacks]),
            positive=_moments(scores[has], of_sentence[has]),
            negative=_moments(scores[lacks], of_sentence[lacks]),
        )
    return found


def _moments(scores: Floats, clusters: npt.NDArray[np.intp]) -> ScoreMoments | None:
    if not len(scores):
        return None
    variance = float(scores.var(ddof=1)) if len(scores) > 1 else 0.0
    return ScoreMoments(
        mean=round(float(scores.mean()), _DECIMALS),
        variance=round(variance, 2 * _DECIMALS),
        effective=_effective(scores, clusters),
    )


def _effective(values: Floats, clusters: npt.NDArray[np.intp]) -> float:
    """Return the size of a simple random sample with a mean as sure as that of values in clusters."""
    n = len(values)
    if not n:
        return 0.0
    _, numbers = np.unique(clusters, return_inverse=True)
    n_clusters = int(numbers.max(initial=-1)) + 1
    spread = float(values.var())
    if n_clusters < 2 or spread == 0:
        # One document says next to nothing of others; without spread, documents cannot be seen to differ.
        return float(n if spread == 0 and n_clusters > 1 else n_clusters)
    sums = np.zeros(n_clusters)
    np.add.at(sums, numbers, values - values.mean())
    variance = n_clusters / (n_clusters - 1) * float((sums**2).sum()) / n**2
    return round(min(float(n), spread / variance) if variance > 0 else float(n), 3)
