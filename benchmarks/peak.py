"""The matrix products that a sentence needs, those that the machine can do, and the share that an engine reaches."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from eventroles.inference.cores import usable_cores

# Rows, inner size and columns of the products tried; the best counts.
_SHAPES = ((128, 384, 1536), (256, 1536, 384), (384, 384, 384), (512, 512, 512), (1024, 1024, 1024))


@dataclass(frozen=True)
class Shape:
    """The sizes of a BERT encoder that decide what it costs."""

    layers: int
    hidden: int
    intermediate: int
    labels: int

    @classmethod
    def load(cls, folder: Path) -> Shape:
        """Read them from the ``config.json`` of a model folder."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return cls(
            config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"], len(config["id2label"])
        )


@dataclass(frozen=True)
class Operations:
    """Additions and multiplications in matrix products.

    Attributes:
        full: every token through every layer.
        needed: without what nobody reads: the last layer's outputs of all tokens but the first.
    """

    full: float
    needed: float


@dataclass(frozen=True)
class Share:
    """What an engine reaches of the machine's peak.

    Attributes:
        name: the engine.
        operations: of a sentence, on average.
        speed: sentences per second, tokens being ready.
        peak: operations per second of large matrix products in the engine's precision, on all cores.
    """

    name: str
    operations: Operations
    speed: float
    peak: float

    @property
    def reached(self) -> float:
        """Needed operations per second."""
        return self.operations.needed * self.speed

    @property
    def share(self) -> float:
        """Of the peak."""
        return self.reached / self.peak


def count_operations(shape: Shape, lengths: Sequence[int]) -> Operations:
    """Return the operations of a sentence, on average over sentences of these lengths in tokens."""
    counted = [_count(shape, length) for length in lengths]
    return Operations(
        sum(one.full for one in counted) / len(counted), sum(one.needed for one in counted) / len(counted)
    )


def _count(shape: Shape, tokens: int) -> Operations:
    square, wide = shape.hidden**2, shape.hidden * shape.intermediate
    # Queries, keys, values and output; both products of the feed-forward part; scores and weighted sum of attention.
    layer = 2 * tokens * (4 * square + 2 * wide) + 4 * tokens**2 * shape.hidden
    last = 2 * (2 * tokens * square + 2 * square + 2 * wide) + 4 * tokens * shape.hidden
    head = 2 * (square + shape.hidden * shape.labels)
    return Operations(shape.layers * layer + head, (shape.layers - 1) * layer + last + head)


def measure_peak(precision: str, *, seconds: float) -> float:
    """Return operations per second of large matrix products on all cores, ``fp32`` or ``int8`` (u8 times s8).

    Args:
        precision: ``fp32`` or ``int8``.
        seconds: how long to repeat each of the products tried.
    """
    found = [_rate(_session_product(precision, size), size, seconds=seconds) for size in _SHAPES]
    if precision == "fp32":  # numpy's library does these on its own threads
        found += [_rate(_numpy_product(size), size, seconds=seconds, callers=1) for size in _SHAPES]
    return max(found)


def _rate(
    product: Callable[[], object], size: tuple[int, int, int], *, seconds: float, callers: int | None = None
) -> float:
    rows, inner, columns = size
    count = callers or usable_cores()
    product()

    def repeat(until: float) -> int:
        product()
        done = 1
        while time.perf_counter() < until:
            product()
            done += 1
        return done

    with ThreadPoolExecutor(count) as pool:
        started = time.perf_counter()
        done = sum(pool.map(repeat, [started + seconds] * count))
        return 2 * rows * inner * columns * done / (time.perf_counter() - started)


def _numpy_product(size: tuple[int, int, int]) -> Callable[[], object]:
    rows, inner, columns = size
    rng = np.random.default_rng(0)
    left = rng.random((rows, inner), dtype=np.float32)
    right = rng.random((inner, columns), dtype=np.float32)
    out = np.empty((rows, columns), dtype=np.float32)
    return lambda: np.matmul(left, right, out=out)


def _session_product(precision: str, size: tuple[int, int, int]) -> Callable[[], object]:
    """Return one product in onnxruntime, on the calling thread, with a constant right side as in a model."""
    from eventroles.inference.engines.onnx import open_session

    rows, inner, columns = size
    rng = np.random.default_rng(0)
    if precision == "fp32":
        left, right = rng.random((rows, inner), dtype=np.float32), rng.random((inner, columns), dtype=np.float32)
    else:
        left = rng.integers(0, 256, (rows, inner), dtype=np.uint8)
        right = rng.integers(-128, 128, (inner, columns), dtype=np.int8)
    session = open_session(_product_model(left, right))
    return lambda: session.run(["product"], {"left": left})


def _product_model(left: Any, right: Any) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    is_float = left.dtype == np.float32
    given, gives = (TensorProto.FLOAT,) * 2 if is_float else (TensorProto.UINT8, TensorProto.INT32)
    graph = helper.make_graph(
        [helper.make_node("MatMul" if is_float else "MatMulInteger", ["left", "right"], ["product"])],
        "product",
        [helper.make_tensor_value_info("left", given, left.shape)],
        [helper.make_tensor_value_info("product", gives, (left.shape[0], right.shape[1]))],
        [numpy_helper.from_array(right, "right")],
    )
    opset = helper.make_opsetid("", 17)
    return bytes(helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString())
