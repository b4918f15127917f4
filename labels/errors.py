"""The exception tree: every error that eventroles raises on purpose, and the exit code it gives the command.

    EventRolesError          anything below; 1
    ├── ConfigError          what was asked for cannot be right: config, option, path argument; 2
    ├── DataError            what was found in a data file or folder; 1
    ├── ModelError           what was found in a model folder; 1
    └── HubError             what the Hugging Face Hub answered, or that it did not; 1

A message says what was found, where, what was expected and what to do. One error carries all the problems of its
file: one a line, the first line a summary.
"""

from __future__ import annotations

import difflib
import importlib
import reprlib
from collections.abc import Iterable, Sequence
from types import ModuleType

_MOST_PROBLEMS_SHOWN = 20


class EventRolesError(Exception):
    """An error with a message for the user; the command prints it without a traceback."""

    exit_code = 1


class ConfigError(EventRolesError):
    """The request itself cannot be right: a config file, an option or a path argument."""

    exit_code = 2


class DataError(EventRolesError):
    """A data file or document cannot be read, or holds what it must not."""


class ModelError(EventRolesError):
    """A model folder is incomplete, damaged or not what it says it is."""


class HubError(EventRolesError):
    """The Hugging Face Hub refused, or could not be reached."""


def closest(word: str, valid: Iterable[str]) -> str | None:
    """Return the valid word that a mistyped ``word`` most likely means, or None if none is near."""
    return next(iter(difflib.get_close_matches(word, list(valid), n=1, cutoff=0.6)), None)


def nearest(word: str, valid: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the valid word closest to ``word``, or an empty string."""
    match = closest(word, valid)
    return f" Did you mean {match!r}?" if match else ""


def shown(value: object) -> str:
    """Return a value as messages show it: its repr in at most 60 characters, however large or deep the value is."""
    brief = reprlib.Repr()
    brief.maxlevel, brief.maxstring, brief.maxother, brief.maxlong = 3, 60, 60, 60
    try:
        text = brief.repr(value)
    except ValueError:  # Python refuses to write out a number of more than 4300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}…"


def first_problems(problems: Sequence[str], *, source: str) -> str:
    """Return problems one a line: the first 20, and how many more there are in ``source``."""
    more = len(problems) - _MOST_PROBLEMS_SHOWN
    rest = [f"… and {more} more problem{'s' if more > 1 else ''} in {source}"] if more > 0 else []
    return "\n".join([*problems[:_MOST_PROBLEMS_SHOWN], *rest])


def require(module: str, *, extra: str) -> ModuleType:
    """Import and return ``module``, which belongs to an optional extra.

    Raises:
        EventRolesError: the module is not installed; the message names the ``pip install`` to run.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        message = f"{module.split('.')[0]} is not installed. Run: pip install 'eventroles[{extra}]'"
        raise EventRolesError(message) from error
