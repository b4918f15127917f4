"""Fewer layers: a model made of some of another's encoder layers, with the rest of it as it is."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..labels.errors import ConfigError, require

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def keep_layers(model: PreTrainedModel, layers: Sequence[int], *, name: str) -> PreTrainedModel:
    """Return a new model with some encoder layers of ``model``, and its embeddings, pooler and head.

    Dropping layers of a trained model keeps most of what it can (Sajjad et al., 2023, "On the effect of dropping
    layers of pre-trained transformer models"); a little training brings back the rest.

    Args:
        model: the model to take from; it stays as it is.
        layers: numbers of the layers to keep, counted from 0, in ascending order.
        name: what to call the model in errors.

    Raises:
        ConfigError: it has no such layer, or its layers cannot be found or cannot do without each other.
    """
    stem, depth = _find_layers(model, name)
    beyond = [number for number in layers if number >= depth]
    if beyond:
        raise ConfigError(
            f"distillation.layers: {name} has {depth} layers, counted from 0 to {depth - 1}; found "
            f"{', '.join(map(str, beyond))}"
        )
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = len(layers)
    # Built anew, not cut in place: what trains is then what the saved config describes, layer for layer.
    student = type(model)(config)
    new_place = {str(number): place for place, number in enumerate(layers)}
    pattern = re.compile(re.escape(stem) + r"\.(\d+)\.(.+)")
    weights = {}
    for key, value in model.state_dict().items():
        match = pattern.fullmatch(key)
        if match is None:
            weights[key] = value
        elif match[1] in new_place:
            weights[f"{stem}.{new_place[match[1]]}.{match[2]}"] = value
    try:
        student.load_state_dict(weights)
    except RuntimeError as error:
        raise ConfigError(
            f"distillation.layers: {name} ({model.config.model_type}) does not work with the layers "
            f"{', '.join(map(str, layers))} alone: {str(error).splitlines()[-1].strip()}"
        ) from error
    return student


def _find_layers(model: PreTrainedModel, name: str) -> tuple[str, int]:
    """Return where the list of encoder layers stands in a model, such as ``bert.encoder.layer``, and its length."""
    torch = require("torch", extra="train")
    depth = getattr(model.config, "num_hidden_layers", None)
    lists = {
        place: module
        for place, module in model.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth
    }
    if len(lists) != 1:
        raise ConfigError(
            f"distillation.layers: cannot tell the encoder layers of {name} ({model.config.model_type}) from its other "
            "parts; leave distillation.layers empty and name a smaller model.base"
        )
    return next(iter(lists)), int(depth)  # type: ignore[arg-type]
