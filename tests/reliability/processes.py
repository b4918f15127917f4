"""The processes that a command starts, as Linux shows them below /proc."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

MARK = "EVENTROLES_RELIABILITY"  # in the environment of what is started here, which its children inherit
_PROC = Path("/proc")


def marked(mark: str) -> set[int]:
    """Return the processes that were started with this mark and are alive, whoever is their parent by now."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for pid, fields in _all_processes().items():
        if fields[0] not in "ZX":
            try:
                environment = (_PROC / str(pid) / "environ").read_bytes()
            except OSError:  # gone since, or another's
                continue
            if wanted in environment.split(b"\0"):
                found.add(pid)
    return found


def descendants(ancestor: int) -> set[int]:
    """Return the processes that a process started, and those that they started."""
    parents = {pid: int(fields[1]) for pid, fields in _all_processes().items()}
    found: set[int] = set()
    new = {ancestor}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def name_of(pid: int) -> str:
    """Return what a process calls itself, empty if it is gone."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def peak_memory(pid: int) -> int:
    """Return the most memory that a process has held so far, in bytes; 0 if it is gone."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def left_behind(mark: str, *, seconds: float) -> set[int]:
    """Wait until no marked process is left; kill and return those that are there in the end."""
    until = time.monotonic() + seconds
    while left := marked(mark):
        if time.monotonic() > until:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            return left
        time.sleep(0.02)
    return set()


def _all_processes() -> dict[int, list[str]]:
    """Return the fields of each process behind its name: state, parent, group and so on."""
    found = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                found[int(folder.name)] = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # gone since
                continue
    return found
