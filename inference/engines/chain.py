"""Choosing the engine that runs a model here, and the next one where it fails."""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...labels.errors import ConfigError, ModelError, require
from ..bundle import Bundle
from ..encoding import Encoded
from ..modelfiles import SAFETENSORS
from .engine import FP32, INT8, Engine, EngineFailed
from .onnx import OnnxEngine
from .torch import choose_device, load_torch_engine

BACKENDS = ("auto", "onnx", "torch")
_FOR_TORCH = ("torch", "transformers")
_PACKAGE = f"{__name__.partition('.')[0]}."
# Libraries that a driver for CUDA brings, on Linux and on Windows.
_CUDA_DRIVERS = ("libcuda.so.1", "nvcuda.dll", "libamdhip64.so")


@dataclass(frozen=True)
class Candidate:
    """An engine that could run the model: what to call it in messages, and how to load it."""

    name: str
    load: Callable[[], Engine]


class EngineChain:
    """Engines for one model, best first: where one fails the next takes over, with one warning.

    The call that failed is repeated as a whole on the next engine, so no sentence is lost or scored twice, and all
    logits of one call come from one engine.

    Args:
        candidates: at least one, best first.

    Raises:
        EngineFailed: none of them can start.
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._waiting = list(candidates)
        self._engine = self._start_next()

    @property
    def backend(self) -> str:
        """``onnx`` or ``torch``, whichever runs now."""
        return self._engine.backend

    @property
    def precision(self) -> str:
        """``fp32`` or ``int8``, of the engine that runs now."""
        return self._engine.precision

    @property
    def device(self) -> str:
        """Where it runs now."""
        return self._engine.device

    @property
    def invariant(self) -> bool:
        """Whether logits do not depend on the other sentences of the call, of the engine that runs now."""
        return self._engine.invariant

    def logits(self, sentences: Sequence[Encoded]) -> npt.NDArray[np.float32]:
        """Return logits ``[n_sentences, n_labels] float32``, in the order of the sentences.

        Raises:
            EngineFailed: the last engine fails too.
        """
        while True:
            try:
                return self._engine.logits(sentences)
            except EngineFailed as error:
                if not self._waiting:
                    raise
                problem = str(error)
            # Outside the except block: the error's traceback would keep the failed batch's memory alive.
            self._engine = self._start_next(problem)

    def _start_next(self, problem: str = "") -> Engine:
        while self._waiting:
            candidate = self._waiting.pop(0)
            if problem:
                warnings.warn(f"{problem}; going on with {candidate.name}", RuntimeWarning, stacklevel=outside())
            try:
                return candidate.load()
            except EngineFailed as error:
                problem = str(error)
        raise EngineFailed(problem)


def load_engine(
    bundle: Bundle,
    *,
    backend: str = "auto",
    device: str = "auto",
    exact: bool = False,
    threads: int | None = None,
    check: Callable[[Engine], None] | None = None,
) -> EngineChain:
    """Load the best engine for a model on this machine, with those behind it that can take over.

    A GPU comes first, then the int8 export if its quality contract holds, the fp32 export, and torch on the CPU.

    Args:
        bundle: the model.
        backend: ``auto``, ``onnx`` or ``torch``.
        device: ``auto`` (CUDA, then MPS, then CPU), ``cpu``, ``cuda`` (``cuda:1`` for the second) or ``mps``.
        exact: only fp32.
        threads: of the onnx engine; by default the cores this process may use.
        check: called with each engine before it is used; what it raises is raised.

    Raises:
        ConfigError: an unknown backend or device, a device that is not there, or no export for the onnx backend.
        EventRolesError: the package for the backend is not installed.
        ModelError: the model's files were changed or cannot be loaded.
    """
    if backend not in BACKENDS:
        raise ConfigError(f"unknown backend {backend!r}; choose {', '.join(BACKENDS)}")
    if backend == "onnx":
        _check_onnx(bundle, device, exact=exact)
    chosen = []
    with_torch = backend != "onnx" and bundle.has_weights() and all(map(_installed, _FOR_TORCH))
    on_gpu = _gpu(device) if backend != "onnx" and (with_torch or device != "auto") else None
    if on_gpu:
        chosen.append(_torch(bundle, on_gpu))
    if backend != "torch" and _installed("onnxruntime"):
        exports = _exported(bundle, exact=exact)
        chosen += [_onnx(bundle, precision, file, threads) for precision, file in exports.items()]
    if with_torch:
        chosen.append(_torch(bundle, "cpu"))
    elif backend == "torch" or not chosen:
        _refuse_torch(bundle, backend)
    return EngineChain([_checked(one, check) for one in chosen] if check else chosen)


def _checked(candidate: Candidate, check: Callable[[Engine], None]) -> Candidate:
    def load() -> Engine:
        engine = candidate.load()
        check(engine)
        return engine

    return Candidate(candidate.name, load)


def _exported(bundle: Bundle, *, exact: bool) -> dict[str, str]:
    """Return the ONNX files that are there, by precision, best first."""
    files = {precision: bundle.exported(precision) for precision in ((FP32,) if exact else (INT8, FP32))}
    return {precision: file for precision, file in files.items() if file}


def _onnx(bundle: Bundle, precision: str, file: str, threads: int | None) -> Candidate:
    return Candidate(
        f"onnxruntime {precision} on the CPU",
        lambda: OnnxEngine(bundle.verified(file), precision=precision, threads=threads),
    )


def _torch(bundle: Bundle, device: str) -> Candidate:
    def load() -> Engine:
        return load_torch_engine(bundle.verified(SAFETENSORS).parent, device=device)

    return Candidate("torch on the CPU" if device == "cpu" else f"torch on {device}", load)


def _check_onnx(bundle: Bundle, device: str, *, exact: bool) -> None:
    if not _installed("onnxruntime"):  # one that is there and broken is a failed engine
        require("onnxruntime", extra="cpu")
    if device not in ("auto", "cpu"):
        raise ConfigError(f"the onnx backend runs on the CPU, not on {device!r}; leave out --device or --backend")
    if not _exported(bundle, exact=exact):
        kind = "fp32 ONNX export" if exact else "ONNX export"
        raise ConfigError(f"{bundle.name} has no {kind}; make one with: eventroles export {bundle.name}")


def _refuse_torch(bundle: Bundle, backend: str) -> None:
    """Say why torch, as the only engine left, cannot run the model."""
    if backend == "auto" and _exported(bundle, exact=False):
        require("onnxruntime", extra="cpu")  # the smaller of the two installs that would do
    if not bundle.has_weights():
        raise ModelError(f"{bundle.folder}: {SAFETENSORS} is missing, which the torch backend needs")
    for module in _FOR_TORCH:
        require(module, extra="torch")


def _gpu(device: str) -> str | None:
    """Return the GPU to use, None for the CPU; torch is imported only where there may be a GPU."""
    if device == "cpu":
        return None
    if device == "auto" and not _may_have_gpu():
        return None
    chosen = choose_device(device)
    return None if chosen == "cpu" else chosen


def outside() -> int:
    """Return the stack level, as `warnings.warn` counts it, of the nearest caller outside this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and str(frame.f_globals["__name__"]).startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    return level


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _may_have_gpu() -> bool:
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    for library in _CUDA_DRIVERS:
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        return True
    return False
