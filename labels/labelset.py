"""A label set: the ordered names that a sentence can be given, with definitions, colours and crosswalk codes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from .errors import ConfigError, nearest, shown
from .yamlfile import YamlFile, find_file, parse_yaml, read_yaml

RESERVED_NAMES = frozenset(
    {"document", "sha256", "index", "start", "end", "text", "roles", "unsure", "review", "model", "revision", "none"}
)
"""Names that no label may have: they are columns of the rows that a run writes, or mean the absence of a label."""

_NAME = re.compile(r"\w[\w .\-/]*")
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_SET_KEYS = ("name", "version", "exclusive", "negative", "labels")
_LABEL_KEYS = ("name", "title", "definition", "color", "parent", "crosswalk")
# The colours of Okabe and Ito (2008), which stay apart for colour-blind readers; used where a label names none.
_PALETTE = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")


@dataclass(frozen=True)
class Label:
    """One label of a set.

    Attributes:
        name: what data, scores and columns call it.
        title: what people read.
        definition: when a sentence has it, in one sentence.
        color: ``#RRGGBB``.
        parent: name of a broader label of the same set, or None.
        crosswalk: codes of other schemes by scheme name, such as ``{"CAMEO": ("18", "19")}``.
    """

    name: str
    title: str
    definition: str
    color: str
    parent: str | None = None
    crosswalk: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class LabelSet:
    """Ordered labels and how they are given.

    Attributes:
        name: name of the set.
        version: version of the set, as text.
        labels: the labels; their order is the order of a model's outputs.
        exclusive: True for exactly one label a sentence (softmax), False for any number of them (sigmoids).
        negative: exclusive sets only: the label that a sentence without any has, such as ``not_relevant``. It is
            trained and scored like the others, but a sentence that gets it has no roles.
    """

    name: str
    version: str
    labels: tuple[Label, ...]
    exclusive: bool = False
    negative: str | None = None

    @classmethod
    def load(cls, name_or_path: str | Path) -> LabelSet:
        """Load a shipped set by name (``roles``), or any set from a YAML file.

        Raises:
            ConfigError: no such set, or problems in the file: all of them, each with file, line and key.
        """
        if name_or_path in _shipped_sets():
            shipped = resources.files(__package__) / f"{name_or_path}.yaml"
            return cls.from_yaml(parse_yaml(shipped.read_text(encoding="utf-8"), source=f"{name_or_path}.yaml"))
        path = find_file(name_or_path)
        if path is None:
            sets = ", ".join(_shipped_sets())
            raise ConfigError(
                f"no label set {str(name_or_path)!r}: it is neither a shipped set ({sets}) nor "
                f"a YAML file (looked in {Path.cwd()})"
            )
        return cls.from_yaml(read_yaml(path))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, source: str) -> LabelSet:
        """Build a set from plain data, such as a config or a model folder holds; ``source`` names it in messages.

        Raises:
            ConfigError: problems in the data: all of them, each with its key.
        """
        if not isinstance(data, Mapping):
            raise ConfigError(f"{source}: expected a label set (name, version, labels), found {shown(data)}")
        return cls.from_yaml(YamlFile(source, dict(data), {}))

    @classmethod
    def from_yaml(cls, file: YamlFile) -> LabelSet:
        """Build a set from parsed YAML, such as `read_yaml` gives.

        Raises:
            ConfigError: problems in the file: all of them, each with file, line and key.
        """
        problems = _Problems(file)
        data = file.data
        problems.check_keys(data, _SET_KEYS, ())
        labels = _read_labels(data.get("labels"), problems)
        names = [label.name for label in labels]
        exclusive = data.get("exclusive", False)
        if not isinstance(exclusive, bool):
            problems.add(("exclusive",), f"expected true or false, found {shown(exclusive)}")
        negative = data.get("negative")
        if negative is not None and exclusive is not True:
            problems.add(("negative",), "only an exclusive set (exclusive: true) has a negative label; remove the key")
        elif negative is not None and negative not in names:
            problems.add(("negative",), f"{shown(negative)} is not a label of this set.{_nearest(negative, names)}")
        if exclusive is True and len(names) == 1:
            problems.add(("labels",), "an exclusive set needs at least two labels")
        name = problems.text(data, "name", ())
        version = problems.text(data, "version", (), numbers=True)
        problems.raise_any()
        return cls(name=name, version=version, labels=tuple(labels), exclusive=exclusive, negative=negative)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that `from_dict` reads back as an equal set."""
        data: dict[str, Any] = {"name": self.name, "version": self.version, "exclusive": self.exclusive}
        if self.negative is not None:
            data["negative"] = self.negative
        data["labels"] = [
            {"name": label.name, "title": label.title, "definition": label.definition, "color": label.color}
            | ({"parent": label.parent} if label.parent else {})
            | ({"crosswalk": {k: list(v) for k, v in label.crosswalk.items()}} if label.crosswalk else {})
            for label in self.labels
        ]
        return data

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all labels, in the order of a model's outputs."""
        return tuple(label.name for label in self.labels)

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """Names of the labels that show as roles: all but the negative one."""
        return tuple(name for name in self.names if name != self.negative)

    def __len__(self) -> int:
        return len(self.labels)


