"""What the manifest says of a training run: what the model was made of, and what was measured."""

from __future__ import annotations

import hashlib
import platform
from collections import Counter
from importlib import metadata
from typing import TYPE_CHECKING, Any

from ..configs.load import dump_config
from ..configs.schema import Config
from ..inference.manifest import DecisionManifest, Manifest
from ..inference.probes import make_probes
from ..labels.labelset import LabelSet
from .data import records_sha256
from .finetune import FineTuned
from .splits import PARTS, Splits

if TYPE_CHECKING:
    from .train import TrainResult

_PACKAGES = ("eventroles", "torch", "transformers", "tokenizers", "datasets", "accelerate", "scikit-learn", "numpy")


def describe_run(
    config: Config,
    labels: LabelSet,
    splits: Splits,
    origin: dict[str, str | None],
    result: TrainResult,
    model: FineTuned,
) -> Manifest:
    """Return the manifest of a finished training run, without exports and hashes, which come later.

    Args:
        config: the resolved config.
        labels: the label set.
        splits: what it was trained, fitted and tested on.
        origin: the encoder it started from, and its teachers (`describe_descent`).
        result: what was measured.
        model: the model, whose probes are scored.
    """
    parts = {name: getattr(splits, name) for name in PARTS}
    data: dict[str, Any] = {f"{name}_sha256": records_sha256(records) for name, records in parts.items()}
    for name, records in parts.items():
        counts = Counter(role for record in records for role in record.roles)
        data[name] = {
            "sentences": len(records),
            "documents": len({record.document for record in records}),
            "roles": {role: counts[role] for role in labels.roles},
            "without_role": sum(not record.roles for record in records),
            "with_unsure": sum(bool(record.unsure) for record in records),
        }
    if result.unlabelled:
        data["unlabelled"] = result.unlabelled.describe()
    if config.data.hub_dataset:
        data["hub_dataset"] = config.data.hub_dataset
    data["sources"] = [config.data.hub_dataset] if config.data.hub_dataset else list(config.data.train)
    return Manifest(
        format=1,
        label_set=labels.to_dict(),
        decision=DecisionManifest.of(result.rule),
        context=config.model.context,
        window=config.model.max_length,
        base_model=origin,
        data=data,
        config_sha256=hashlib.sha256(dump_config(config).encode()).hexdigest(),
        metrics={
            "model": result.model.to_dict(),
            "baseline": result.baseline.to_dict(),
            "best_epoch": result.best_epoch,
            "averaged_epochs": result.averaged_epochs,
            "review": result.review.to_dict() if result.review else None,
            # Without texts: a model folder may be published, and its training data may not.
            "leakage": result.leakage.to_dict(texts=False) if result.leakage else None,
            "leaked": result.leaked.to_dict() if result.leaked else None,
            "clean": result.clean.to_dict() if result.clean else None,
        },
        errors=dict(result.errors),
        probes=make_probes(labels, model.engine, model.encoder),
        versions={"python": platform.python_version()} | {name: metadata.version(name) for name in _PACKAGES},
        files={},
    )
