"""Sentences per second: engines that take turns, so that a slow minute of the machine meets them all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from eventroles import Tagger
from eventroles.inference.batching import plan_batches
from eventroles.inference.cores import usable_cores
from eventroles.inference.encoding import Encoded
from eventroles.inference.engines.onnx import OnnxEngine

PIPELINE_1 = "transformers.pipeline, batch 1"
PIPELINE_32 = "transformers.pipeline, batch 32"
TORCH = "eventroles, torch"
FP32 = "eventroles, ONNX fp32"
INT8 = "eventroles, ONNX int8"
FAST = "eventroles, ONNX int8, student"
FOLDER = "eventroles, ONNX int8, a folder to rows"
FOLDER_ENGINE = "the same sentences without files"

_BUDGETS = (256, 512, 1024)  # tokens of a batch


@dataclass(frozen=True)
class Contestant:
    """Something to time: ``run`` does it once and returns how many sentences it scored."""

    name: str
    run: Callable[[], int]


@dataclass(frozen=True)
class Speed:
    """What a contestant reached: ``rates`` has the sentences per second of every round."""

    name: str
    sentences: int
    rates: tuple[float, ...]

    @property
    def median(self) -> float:
        """Sentences per second, the median of the rounds."""
        return statistics.median(self.rates)


def race(contestants: Sequence[Contestant], rounds: int, *, note: Callable[[str], None]) -> dict[str, Speed]:
    """Time the contestants in turns, ``rounds`` times, and return what each reached, by name."""
    counts: dict[str, int] = {}
    rates: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for number in range(rounds):
        for contestant in contestants:
            note(f"round {number + 1} of {rounds}: {contestant.name}")
            started = time.perf_counter()
            counts[contestant.name] = contestant.run()
            rates[contestant.name].append(counts[contestant.name] / (time.perf_counter() - started))
    return {name: Speed(name, counts[name], tuple(found)) for name, found in rates.items()}


def load_pipeline(model: str) -> Any:
    """Return ``transformers.pipeline`` as its documentation shows it, on the CPU with torch's default threads."""
    from transformers import pipeline
    from transformers.utils import logging

    logging.disable_progress_bar()
    return pipeline("text-classification", model=model, top_k=None, device="cpu")


def pipeline_contestant(name: str, classify: Any, texts: Sequence[str], *, batch_size: int) -> Contestant:
    """Return ``transformers.pipeline`` with ready sentences."""
    classify(list(texts[:batch_size]), batch_size=batch_size)  # the first call allocates and starts threads
    return Contestant(name, lambda: len(classify(list(texts), batch_size=batch_size)))


def tagger_contestant(name: str, tagger: Tagger, texts: Sequence[str]) -> Contestant:
    """Return a tagger with ready sentences: tokenising, scoring, deciding."""
    tagger.tag_sentences(texts[:64])
    return Contestant(name, lambda: len(tagger.tag_sentences(texts)))


def folder_contestant(name: str, tagger: Tagger, folder: Path, output: Path) -> Contestant:
    """Return a tagger with a folder of files: reading, splitting, scoring, writing rows."""
    return Contestant(name, lambda: tagger.tag_folder(folder, output).sentences)


def scoring_contestant(name: str, tagger: Tagger, texts: Sequence[str]) -> Contestant:
    """Return the engine of a tagger alone, with tokens that are ready."""
    encoded = tagger.encoder.encode(texts)
    return Contestant(name, lambda: len(tagger.engine.logits(encoded)))


def layout_contestants(model: Path, encoded: Sequence[Encoded], threads: int | None = None) -> list[Contestant]:
    """Return one session that computes with n threads, and n callers of a session of one thread, per batch size.

    Args:
        model: the ONNX file.
        encoded: the tokens, ready.
        threads: n; by default the cores this process may use.
    """
    count = threads or usable_cores()
    contestants = []
    for budget in _BUDGETS:
        callers = OnnxEngine(model, precision="int8", threads=count, token_budget=budget)
        shared = _SharedSession(model, threads=count, token_budget=budget)
        contestants += [
            Contestant(f"{count} × 1 thread, {budget} tokens a batch", _scores(callers.logits, encoded)),
            Contestant(f"1 × {count} threads, {budget} tokens a batch", _scores(shared.logits, encoded)),
        ]
    return contestants


def _scores(logits: Callable[[Sequence[Encoded]], Any], encoded: Sequence[Encoded]) -> Callable[[], int]:
    return lambda: len(logits(encoded))


class _SharedSession:
    """The layout that the engine does not have: all threads in one matrix product, batches one after another."""

    def __init__(self, model: Path, *, threads: int, token_budget: int) -> None:
        import onnxruntime

        # As the engine's own session, but for the threads.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.x64quantprecision", "1")
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
        )
        self._takes_types = "token_type_ids" in {given.name for given in self._session.get_inputs()}
        self._token_budget = token_budget

    def logits(self, sentences: Sequence[Encoded]) -> npt.NDArray[np.float32]:
        """Return logits, those of the longest sentences first."""
        lengths = [len(sentence.ids) for sentence in sentences]
        parts = []
        for batch in plan_batches(lengths, token_budget=self._token_budget, equal_lengths=True):
            ids = np.array([sentences[index].ids for index in batch], dtype=np.int64)
            feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
            if self._takes_types:
                feeds["token_type_ids"] = np.array([sentences[index].type_ids for index in batch], dtype=np.int64)
            parts.append(self._session.run(["logits"], feeds)[0])
        return np.concatenate(parts)