class _Problems:
    """Collects what is wrong in one file, so that it is reported all at once."""

    def __init__(self, file: YamlFile) -> None:
        self.file = file
        self.found: list[str] = []

    def add(self, path: tuple[str | int, ...], message: str) -> None:
        self.found.append(f"{self.file.place(path)}: {dotted(path)}: {message}")

    def check_keys(self, data: Mapping[str, Any], allowed: tuple[str, ...], path: tuple[str | int, ...]) -> None:
        for key in data:
            if key not in allowed:
                hint = _nearest(key, allowed) or f" Known keys: {', '.join(allowed)}."
                self.add((*path, key if isinstance(key, str) else shown(key)), f"unknown key.{hint}")

    def text(self, data: Mapping[str, Any], key: str, path: tuple[str | int, ...], *, numbers: bool = False) -> str:
        value = data.get(key)
        if numbers and isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
            return str(value)
        if isinstance(value, str) and value.strip():
            return value.strip()
        found = "nothing" if value is None else shown(value)
        remedy = "; put it in quotes" if isinstance(value, int | float) else ""  # YAML reads no, on and 1 as such
        self.add((*path, key), f"expected a text, found {found}{remedy}")
        return ""

    def raise_any(self) -> None:
        if self.found:
            raise ConfigError("\n".join(self.found))


def _read_labels(items: object, problems: _Problems) -> list[Label]:
    if not isinstance(items, list) or not items:
        problems.add(("labels",), "expected a list with at least one label")
        return []
    labels: list[Label] = []
    for index, item in enumerate(items):
        path = ("labels", index)
        if not isinstance(item, Mapping):
            problems.add(path, f"expected a label with name, title and definition, found {shown(item)}")
            continue
        problems.check_keys(item, _LABEL_KEYS, path)
        label = Label(
            name=_read_name(item, path, problems, [label.name for label in labels]),
            title=problems.text(item, "title", path),
            definition=problems.text(item, "definition", path),
            color=_read_color(item, path, problems),
            parent=_read_parent(item, path, problems),
            crosswalk=_read_crosswalk(item.get("crosswalk"), path, problems),
        )
        labels.append(label)
    _check_parents(labels, problems)
    return labels


def _read_name(item: Mapping[str, Any], path: tuple[str | int, ...], problems: _Problems, earlier: list[str]) -> str:
    name = problems.text(item, "name", path)
    if not name:
        return name
    if name.lower() in RESERVED_NAMES:
        problems.add((*path, "name"), f"{name!r} is reserved (a column of the output); choose another name")
    elif not _NAME.fullmatch(name):
        problems.add((*path, "name"), f"{name!r} may hold only letters, digits, spaces and _ - . /")
    elif name in earlier:
        problems.add((*path, "name"), f"{name!r} is the name of label {earlier.index(name) + 1} as well")
    return name


def _read_color(item: Mapping[str, Any], path: tuple[str | int, ...], problems: _Problems) -> str:
    color = item.get("color")
    if color is None:
        return _PALETTE[int(path[-1]) % len(_PALETTE)]
    if not isinstance(color, str) or not _COLOR.fullmatch(color):
        problems.add((*path, "color"), f'expected a colour such as "#D55E00" (in quotes), found {shown(color)}')
        return ""
    return color.upper()


def _read_parent(item: Mapping[str, Any], path: tuple[str | int, ...], problems: _Problems) -> str | None:
    parent = item.get("parent")
    if parent is not None and not isinstance(parent, str):
        problems.add((*path, "parent"), f"expected the name of a label, found {shown(parent)}")
        return None
    return parent


def _read_crosswalk(crosswalk: object, path: tuple[str | int, ...], problems: _Problems) -> dict[str, tuple[str, ...]]:
    if crosswalk is None:
        return {}
    if not isinstance(crosswalk, Mapping):
        problems.add((*path, "crosswalk"), f"expected a list of codes for each scheme, found {shown(crosswalk)}")
        return {}
    codes: dict[str, tuple[str, ...]] = {}
    for scheme, values in crosswalk.items():
        if not isinstance(scheme, str):
            problems.add((*path, "crosswalk"), f"expected the name of a scheme, found {shown(scheme)}")
        # An unquoted 01 is the number 1 in YAML: the leading zero of a CAMEO code would be lost without a word.
        elif not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            found = shown(values)
            problems.add((*path, "crosswalk", scheme), f'expected a list of quoted codes such as ["18"], found {found}')
        else:
            codes[scheme] = tuple(values)
    return codes


def _check_parents(labels: list[Label], problems: _Problems) -> None:
    parents = {label.name: label.parent for label in labels}
    for index, label in enumerate(labels):
        if label.parent is None:
            continue
        if label.parent not in parents:
            problems.add(
                ("labels", index, "parent"),
                f"{label.parent!r} is not a label of this set.{nearest(str(label.parent), parents)}",
            )
            continue
        seen = {label.name}
        above: str | None = label.parent
        while above is not None and above not in seen:
            seen.add(above)
            above = parents.get(above)
        if above == label.name:
            problems.add(("labels", index, "parent"), f"{label.name!r} is its own ancestor; break the circle")


def dotted(path: tuple[str | int, ...]) -> str:
    """Return a key path as people write it: ``labels[0].name``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _nearest(value: object, names: Iterable[str]) -> str:
    return nearest(value, names) if isinstance(value, str) else ""


def _shipped_sets() -> list[str]:
    files = resources.files(__package__).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))
