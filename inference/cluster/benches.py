"""Where workers make parts before they are moved into a dataset folder, each in a folder of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..sinks import told

_FOLDER = ".workers"  # in the output folder, as a file can only be moved within one file system
_OPEN = "open"


def open_benches(output: Path) -> None:
    """Let workers write into a dataset folder; those of an earlier run no longer can.

    Raises:
        DataError: the folder cannot be written.
    """
    close_benches(output)
    with told(output):
        (output / _FOLDER).mkdir()
        (output / _FOLDER / _OPEN).touch()


def close_benches(output: Path) -> None:
    """Let no worker write into a dataset folder any more, and remove what they had not finished."""
    (output / _FOLDER / _OPEN).unlink(missing_ok=True)  # first: a worker may make a folder while the rest goes
    shutil.rmtree(output / _FOLDER, ignore_errors=True)


def is_open(output: Path) -> bool:
    """Whether workers may write into a dataset folder; false, too, on a machine that does not see it."""
    return (output / _FOLDER / _OPEN).exists()


def count_attempt(output: Path, number: int) -> int:
    """Note that a worker begins a part, and return how many have; 2 and more: the one before died of something.

    Raises:
        DataError: the note cannot be written.
    """
    with told(output), (output / _FOLDER / f"{number}.attempts").open("ab") as file:
        file.write(b".")
        return file.tell()


@contextmanager
def bench(output: Path) -> Iterator[Path]:
    """Give a new folder to make files in; what is left of it is removed.

    Raises:
        DataError: it cannot be made.
    """
    with told(output):
        folder = Path(tempfile.mkdtemp(dir=output / _FOLDER))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move_in(folder: Path, output: Path, names: Iterable[str]) -> None:
    """Put finished files of a bench in their place.

    Raises:
        DataError: that cannot be done, or the run has ended.
    """
    with told(output):
        # The workers of a killed driver live on for a moment, and the number may be that of another part by now.
        (output / _FOLDER / _OPEN).stat()
        for name in names:
            (output / name).parent.mkdir(exist_ok=True)
            (folder / name).replace(output / name)
