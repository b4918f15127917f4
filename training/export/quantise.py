"""The int8 form of an ONNX model: 8-bit weights per channel, 8-bit activations at scales fixed by calibration.

The scale of an activation is a constant of the graph (static quantisation: Jacob et al., 2018, Quantization and
Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference). A scale taken from the batch at hand would
make the score of a sentence depend on its neighbours. A few channels of an activation are far larger than the others
and would leave those hardly any of the 256 steps, so channels are evened out first and the matrix takes up the
difference (Xiao et al., 2023, SmoothQuant).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...inference.batching import plan_batches
from ...inference.encoding import Encoded
from ...inference.engines.onnx import TOKEN_BUDGET, feeds, open_session
from ...labels.errors import require
from .graph import CONTRIB

Floats = npt.NDArray[np.float32]
# How much of the difference between channels moves from the activation into the matrix, 0 to 1: logits of the default
# model change by 0.36 on average with 0.5, 0.10 with 0.7, 0.08 with 0.9, 0.09 with 1, and 0.16 without evening out.
_SMOOTHING = 0.9
# Embedding tables are stored as int8 from this many numbers on: below, nothing is won.
_LARGE_TABLE = 1 << 18


@dataclass(frozen=True)
class Product:
    """A product of an activation with a constant matrix, and the addition of a constant bias if one follows.

    Attributes:
        name: of the product, without the builder's suffix.
        activation: tensor that is multiplied.
        weight: initializer ``[n_in, n_out]``.
        bias: initializer ``[n_out]``, or None.
        output: tensor with the result.
        steps: outputs of the nodes that compute it, the last of them ``output``.
    """

    name: str
    activation: str
    weight: str
    bias: str | None
    output: str
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Range:
    """Smallest and largest value of each channel of an activation on the calibration sentences, ``[n_in] float32``."""

    low: Floats
    high: Floats


def find_products(model: Any) -> list[Product]:
    """Return the products that can be quantised, in graph order; the last one, which gives the logits, is not."""
    shapes = {weight.name: tuple(weight.dims) for weight in model.graph.initializer}
    users = Counter(name for node in model.graph.node for name in node.input)
    readers = {name: node for node in model.graph.node for name in node.input}
    outputs = {value.name for value in model.graph.output}
    products = []
    for node in model.graph.node:
        if node.op_type != "MatMul" or len(shapes.get(node.input[1], ())) != 2:
            continue
        result, bias, steps = node.output[0], None, [node.output[0]]
        after = readers.get(result)
        if after is not None and after.op_type == "Add" and users[result] == 1:
            other = after.input[1] if after.input[0] == result else after.input[0]
            if shapes.get(other) == shapes[node.input[1]][1:]:
                result, bias = after.output[0], other
                steps.append(result)
        if result not in outputs:
            name = (node.name or result).removesuffix(".product")
            products.append(Product(name, node.input[0], node.input[1], bias, result, tuple(steps)))
    return products


def calibrate(model: Any, products: Sequence[Product], sentences: Sequence[Encoded]) -> dict[str, Range]:
    """Return the range of every product's activation over sentences, by tensor name."""
    session = open_session(_watched(model, products).SerializeToString())
    inputs = {given.name for given in session.get_inputs()}
    tensors = _activations(products)
    names = [f"{operator}/{tensor}" for operator in ("low", "high") for tensor in tensors]
    batches = plan_batches([len(one.ids) for one in sentences], token_budget=TOKEN_BUDGET, equal_lengths=True)
    found = [session.run(names, feeds([sentences[index] for index in batch], inputs)) for batch in batches]
    lows = [np.min([run[column] for run in found], axis=0) for column in range(len(tensors))]
    highs = [np.max([run[len(tensors) + column] for run in found], axis=0) for column in range(len(tensors))]
    return {tensor: Range(low, high) for tensor, low, high in zip(tensors, lows, highs, strict=True)}


def _activations(products: Iterable[Product]) -> list[str]:
    return list(dict.fromkeys(product.activation for product in products))


