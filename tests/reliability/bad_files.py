"""What is no file, or cannot be opened: pipes, sockets, devices, links in circles, closed doors, odd names."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from reliability.bad_input import PNG, BadInput

# Bytes, of which none is on the disk. One is enough of the largest: it takes seconds to make its checksum.
_SPARSE = {"txt": 2 << 30} | dict.fromkeys(
    ("md", "jsonl", "csv", "html", "pdf", "xml", "zip", "tar", "txt.gz", "mbox", "eml", "parquet"), 16 << 20
)


def make_bad_files(folder: Path) -> Iterator[BadInput]:
    """Make them below a folder that is there and empty, and yield each once it is made.

    Linux and macOS only. For root no door is closed, so that files without permissions are left out there. Beside
    them lies a folder that leads back to itself, which loses nothing and so is no bad input: a run must get out of it.
    """
    (folder / "around").mkdir()
    (folder / "around" / "again").symlink_to("..")
    for extension, size in _SPARSE.items():
        with (folder / f"sparse.{extension}").open("wb") as file:
            os.truncate(file.fileno(), size)
        yield BadInput(f"sparse.{extension}", f"{extension}: a sparse file of {size >> 20:,} MiB")
    makers: dict[str, tuple[str, Callable[[Path], object]]] = {
        "pipe.txt": ("a named pipe that nobody writes to", os.mkfifo),
        "pipe.jsonl": ("a named pipe called .jsonl", os.mkfifo),
        "pipe.zip": ("a named pipe called .zip", os.mkfifo),
        "socket.txt": ("a socket", _make_socket),
        "endless.txt": ("a link to a device that never ends", lambda path: path.symlink_to("/dev/zero")),
        "terminal.txt": ("a link to the terminal", lambda path: path.symlink_to("/dev/tty")),
        "circle.txt": ("a link to itself", lambda path: path.symlink_to(path.name)),
        "circle-1.html": ("two links to each other, the first", lambda path: path.symlink_to("circle-2.html")),
        "circle-2.html": ("two links to each other, the second", lambda path: path.symlink_to("circle-1.html")),
        "dangling.txt": ("a link that leads nowhere", lambda path: path.symlink_to("gone.txt")),
        "dangling.zip": ("a link called .zip that leads nowhere", lambda path: path.symlink_to("gone.zip")),
        "dangling-far.pdf": ("a link into a folder that is none", lambda path: path.symlink_to("circle.txt/a.pdf")),
        "long-target.txt": ("a link with too long a target", lambda path: path.symlink_to("a" * 300)),
    }
    for name, (kind, make) in makers.items():
        make(folder / name)
        yield BadInput(name, kind)
    names = {
        "two\nlines.txt": "a name of two lines",
        "tab\tand\rreturn.txt": "a name with control characters",
        "UPPER.TXT": "an extension in capitals",
        "n" * 251 + ".txt": "the longest name there can be",
        "quotes\"'<>&{}.txt": "a name with quotes and brackets",
        "\u202ereversed.txt": "a name written from right to left",
        os.fsdecode(b"not-utf-8-\xff\xfe.txt"): "a name that is not UTF-8",
        "$(touch made-by-name).txt": "a name that a shell would run",
        "-rf.txt": "a name like an option",
        "%s%n{0}.txt": "a name with format marks",
    }
    for name, kind in names.items():
        (folder / name).write_bytes(PNG)
        yield BadInput(name, f"a picture under {kind}")
    if os.geteuid() != 0:
        for name in ("closed.txt", "closed.zip"):
            (folder / name).write_bytes(b"Nobody may read this.")
            (folder / name).chmod(0)
            yield BadInput(name, "a file that may not be read")
        (folder / "closed").mkdir(mode=0)
        yield BadInput("closed", "a folder that may not be entered")


def _make_socket(path: Path) -> None:
    """Leave a socket behind; its address has at most 107 bytes, so it is made from within its folder."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)
