"""The PyTorch engine: runs the model on CUDA, MPS or CPU, and goes on where memory gives out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ...labels.errors import ConfigError, ModelError, require
from ..batching import plan_batches
from ..encoding import Encoded
from .engine import FP32, EngineFailed, first_line

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")
# Tokens of a batch. On a CPU small batches stay in the cache; a GPU wants to be filled.
_TOKEN_BUDGET = {"cpu": 1024, "mps": 8192, "cuda": 32768}

_Loaded = TypeVar("_Loaded")
Ints = npt.NDArray[np.int64]
Forward = Callable[[Ints, Ints, Ints], npt.NDArray[np.float32]]
"""Token ids, attention mask and type ids, each ``[n, width] int64``, to logits ``[n, n_labels] float32``."""


class TorchEngine:
    """Token ids to logits with PyTorch.

    A batch that does not fit into memory is halved until it does, and later batches keep to the smaller size.

    Args:
        forward: runs the model on ``device``.
        device: ``cpu``, ``cuda`` or ``mps``.
        pad_id: token id that fills up shorter sentences; the mask hides it.
        token_budget: most tokens of a batch, padding included; by default what suits the device.
    """

    backend = "torch"
    precision = FP32
    invariant = False  # kernels add up in another order for another shape, which changes the last bits

    def __init__(self, forward: Forward, device: str, *, pad_id: int = 0, token_budget: int | None = None) -> None:
        self.device = device
        self._forward = forward
        self._pad_id = pad_id
        self._token_budget = token_budget or _TOKEN_BUDGET[device.partition(":")[0]]

    def logits(self, sentences: Sequence[Encoded]) -> npt.NDArray[np.float32]:
        """Return logits ``[n_sentences, n_labels] float32``, in the order of the sentences.

        Raises:
            EngineFailed: the device fails, or has no room for a single sentence.
        """
        batches = plan_batches([len(sentence.ids) for sentence in sentences], token_budget=self._token_budget)
        parts = [self._run([sentences[index] for index in batch]) for batch in batches]
        if not parts:
            raise ValueError("no sentences to score")
        stacked = np.concatenate(parts)
        logits = np.empty_like(stacked)
        logits[[index for batch in batches for index in batch]] = stacked
        return logits

    def _run(self, batch: Sequence[Encoded]) -> npt.NDArray[np.float32]:
        tokens = len(batch) * max(len(sentence.ids) for sentence in batch)
        if len(batch) > 1 and tokens > self._token_budget:  # cut before an earlier batch had shrunk the budget
            return self._run_halves(batch)
        try:
            return self._forward(*_pad(batch, self._pad_id))
        except (RuntimeError, MemoryError) as error:  # torch's device and memory errors are RuntimeErrors
            problem = error
        # Outside the except block: the error's traceback would keep the failed batch's memory alive.
        if _is_out_of_memory(problem) and len(batch) > 1:
            del problem
            _empty_cache(self.device)
            self._token_budget = tokens // 2
            return self._run_halves(batch)
        raise EngineFailed(f"{self.device} failed: {first_line(problem)}") from problem

    def _run_halves(self, batch: Sequence[Encoded]) -> npt.NDArray[np.float32]:
        half = len(batch) // 2
        return np.concatenate([self._run(batch[:half]), self._run(batch[half:])])


def load_torch_engine(folder: Path, *, device: str = "auto") -> TorchEngine:
    """Load the model of a folder, from safetensors only and without running code of the folder.

    Args:
        folder: the model folder.
        device: ``auto`` (CUDA, then MPS, then CPU), ``cpu``, ``cuda`` (``cuda:1`` for the second) or ``mps``.

    Raises:
        ConfigError: the device is not there.
        EventRolesError: torch or transformers is not installed.
        EngineFailed: the device fails before the model is on it.
        ModelError: the folder does not hold a loadable model.
    """
    require("torch", extra="torch")
    transformers = require("transformers", extra="torch")
    config = load_pretrained(
        lambda: transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True), folder
    )
    pad_id = getattr(config, "pad_token_id", None)
    name = choose_device(device)
    return TorchEngine(_load_forward(folder, name), name, pad_id=pad_id or 0)


def choose_device(name: str) -> str:
    """Return the device that ``name`` means here: ``auto`` takes CUDA, then MPS, then CPU.

    Raises:
        ConfigError: an unknown name, or a device that is not there.
    """
    kind, _, number = name.partition(":")
    if kind not in DEVICES or (number and not (kind == "cuda" and number.isdigit())):
        raise ConfigError(f"unknown device {name!r}; choose {', '.join(DEVICES)} or cuda:1")
    torch = require("torch", extra="torch")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if not there[kind] or (number and int(number) >= torch.cuda.device_count()):
        raise ConfigError(f"device {name!r} is not available here; use --device auto or cpu")
    return name


def _load_forward(folder: Path, device: str) -> Forward:
    import torch
    import transformers

    def load() -> torch.nn.Module:
        loaded, info = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder,
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused below, in words that name what it is
        )
        if info["missing_keys"] or info["mismatched_keys"]:
            lacking = sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]]))
            raise ValueError(f"weights missing or of another shape: {', '.join(lacking[:3])}")
        return loaded  # type: ignore[no-any-return]

    loaded = load_pretrained(load, folder).eval()
    try:
        model: Any = loaded.to(device)
    except RuntimeError as error:  # out of memory, or a driver that does not answer
        raise EngineFailed(f"{device} failed: {first_line(error)}") from error
    takes_types = getattr(model.config, "type_vocab_size", 0) > 1

    def forward(ids: Ints, mask: Ints, type_ids: Ints) -> npt.NDArray[np.float32]:
        inputs = {"input_ids": ids, "attention_mask": mask} | ({"token_type_ids": type_ids} if takes_types else {})
        with torch.inference_mode():
            tensors = {name: torch.from_numpy(array).to(device) for name, array in inputs.items()}
            return np.asarray(model(**tensors).logits.float().cpu().numpy())

    return forward


def load_pretrained(load: Callable[[], _Loaded], folder: str | Path) -> _Loaded:
    """Call a ``from_pretrained`` of transformers without its console output, and turn what it raises into one line.

    Raises:
        ModelError: the model cannot be loaded from ``folder``.
    """
    logging = require("transformers", extra="torch").utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        return load()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError) as error:
        raise ModelError(f"{folder}: cannot load the model: {first_line(error)}") from error
    except Exception as error:  # safetensors raises an exception of its own for a damaged file
        if type(error).__name__ != "SafetensorError":
            raise
        raise ModelError(f"{folder}: model.safetensors is damaged: {first_line(error)}") from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


class _Padded(NamedTuple):
    """A batch as arrays, each ``[n, width] int64``."""

    ids: Ints
    mask: Ints
    type_ids: Ints


def _pad(batch: Sequence[Encoded], pad_id: int) -> _Padded:
    width = max(len(sentence.ids) for sentence in batch)
    ids = np.full((len(batch), width), pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    type_ids = np.zeros_like(ids)
    for row, sentence in enumerate(batch):
        length = len(sentence.ids)
        ids[row, :length] = sentence.ids
        mask[row, :length] = 1
        type_ids[row, :length] = sentence.type_ids
    return _Padded(ids, mask, type_ids)


def _is_out_of_memory(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def _empty_cache(device: str) -> None:
    import torch

    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()