def _watched(model: Any, products: Sequence[Product]) -> Any:
    """Return a copy of a model that also gives the range of each channel of each activation."""
    onnx = require("onnx", extra="train")
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    graph = watched.graph
    widths = {weight.name: weight.dims[0] for weight in graph.initializer if weight.dims}
    axes = onnx.numpy_helper.from_array(np.array([0], dtype=np.int64), "axes/watched")
    graph.initializer.append(axes)
    for tensor, width in {product.activation: widths[product.weight] for product in products}.items():
        shape = onnx.numpy_helper.from_array(np.array([-1, width], dtype=np.int64), f"shape/{tensor}")
        graph.initializer.append(shape)
        graph.node.append(onnx.helper.make_node("Reshape", [tensor, shape.name], [f"rows/{tensor}"]))
        for name, operator in (("low", "ReduceMin"), ("high", "ReduceMax")):
            output = f"{name}/{tensor}"
            graph.node.append(onnx.helper.make_node(operator, [f"rows/{tensor}", axes.name], [output], keepdims=0))
            graph.output.append(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, [width]))
    return watched


def quantise(model: Any, products: Iterable[Product], ranges: Mapping[str, Range]) -> Any:
    """Return a copy of a model in which these products, and large embedding tables, are int8.

    Args:
        model: fp32 model.
        products: what to quantise, from `find_products`; all others stay as they are.
        ranges: of their activations, from `calibrate`.
    """
    onnx = require("onnx", extra="train")
    result = onnx.ModelProto()
    result.CopyFrom(model)
    chosen = list(products)
    rewrite = _Rewrite(onnx, result.graph, chosen, ranges)
    starts = {product.steps[0]: product for product in chosen}
    steps = {step for product in chosen for step in product.steps}
    nodes = list(result.graph.node)
    del result.graph.node[:]
    for node in nodes:
        if node.output[0] in starts:
            rewrite.product(starts[node.output[0]])
        elif node.op_type == "Gather" and rewrite.is_large_table(node.input[0]):
            rewrite.table(node)
        elif node.output[0] not in steps:
            result.graph.node.append(node)
    rewrite.drop_unused()
    if all(opset.domain != CONTRIB for opset in result.opset_import):
        result.opset_import.append(onnx.helper.make_opsetid(CONTRIB, 1))
    return result


