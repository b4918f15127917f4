"""Labels kept apart from the text: joining character offsets with the reader's own copies of the documents."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from .errors import DataError, first_problems, nearest, shown
from .labelset import LabelSet
from .records import Record

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class JoinResult:
    """What a join found.

    Attributes:
        records: the sentences of the documents that were there and unchanged, in order.
        missing: names of documents that the folder does not hold.
        differing: names of documents whose bytes are not those that were labelled.
    """

    records: tuple[Record, ...]
    missing: tuple[str, ...]
    differing: tuple[str, ...]


def join(annotations: Path, documents: Path, *, labels: LabelSet) -> JoinResult:
    """Join offset annotations with the documents in a folder.

    An annotation is a JSON line with ``document`` (file name), ``sha256`` (hex digest of the file's bytes), ``start``
    and ``end`` (characters of the file decoded as UTF-8), ``roles`` and ``unsure``. A document is only used if its
    hash is the one that was labelled.

    Args:
        annotations: the JSON Lines file with the offsets.
        documents: the folder with the documents; subfolders are not searched.
        labels: the label set that the roles must belong to.

    Raises:
        DataError: the folder is not one, a document is not UTF-8, or annotations are broken: all of them (20 shown),
            each with ``file:line``.
    """
    if not documents.is_dir():
        raise DataError(f"{documents}: no such folder; name the folder that holds your copies of the documents")
    found = _Documents(documents)
    records: list[Record] = []
    problems: list[str] = []
    counts: dict[str, int] = {}
    for number, line in enumerate(_read_lines(annotations), start=1):
        if not line.strip():
            continue
        place = f"{annotations.name}:{number}"
        try:
            annotation = _parse_annotation(line, labels)
            text = found.text(annotation.document, annotation.sha256)
            if text is not None and annotation.end > len(text):
                raise ValueError(f"offsets {annotation.start}-{annotation.end} go beyond the {len(text)} characters")
        except ValueError as error:
            problems.append(f"{place}: {error}")
            continue
        if text is None:
            continue
        index = counts.get(annotation.document, 0)
        counts[annotation.document] = index + 1
        records.append(
            Record(
                document=annotation.document,
                index=index,
                text=text[annotation.start : annotation.end],
                roles=tuple(role for role in labels.roles if role in annotation.roles),
                unsure=tuple(role for role in labels.roles if role in annotation.unsure),
                place=place,
                extra={"start": annotation.start, "end": annotation.end},
            )
        )
    if problems:
        raise DataError(first_problems(problems, source=annotations.name))
    return JoinResult(tuple(records), tuple(found.missing), tuple(found.differing))


@dataclass(frozen=True)
class _Annotation:
    """One line of the annotations, its values checked."""

    document: str
    sha256: str
    start: int
    end: int
    roles: list[str]
    unsure: list[str]


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")  # splitlines() would also cut at U+2028 in a string
    except OSError as error:
        raise DataError(f"{path}: cannot read the annotations: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: the annotations are not UTF-8 text") from error


def _parse_annotation(line: str, labels: LabelSet) -> _Annotation:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON: {error}") from error
    if not isinstance(row, dict):
        raise ValueError(f"expected an object {{…}}, found {shown(row)}")
    keys = ("document", "sha256", "start", "end", "roles", "unsure")
    if lacking := [key for key in keys if key not in row]:
        raise ValueError(f"no {', '.join(lacking)}; an annotation has {', '.join(keys)}")
    document, sha256, start, end = row["document"], row["sha256"], row["start"], row["end"]
    if not isinstance(document, str) or not _is_plain(document):
        raise ValueError(f"document {shown(document)} is not a plain file name")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"sha256 {shown(sha256)} is not 64 digits of 0-9 and a-f")
    if type(start) is not int or type(end) is not int or not 0 <= start < end:  # True is an int too
        raise ValueError(f"start {shown(start)} and end {shown(end)} are not whole numbers with 0 <= start < end")
    for key in ("roles", "unsure"):
        if not isinstance(row[key], list):
            raise ValueError(f"{key} {shown(row[key])} is not a list of labels")
        for role in row[key]:
            if role not in labels.roles:
                hint = (
                    nearest(role, labels.roles) if isinstance(role, str) else ""
                ) or f" The labels are {', '.join(labels.roles)}."
                raise ValueError(f"unknown label {shown(role)}.{hint}")
    if both := [role for role in row["roles"] if role in row["unsure"]]:
        raise ValueError(f"label {both[0]!r} is given and unsure at once; decide for one")
    return _Annotation(document, sha256, start, end, row["roles"], row["unsure"])


def _is_plain(name: str) -> bool:
    return name not in ("", ".", "..") and not any(character in name for character in "/\\\0")


class _Documents:
    """The reader's own documents: read once each, and only those whose bytes are the ones that were labelled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.missing: list[str] = []
        self.differing: list[str] = []
        self._hashes: dict[str, str] = {}
        self._texts: dict[str, str | None] = {}

    def text(self, name: str, sha256: str) -> str | None:
        """Return the text of a document, or None if it is not there as it was labelled."""
        if self._hashes.setdefault(name, sha256) != sha256:
            raise ValueError(f"another sha256 for {name} than in the lines before; a document has one")
        if name not in self._texts:
            self._texts[name] = self._read(name, sha256)
        return self._texts[name]

    def _read(self, name: str, sha256: str) -> str | None:
        path = self.folder / name
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            self.missing.append(name)
            return None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{path}: cannot read the document: {reason}") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            self.differing.append(name)
            return None
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: not UTF-8 text (byte {error.start}), so its offsets mean nothing") from error
