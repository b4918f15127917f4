"""Where a model and the sentences it was scored on come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...inference.bundle import Bundle
from ..data import TRAINING_CONFIG
from .words import counted, decimal, shown_name, without_folders

Plain = Mapping[str, Any]
Rows = list[tuple[str, str]]


def describe_model(bundle: Bundle) -> dict[str, Any]:
    """Return what a model folder says of itself, as plain data without paths of a machine."""
    manifest, path = bundle.manifest, bundle.folder / TRAINING_CONFIG
    data = dict(manifest.data)
    data["sources"] = [shown_name(one) for one in data.get("sources", ())]
    base = {  # several teachers stand in one text
        key: ", ".join(map(shown_name, value.split(", "))) if value else value
        for key, value in manifest.base_model.items()
    }
    config = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return {
        "base_model": base,
        "data": data,
        "context": manifest.context,
        "window": manifest.window,
        "config_sha256": manifest.config_sha256,
        "versions": dict(manifest.versions),
        "files": dict(manifest.files),
        "config": without_folders(config),
    }


def evaluated(evaluation: Plain, about: Mapping[str, str], date: str) -> Rows:
    """Return the rows on what was measured."""
    rows = [
        ("Model", shown_name(evaluation["name"])),
        ("Revision", evaluation["revision"]),
        ("Run by", evaluation["engine"]),
        ("Labelled sentences", ", ".join(shown_name(one) for one in evaluation["data"])),
        ("Size", _size(evaluation["model"])),
        ("Label set", f"{evaluation['labels']['name']}, version {evaluation['labels']['version']}"),
        ("Thresholds fitted for", evaluation["rule"]["objective"]),
        *about.items(),
    ]
    return [*rows, ("Date of this report", date)] if date else rows


def rule_rows(evaluation: Plain) -> list[dict[str, str]]:
    """Return the decision rule, a row a label."""
    rule, names = evaluation["rule"], [label["name"] for label in evaluation["labels"]["labels"]]
    exclusive = rule["exclusive"]
    return [
        {
            "name": name,
            "threshold": "most probable label" if exclusive else decimal(rule["thresholds"][k]),
            "temperature": decimal(rule["temperatures"][0 if exclusive else k]),
            "bias": f"{rule['biases'][k]:+.3f}" if rule["biases"] else "–",
        }
        for k, name in enumerate(names)
    ]


def trained(model: Plain) -> Rows:
    """Return the rows on how the model was made."""
    return list(_trained(model))


def splits(model: Plain) -> list[dict[str, Any]]:
    """Return the splits that the model was trained, fitted and tested on."""
    data = model["data"]
    parts = ("train", "validation", "test")
    return [{"name": part, "sha256": data.get(f"{part}_sha256", ""), **data[part]} for part in parts if part in data]


def _trained(model: Plain) -> Iterator[tuple[str, str]]:
    base = model["base_model"]
    for key, title in (
        ("name", "Base model"),
        ("revision", "Base model, revision"),
        ("sha256", "Base model, SHA-256"),
        ("teacher", "Teacher"),
        ("teacher_sha256", "Teacher, SHA-256"),
    ):
        if base.get(key):
            yield title, base[key]
    if model["data"]["sources"]:
        yield "Training data", ", ".join(model["data"]["sources"])
    yield "Sentences before, as context", str(model["context"])
    yield "Window", counted(model["window"], "token")
    yield "Configuration, SHA-256", model["config_sha256"]


def _size(scores: Plain) -> str:
    return f"{counted(scores['sentences'], 'sentence')} in {counted(scores['documents'], 'document')}"