class _Rewrite:
    """Appends int8 nodes and their constants to a graph."""

    def __init__(self, onnx: Any, graph: Any, products: Sequence[Product], ranges: Mapping[str, Range]) -> None:
        self._onnx = onnx
        self._graph = graph
        self._arrays = {weight.name: weight for weight in graph.initializer}
        self._activations: dict[str, _Activation] = {}
        self._products = products
        self._ranges = ranges

    def product(self, product: Product) -> None:
        """Append the int8 form of a product."""
        if product.activation not in self._activations:  # once for all products that take it
            self._activations[product.activation] = self._activation(product.activation)
        activation = self._activations[product.activation]
        weights, scales = quantise_columns(self._array(product.weight) * activation.factors[:, None])
        self._node(
            "MatMulIntegerToFloat",
            [
                activation.tensor,
                self._add(f"int8/{product.weight}", weights),
                activation.scale,
                self._add(f"int8/{product.weight}/scale", scales),
                activation.zero,
                self._add(f"int8/{product.weight}/zero", np.zeros_like(scales, dtype=np.int8)),
                *([product.bias] if product.bias else []),
            ],
            product.output,
            name=product.name,
            domain=CONTRIB,
        )

    def _activation(self, tensor: str) -> _Activation:
        """Append the evening out and the quantisation of an activation."""
        weights = [self._array(product.weight) for product in self._products if product.activation == tensor]
        found = self._ranges[tensor]
        factors = smooth(found, np.max([np.abs(matrix).max(axis=1) for matrix in weights], axis=0))
        # Zero is in every range, so that it has an exact 8-bit value.
        low, high = min(0.0, float((found.low / factors).min())), max(0.0, float((found.high / factors).max()))
        step = max(high - low, 1e-8) / 255
        even = self._add(f"int8/{tensor}/factors", 1 / factors)
        scale = self._add(f"int8/{tensor}/scale", np.array(step, dtype=np.float32))
        zero = self._add(f"int8/{tensor}/zero", np.array(round(-low / step), dtype=np.uint8))
        self._node("Mul", [tensor, even], f"int8/{tensor}/even")
        self._node("QuantizeLinear", [f"int8/{tensor}/even", scale, zero], f"int8/{tensor}")
        return _Activation(f"int8/{tensor}", scale, zero, factors)

    def table(self, node: Any) -> None:
        """Append the int8 form of a lookup in an embedding table: one scale a row."""
        rows, scales = quantise_columns(self._array(node.input[0]).T)
        table, ids, output = node.input[0], node.input[1], node.output[0]
        self._node("Gather", [self._add(f"int8/{table}", rows.T), ids], f"int8/{output}")
        self._node("Gather", [self._add(f"int8/{table}/scale", scales[:, None]), ids], f"int8/{output}/scale")
        self._node("Cast", [f"int8/{output}"], f"int8/{output}/float", to=self._onnx.TensorProto.FLOAT)
        self._node("Mul", [f"int8/{output}/float", f"int8/{output}/scale"], output, name=node.name)

    def is_large_table(self, name: str) -> bool:
        """Whether a tensor is a constant table of floats that is worth storing as int8."""
        weight = self._arrays.get(name)
        if weight is None or weight.data_type != self._onnx.TensorProto.FLOAT or len(weight.dims) != 2:
            return False
        return int(np.prod(weight.dims)) >= _LARGE_TABLE

    def drop_unused(self) -> None:
        """Remove constants that no node reads any more."""
        used = {name for node in self._graph.node for name in node.input}
        kept = [weight for weight in self._graph.initializer if weight.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)

    def _array(self, name: str) -> Floats:
        return np.asarray(self._onnx.numpy_helper.to_array(self._arrays[name]), dtype=np.float32)

    def _add(self, name: str, array: npt.NDArray[Any]) -> str:
        if name not in self._arrays:
            self._arrays[name] = self._onnx.numpy_helper.from_array(np.asarray(array, order="C"), name)
            self._graph.initializer.append(self._arrays[name])
        return name

    def _node(self, operator: str, inputs: Sequence[str], output: str, *, name: str = "", **attributes: Any) -> None:
        self._graph.node.append(
            self._onnx.helper.make_node(operator, list(inputs), [output], name=name or output, **attributes)
        )


class _Activation(NamedTuple):
    """A quantised activation: its tensor, the constants with its scale and zero, what its channels were divided by."""

    tensor: str
    scale: str
    zero: str
    factors: Floats


class Quantised(NamedTuple):
    """A matrix as int8, and the scale of each of its columns."""

    values: npt.NDArray[np.int8]
    scales: Floats


def smooth(activation: Range, weights: Floats) -> Floats:
    """Return what to divide each channel of an activation by, and multiply its row of the matrix with.

    Args:
        activation: range of each channel.
        weights: largest absolute weight of each channel's row, ``[n_in] float32``.

    Returns:
        ``[n_in] float32``, all positive.
    """
    largest = np.maximum(np.maximum(np.abs(activation.low), np.abs(activation.high)), 1e-5)
    factors = largest**_SMOOTHING / np.maximum(weights, 1e-5) ** (1 - _SMOOTHING)
    return np.asarray(factors, dtype=np.float32)


def quantise_columns(matrix: Floats) -> Quantised:
    """Return a matrix ``[n_in, n_out]`` as int8 with one scale a column, symmetric around zero."""
    scales = np.maximum(np.abs(matrix).max(axis=0), 1e-8).astype(np.float32) / np.float32(127)
    return Quantised(np.clip(np.rint(matrix / scales), -127, 127).astype(np.int8), scales)
