"""Where the commands print: results to standard output, progress and warnings to standard error."""

from __future__ import annotations

from rich.console import Console

# Tables are cut to 80 columns in a file or pipe otherwise, where nobody can widen the window.
_WIDTH_OF_A_FILE = 120


def results() -> Console:
    """Return a console on standard output."""
    return _console(stderr=False)


def notes() -> Console:
    """Return a console on standard error."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDTH_OF_A_FILE)
