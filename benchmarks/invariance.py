"""Whether a sentence is scored the same alone and among others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from eventroles import Tagger
from eventroles.inference.decision import DecisionRule

Logits = npt.NDArray[np.float32]
"""``[n_sentences, n_labels] float32``, raw outputs."""


@dataclass(frozen=True)
class Invariance:
    """What the other sentences of a call change.

    Attributes:
        name: what scored.
        sentences: how many were scored both ways.
        changed: share of them with a logit of other bits.
        largest: the largest change of a calibrated score.
    """

    name: str
    sentences: int
    changed: float
    largest: float


def compare(name: str, together: Logits, alone: Logits, *, rule: DecisionRule) -> Invariance:
    """Return what differs between the logits of the same sentences."""
    changed = (together.view(np.int32) != alone.view(np.int32)).any(axis=1)
    difference = np.abs(rule.probabilities(together) - rule.probabilities(alone))
    return Invariance(name, len(together), float(changed.mean()), float(difference.max()))


def compare_tagger(name: str, tagger: Tagger, texts: Sequence[str]) -> Invariance:
    """Score sentences in one call, then each in a call of its own."""
    alone = np.concatenate([tagger.logits([text]) for text in texts])
    rule = tagger.bundle.rule_for(tagger.engine.precision)
    return compare(name, tagger.logits(texts), alone, rule=rule)


def compare_pipeline(name: str, classify: Any, texts: Sequence[str], *, tagger: Tagger) -> Invariance:
    """Score sentences with ``transformers.pipeline`` in batches of 32, then in batches of one."""
    together, alone = (_pipeline_logits(classify, texts, tagger.labels.names, size) for size in (32, 1))
    return compare(name, together, alone, rule=tagger.bundle.rule_for("fp32"))


def _pipeline_logits(classify: Any, texts: Sequence[str], names: Sequence[str], batch_size: int) -> Logits:
    rows = classify(list(texts), batch_size=batch_size, function_to_apply="none")
    scores = [{entry["label"]: entry["score"] for entry in row} for row in rows]
    return np.array([[row[name] for name in names] for row in scores], dtype=np.float32)
