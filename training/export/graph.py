"""Writing an ONNX graph node by node: names, weights, the model around it, and the file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...labels.errors import ModelError, require

CONTRIB = "com.microsoft"
"""The domain of onnxruntime's own operators."""
_OPSET = 20
_IR_VERSION = 10  # onnxruntime 1.18 and newer read it


class GraphBuilder:
    """Collects the nodes and weights of a graph; every method returns the name of the tensor it adds."""

    def __init__(self) -> None:
        self._onnx: Any = require("onnx", extra="train")
        self._nodes: list[Any] = []
        self._weights: dict[str, Any] = {}

    def weight(self, name: str, array: np.typing.NDArray[Any]) -> str:
        """Add a constant; the same name again is the same constant."""
        if name not in self._weights:
            self._weights[name] = self._onnx.numpy_helper.from_array(np.asarray(array, order="C"), name)
        return name

    def node(self, operator: str, inputs: Sequence[str], name: str, *, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output, which has the node's name."""
        self._nodes.append(
            self._onnx.helper.make_node(operator, list(inputs), [name], name=name, domain=domain, **attributes)
        )
        return name

    def choice(self, condition: str, then: GraphBuilder, otherwise: GraphBuilder, name: str) -> str:
        """Add a node that computes one of two graphs; each gives the output of its last node.

        Args:
            condition: tensor with a single truth value.
            then: nodes for true; they may read every tensor of this graph.
            otherwise: nodes for false.
            name: of the result.
        """
        branches = {"then_branch": then._branch(f"{name}/then"), "else_branch": otherwise._branch(f"{name}/else")}
        return self.node("If", [condition], name, **branches)

    def _branch(self, name: str) -> Any:
        helper = self._onnx.helper
        output = helper.make_tensor_value_info(self._nodes[-1].output[0], self._onnx.TensorProto.FLOAT, None)
        return helper.make_graph(self._nodes, name, [], [output])

    def model(self, inputs: Sequence[str], output: str, n_labels: int) -> Any:
        """Return the whole model.

        Args:
            inputs: names of the inputs, each ``[batch, sequence] int64``.
            output: name of the output, ``[batch, n_labels] float32``.
            n_labels: its width.
        """
        helper, types = self._onnx.helper, self._onnx.TensorProto
        graph = helper.make_graph(
            self._nodes,
            "eventroles",
            [helper.make_tensor_value_info(name, types.INT64, ["batch", "sequence"]) for name in inputs],
            [helper.make_tensor_value_info(output, types.FLOAT, ["batch", n_labels])],
            list(self._weights.values()),
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(CONTRIB, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="eventroles")


def write_model(model: Any, path: Path) -> None:
    """Write a model atomically.

    Raises:
        ModelError: it is larger than the 2 GB that one ONNX file holds.
    """
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        content = model.SerializeToString(deterministic=True)
    except ValueError as error:
        raise ModelError(f"{path}: the model is larger than the 2 GB that one ONNX file holds") from error
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
