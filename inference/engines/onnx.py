"""The ONNX engine: runs an exported model on the CPU with onnxruntime, without torch or transformers."""

from __future__ import annotations

import platform
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...labels.errors import require
from ..batching import plan_batches
from ..cores import usable_cores
from ..encoding import Encoded
from .engine import EngineFailed, first_line

# Tokens of a batch: enough rows to keep the matrix products busy, few enough to stay in a core's cache.
TOKEN_BUDGET = 512
# Computes the sum and the norm of a residual in one node, which in onnxruntime 1.31 takes longer than both apart:
# without it the int8 model runs 1.35 times as fast.
_DISABLED_FUSIONS = ["SkipLayerNormFusion"]


class OnnxEngine:
    """Token ids to logits with onnxruntime.

    A batch holds sentences of one length only, so that nothing is padded and no sentence is scored differently for
    its neighbours: the same bits come out whatever the batch, the order and the number of threads. Every thread runs
    whole batches on its own through one session; threads that share a batch wait for each other far more.

    Args:
        model: the exported model: its file, or the bytes of one.
        precision: ``fp32`` or ``int8``, what the file holds.
        threads: batches at a time; by default the cores this process may use.
        token_budget: most tokens of a batch.

    Raises:
        EventRolesError: onnxruntime is not installed.
        EngineFailed: onnxruntime cannot load the file.
    """

    backend = "onnx"
    device = "cpu"
    invariant = True

    def __init__(
        self, model: Path | bytes, *, precision: str, threads: int | None = None, token_budget: int = TOKEN_BUDGET
    ) -> None:
        self.precision = precision
        self._token_budget = token_budget
        self._session = open_session(model)
        self._inputs = {given.name for given in self._session.get_inputs()}
        self._threads = threads or usable_cores()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="onnx") if self._threads > 1 else None

    def logits(self, sentences: Sequence[Encoded]) -> npt.NDArray[np.float32]:
        """Return logits ``[n_sentences, n_labels] float32``, in the order of the sentences.

        Raises:
            EngineFailed: onnxruntime fails.
        """
        lengths = [len(sentence.ids) for sentence in sentences]
        batches = plan_batches(lengths, token_budget=self._token_budget, equal_lengths=True)
        if not batches:
            raise ValueError("no sentences to score")
        run = self._pool.map if self._pool else map
        try:
            parts = list(run(lambda batch: self._run([sentences[index] for index in batch]), batches))
        except Exception as error:  # onnxruntime raises a class of its own for every status code
            raise EngineFailed(f"onnxruntime failed: {first_line(error)}") from error
        logits = np.empty((len(sentences), parts[0].shape[1]), dtype=np.float32)
        for batch, part in zip(batches, parts, strict=True):
            logits[batch] = part
        return logits

    def _run(self, batch: Sequence[Encoded]) -> npt.NDArray[np.float32]:
        return np.asarray(self._session.run(["logits"], feeds(batch, self._inputs))[0])


def feeds(batch: Sequence[Encoded], inputs: Collection[str]) -> dict[str, npt.NDArray[np.int64]]:
    """Return a batch of sentences of one length as those of a session's inputs that it names.

    Returns:
        ``input_ids``, ``attention_mask`` and ``token_type_ids``, each ``[n_sentences, n_tokens] int64``.
    """
    ids = np.array([sentence.ids for sentence in batch], dtype=np.int64)
    arrays = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    if "token_type_ids" in inputs:
        arrays["token_type_ids"] = np.array([sentence.type_ids for sentence in batch], dtype=np.int64)
    return arrays


def open_session(model: Path | bytes) -> Any:
    """Return an onnxruntime session that computes on the calling thread, for a file or the bytes of a model.

    Raises:
        EventRolesError: onnxruntime is not installed.
        EngineFailed: onnxruntime cannot be imported, or cannot load the model.
    """
    try:
        onnxruntime = require("onnxruntime", extra="cpu")
    except ImportError as error:  # it is there, but a library of the system that it needs is not
        raise EngineFailed(f"onnxruntime cannot be imported: {first_line(error)}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if not _adds_in_32_bits():
        # Or sums of 8-bit products overflow. Elsewhere this would only halve the speed.
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=_DISABLED_FUSIONS,
        )
    except Exception as error:  # onnxruntime raises a class of its own for every status code
        raise EngineFailed(f"onnxruntime cannot load the model: {first_line(error)}") from error


def _adds_in_32_bits() -> bool:
    """Whether the processor adds 8-bit products in 32 bits: ARM does, and x86 with VNNI; older x86 adds two in 16."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:  # not Linux: unknown, and a right answer is worth more than a fast one
        return False
    return "avx512_vnni" in flags or "avx_vnni" in flags
