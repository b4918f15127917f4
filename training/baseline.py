"""The baseline that every model is printed beside: TF-IDF and logistic regression, trained on the same split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..inference.decision import DecisionRule
from ..labels.errors import require
from ..labels.labelset import LabelSet
from .data import MASKED, targets
from .decide import fit_rule
from .splits import Splits


class Baseline:
    """One logistic regression per label over TF-IDF of words and word pairs, with its own fitted decision rule.

    Args:
        splits: trained on ``train``; the decision rule is fitted on ``validation``.
        labels: the label set.
        objective: of the decision rule, as for the model.
        seed: of the regression and of the threshold fit.
    """

    def __init__(self, splits: Splits, labels: LabelSet, *, objective: str, seed: int) -> None:
        text = require("sklearn.feature_extraction.text", extra="train")
        linear = require("sklearn.linear_model", extra="train")
        self._vectorizer = text.TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode")
        features = self._vectorizer.fit_transform([record.text for record in splits.train])
        matrix = targets(splits.train, labels)
        self._models = []
        for column in range(len(labels)):
            rows = matrix[:, column] != MASKED
            # Balanced weights: with rare labels the plain regression hardly ever says yes.
            model = linear.LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000, random_state=seed)
            self._models.append(model.fit(features[rows], matrix[rows, column]))
        self.rule: DecisionRule = fit_rule(
            self.logits([record.text for record in splits.validation]),
            targets(splits.validation, labels),
            labels=labels,
            documents=[record.document for record in splits.validation],
            objective=objective,
            calibrate=True,
            seed=seed,
        )

    def logits(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the regressions' log-odds, ``[n_texts, n_labels] float32``."""
        features = self._vectorizer.transform(texts)
        return np.stack([model.decision_function(features) for model in self._models], axis=1).astype(np.float32)
