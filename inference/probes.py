"""The self-check of a model: sentences whose scores travel with it, and must come out again wherever it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..labels.errors import ModelError
from .decision import DecisionRule
from .manifest import MANIFEST, Probe

if TYPE_CHECKING:
    from ..labels.labelset import LabelSet
    from .bundle import Bundle
    from .encoding import Encoder
    from .engines.engine import Engine

# Of our own: a model folder may be published, and the text it was trained on may not.
SENTENCES = (
    "Rebels shelled the port on Tuesday.",
    "The army fired back at the battery in response to the morning's rockets.",
    "Two dockers were killed and seven wounded, doctors said.",
    "The ministry denied that its aircraft had been over the town.",
    "The bakery opened again in spring, and bread costs less than it did.",
    "Ça suffit, 你好, ещё раз: №7 — “quoted” text, 3.5 % at 09:30 (GMT+2)!",
)
"""Sentences that every model is probed with, and whose scores travel with it."""
# What the same weights may differ by in another place, in log odds: other processors and libraries add up in another
# order, and in 8 bits a sum that falls on the other side of a step moves a score further.
_TOLERANCE = {"fp32": 0.02, "int8": 0.25}
_LISTS, _WORDS = 4, 8
# Probabilities nearer to 0 or 1 than this are as good as equal, and their log odds hang on the last bits.
_EXTREME = 1e-4


def make_probes(labels: LabelSet, engine: Engine, encoder: Encoder) -> list[Probe]:
    """Return what a model says of the probe sentences, to be kept in its manifest.

    They are six sentences of our own, the definitions of the labels, each of which is meant by one of them, and words
    from the whole breadth of the vocabulary, which a model knows whatever it was trained on. The scores are those
    before calibration.

    Args:
        labels: what its outputs mean.
        engine: one that runs it.
        encoder: its tokenizer.
    """
    texts = [*SENTENCES, *(label.definition for label in labels.labels), *_word_lists(encoder.vocabulary())]
    scores = _uncalibrated(labels, engine.logits(encoder.encode(texts)))
    return [
        Probe(text=text, scores={name: float(f"{one:.7f}") for name, one in zip(labels.names, row, strict=True)})
        for text, row in zip(texts, scores.tolist(), strict=True)
    ]


def check_probes(bundle: Bundle, engine: Engine, encoder: Encoder) -> None:
    """Score the probes of a model and compare them with what its manifest says they are.

    This finds what no hash can: labels in another order, a tokenizer or an activation other than in training, and
    weights that give no numbers. A model without probes has only the last looked at.

    Args:
        bundle: the model.
        engine: the engine that is to run it.
        encoder: its tokenizer.

    Raises:
        EngineFailed: the engine fails.
        ModelError: the scores are not those of the manifest.
    """
    expected = bundle.probes_for(engine.precision)
    texts = [one.text for one in expected] or list(SENTENCES)
    logits = engine.logits(encoder.encode(texts))
    if logits.shape[1] != len(bundle.label_set):
        raise ModelError(
            f"{bundle.name}: the model gives {logits.shape[1]} scores a sentence, for {len(bundle.label_set)} labels"
        )
    scores = _uncalibrated(bundle.label_set, logits)
    if not expected:
        return
    names = bundle.label_set.names
    if any(set(one.scores) != set(names) for one in expected):
        raise ModelError(f"{bundle.name}: the probes of {MANIFEST} have scores of other labels than the model has")
    wanted = np.array([[one.scores[name] for name in names] for one in expected])
    differences = np.abs(_log_odds(scores) - _log_odds(wanted))
    row, column = np.unravel_index(int(differences.argmax()), differences.shape)
    if differences[row, column] > _TOLERANCE[engine.precision]:
        raise ModelError(
            f"{bundle.name}: the self-check fails: {names[column]} has the score "
            f"{scores[row, column]:.4f} here, and had {wanted[row, column]:.4f} when the model was made, for "
            f"{texts[row]!r}; labels, tokenizer, weights and {MANIFEST} are not of one "
            "model: fetch it again, or ask who made it"
        )


def _word_lists(vocabulary: Sequence[str]) -> list[str]:
    words = sorted(word for word in vocabulary if word.isalpha() and len(word) > 2)
    wanted = _LISTS * _WORDS
    chosen = [words[position * len(words) // wanted] for position in range(wanted)] if words else []
    return [" ".join(chosen[start::_LISTS]) for start in range(_LISTS)] if chosen else []


def _uncalibrated(labels: LabelSet, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return scores before temperatures: those that `transformers.pipeline` gives."""
    return DecisionRule.uncalibrated(len(labels), exclusive=labels.exclusive).probabilities(logits)


def _log_odds(probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    clipped = np.clip(probabilities.astype(np.float64), _EXTREME, 1 - _EXTREME)
    return np.asarray(np.log(clipped / (1 - clipped)))
