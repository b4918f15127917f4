"""What every engine is: token ids in, logits out; and how it says that it cannot go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ...labels.errors import ModelError
from ..encoding import Encoded

FP32 = "fp32"
INT8 = "int8"


class EngineFailed(ModelError):  # noqa: N818  what happened, not who is to blame
    """An engine cannot start or cannot go on here; another engine may."""


class Engine(Protocol):
    """Token ids to logits.

    Attributes:
        backend: ``onnx`` or ``torch``.
        precision: ``fp32`` or ``int8``; a model has a decision rule for each.
        device: where it runs: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        invariant: whether the logits of a sentence are the same bits whatever is scored beside it.
    """

    @property
    def backend(self) -> str:
        """``onnx`` or ``torch``."""

    @property
    def precision(self) -> str:
        """``fp32`` or ``int8``."""

    @property
    def device(self) -> str:
        """Where it runs."""

    @property
    def invariant(self) -> bool:
        """Whether logits do not depend on the other sentences of the call."""

    def logits(self, sentences: Sequence[Encoded]) -> npt.NDArray[np.float32]:
        """Return logits ``[n_sentences, n_labels] float32``, in the order of the sentences.

        Raises:
            EngineFailed: this engine cannot go on.
        """


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its type if it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
