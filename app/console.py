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
    # No markup: what is printed holds names of users' files and extras in brackets, which rich would take for styles.
    console = Console(stderr=stderr, highlight=False, markup=False)
    return (
        console
        if console.is_terminal
        else Console(stderr=stderr, highlight=False, markup=False, width=_WIDTH_OF_A_FILE)
    )
