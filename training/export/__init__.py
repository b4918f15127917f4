"""From a model folder to the ONNX files that engines run: the graph, its int8 form, and what that changes."""

from .exporter import export_model, refused

__all__ = ["export_model", "refused"]
