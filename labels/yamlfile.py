"""Reading YAML of ours: safe, without duplicate keys, and with the line of every key for error messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .errors import ConfigError, first_problems, shown

_TAG = "tag:yaml.org,2002:"
_KINDS = frozenset(_TAG + kind for kind in ("str", "int", "float", "bool", "null", "map", "seq"))
_MOST_LEVELS = 50
_MOST_VALUES = 100_000
_MOST_DIGITS = 100


@dataclass(frozen=True)
class YamlFile:
    """The content of a YAML file whose top level is a mapping.

    Attributes:
        source: what to call the file in messages.
        data: the mapping.
        lines: line number, from 1, of every key and list item, by path: ``("labels", 0, "name")``.
    """

    source: str
    data: dict[str, Any]
    lines: dict[tuple[str | int, ...], int]

    def place(self, path: tuple[str | int, ...]) -> str:
        """Return ``file:line`` of the key at ``path``, or of the nearest key above it that the file has."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return f"{self.source}:{self.lines[path[:length]]}"
        return self.source

    def section(self, key: str) -> YamlFile:
        """Return the mapping under a top-level key as a file of its own, its lines kept."""
        lines = {path[1:]: line for path, line in self.lines.items() if path[0] == key and len(path) > 1}
        return YamlFile(self.source, self.data[key], lines)


def parse_yaml(text: str, *, source: str) -> YamlFile:
    """Parse YAML ``text`` whose top level is a mapping; an empty text is an empty mapping.

    Raises:
        ConfigError: not YAML, not a mapping, a key given twice or a key that is not a string.
    """
    walk = _Walk(source)
    data = _parse(text, walk)
    if data is None:
        return YamlFile(source, {}, {})
    if not isinstance(data, dict):
        raise ConfigError(f"{source}: expected keys and values ('name: …') at the top level, found {shown(data)}")
    return YamlFile(source, data, walk.lines)


def parse_value(text: str, *, source: str) -> Any:
    """Parse one YAML value of any kind, such as a text, a number, a list or a mapping.

    Raises:
        ConfigError: as for `parse_yaml`, but for the top level.
    """
    return _parse(text, _Walk(source, numbered=False))


def read_yaml(path: Path) -> YamlFile:
    """Read and parse the YAML file at ``path``.

    Raises:
        ConfigError: the file cannot be read, or as for `parse_yaml`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{path}: cannot read the file: {reason}") from error
    return parse_yaml(text, source=str(path))


def find_file(name_or_path: str | Path) -> Path | None:
    """Return the path of a file that is there, or None; ``~`` is the home folder."""
    try:
        path = Path(name_or_path).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError, ValueError):  # longer than a file name can be, or the home of nobody
        return None


def _parse(text: str, walk: _Walk) -> Any:
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        walk.visit(node, (), loader)
        if walk.problems:
            raise ConfigError(first_problems(walk.problems, source=walk.source))
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ConfigError(f"{walk.place(_line(error, text))}: not valid YAML: {_problem(error)}") from error
    except RecursionError as error:
        raise ConfigError(f"{walk.source}: not valid YAML: nested too deep") from error
    except (OverflowError, ValueError) as error:  # PyYAML lets it through that "\Uffffffff" is no character
        raise ConfigError(f"{walk.source}: not valid YAML: an escape (\\U…) that is no character") from error


def _line(error: yaml.YAMLError, text: str) -> int | None:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return int(mark.line) + 1
    position = getattr(error, "position", None)  # a character that YAML does not allow
    return None if position is None else text.count("\n", 0, position) + 1


def _problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return f"character U+{code:04X} is not allowed; remove it"
    return getattr(error, "problem", None) or " ".join(str(error).split())


@dataclass
class _Walk:
    """One way through the nodes of a file: the line of every key, and what is YAML but not for us."""

    source: str
    numbered: bool = True
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    above: list[yaml.Node] = field(default_factory=list)
    values: int = 0

    def place(self, line: int | None) -> str:
        return f"{self.source}:{line}" if self.numbered and line is not None else self.source

    def visit(self, node: yaml.Node, path: tuple[str | int, ...], loader: yaml.SafeLoader) -> None:
        self.values += 1
        if self.values > _MOST_VALUES:  # a few lines of aliases to aliases can stand for billions of values
            if self.values == _MOST_VALUES + 1:
                self._add(node, f"more than {_MOST_VALUES} values, aliases written out; use fewer")
            return
        if any(node is parent for parent in self.above):
            self._add(node, "an alias (*) stands inside what it repeats; write the value out")
        elif len(self.above) >= _MOST_LEVELS:
            self._add(node, f"more than {_MOST_LEVELS} levels of nesting; use fewer")
        elif node.tag not in _KINDS:
            kind = node.tag.removeprefix(_TAG)
            remedy = "put it in quotes" if isinstance(node, yaml.ScalarNode) else "use a plain list or mapping"
            self._add(node, f"a value of the kind {kind!r} has no use here; {remedy}")
        elif isinstance(node, yaml.ScalarNode):
            self._check_scalar(node, loader)
        else:
            self.above.append(node)
            if isinstance(node, yaml.MappingNode):
                self._visit_mapping(node, path, loader)
            elif isinstance(node, yaml.SequenceNode):
                for index, item in enumerate(node.value):
                    self.lines[(*path, index)] = item.start_mark.line + 1
                    self.visit(item, (*path, index), loader)
            self.above.pop()

    def _visit_mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...], loader: yaml.SafeLoader) -> None:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                self._add(key_node, "merge keys (<<) are not read; write the keys out")
            elif not isinstance(key_node, yaml.ScalarNode):
                self._add(key_node, "a key is a list or a mapping; expected a word")
            elif key_node.tag != f"{_TAG}str":
                self._add(key_node, f"key {shown(key_node.value)} is not a plain word; put it in quotes")
            else:
                key = key_node.value
                self._check_scalar(key_node, loader)
                if key in seen:
                    self._add(key_node, f"key {shown(key)} is given twice; keep one")
                seen.add(key)
                self.lines[(*path, key)] = key_node.start_mark.line + 1
                self.visit(value_node, (*path, key), loader)

    def _check_scalar(self, node: yaml.ScalarNode, loader: yaml.SafeLoader) -> None:
        if any("\ud800" <= character <= "\udfff" for character in node.value):
            self._add(node, f"{ascii(node.value)[:60]} holds half of a character (a lone surrogate); write it in full")
        if node.tag == f"{_TAG}int" and len(node.value) > _MOST_DIGITS:
            self._add(node, f"a number of {len(node.value)} digits; put it in quotes if it is a text")
            return
        try:
            loader.construct_object(node)
        except (AttributeError, LookupError, ValueError):  # PyYAML takes !!bool x, or a lone ._ for a number
            kind = node.tag.removeprefix(_TAG)
            self._add(node, f"{shown(node.value)} is not a valid {kind}; put it in quotes if it is a text")

    def _add(self, node: yaml.Node, message: str) -> None:
        self.problems.append(f"{self.place(node.start_mark.line + 1)}: {message}")
