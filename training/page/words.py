"""Numbers as a report writes them: with their unit, their interval, and in words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

NOTHING = "–"
_NARROW = "\u202f"  # no-break, between a number and its unit
_FOLDERS = re.compile(r"(?<![\w.:/\\])(?:~|\.\.|[A-Za-z]:)?[/\\](?:[^/\\\s'\"<>]+[/\\])*(?=[^/\\\s'\"<>])")
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def defined(value: Any) -> bool:
    """Whether a number is one: neither None nor NaN."""
    return value is not None and not math.isnan(value)


def decimal(value: float | None, places: int = 3) -> str:
    """Return a number with a fixed number of decimals, a dash if it is not defined."""
    return f"{value:.{places}f}" if value is not None and defined(value) else NOTHING


def percent(value: float | None, places: int = 1) -> str:
    """Return a share as a percentage, a dash if it is not defined."""
    return f"{100 * value:.{places}f}{_NARROW}%" if value is not None and defined(value) else NOTHING


def count(value: float | None) -> str:
    """Return a count with its thousands set apart; shared ones (2.5) keep a decimal."""
    if value is None or not defined(value):
        return NOTHING
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    return text.replace(",", _NARROW)


def counted(number: int, one: str, many: str = "") -> str:
    """Return a count with its noun.

    Example:
        >>> counted(1, "sentence"), counted(2, "sentence")
        ('1 sentence', '2 sentences')
    """
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def span(estimate: Mapping[str, Any] | None, *, places: int = 2) -> str:
    """Return the interval of an estimate, ``0.82–0.90``; empty if there is none."""
    if not has_interval(estimate):
        return ""
    assert estimate is not None
    return f"{decimal(estimate['low'], places)}–{decimal(estimate['high'], places)}"


def percent_span(estimate: Mapping[str, Any] | None, *, places: int = 1) -> str:
    """Return the interval of an estimated share, ``82.1–90.3 %``; empty if there is none."""
    if not has_interval(estimate):
        return ""
    assert estimate is not None
    return f"{100 * estimate['low']:.{places}f}–{percent(estimate['high'], places)}"


def of_100(estimate: Mapping[str, Any] | None) -> str:
    """Return a share for readers who are no statisticians: ``89 of 100 (83 to 94)``."""
    if estimate is None or not defined(estimate["value"]):
        return ""
    text = f"{100 * estimate['value']:.0f} of 100"
    return text + (f" ({100 * estimate['low']:.0f} to {100 * estimate['high']:.0f})" if has_interval(estimate) else "")


def has_interval(estimate: Mapping[str, Any] | None) -> bool:
    """Whether an estimate has an interval."""
    return estimate is not None and all(defined(estimate[key]) for key in ("value", "low", "high"))


def without_folders(text: str) -> str:
    """Return a text whose paths are cut to their last part: where things lay on a machine is nobody's business.

    Example:
        >>> without_folders("no file /home/ann/data/x.jsonl; see https://example.org/a/b")
        'no file x.jsonl; see https://example.org/a/b'
    """
    return _FOLDERS.sub("", text)


def shown_name(name: str) -> str:
    """Return a model's or a file's name without the folders of a machine; relative paths and Hub ids stay."""
    windows = PureWindowsPath(name)
    if name.startswith(("/", "~", "..")) or windows.drive or "\\" in name:
        return windows.name if "\\" in name or windows.drive else PurePosixPath(name).name or name
    return name


def printable(text: str) -> str:
    """Return a text that any HTML or XML file can hold: control characters and halves of pairs become a mark."""
    return _UNWRITABLE.sub("\ufffd", text)
