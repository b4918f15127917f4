"""Where a dataset folder lies: on this machine, or at an address that fsspec can write to."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from ...labels.errors import ConfigError, DataError
from ..remote import is_missing, open_filesystem, place, put, told

_LOCK = ".lock"
# A run on a remote folder renews its lock; one that has not for so long is taken for dead.
_LOCK_SECONDS = 600.0
_RENEW_SECONDS = 60.0
_SYNC_SECONDS = 30.0  # between two copies of the ledger
_SHARE = 10  # of the time, one part may be spent on copying it: that of a large archive takes long


class Storage(Protocol):
    """A dataset folder: files are made in ``folder``, and are there for good once published."""

    @property
    def folder(self) -> Path:
        """The local folder in which files are made; sinks put them in place there."""

    @property
    def address(self) -> str:
        """What the user calls it."""

    def check(self, ledger: str) -> None:
        """Refuse a place that holds something else than a dataset, which has a file of the name ``ledger``."""

    def publish(self, name: str) -> None:
        """Put a finished file of ``folder`` where it belongs."""

    def publish_ledger(self, name: str, *, last: bool = False) -> None:
        """Publish the ledger, after every part; not each time, if that would take longer than the part."""

    def local(self, name: str) -> Path:
        """Return the path of a published file for reading."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the published files in a folder below, sorted, ``folder/name``."""

    def remove(self, name: str) -> None:
        """Remove a published file, if it is there."""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other run out."""
        yield


def open_storage(output: str | Path) -> Storage:
    """Return the storage of an output folder; nothing is made before it is locked.

    Raises:
        ConfigError: the address has a protocol that cannot be used.
    """
    where = place(output)
    return _Local(where) if isinstance(where, Path) else _Remote(where)


class _Local:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = str(folder)

    def check(self, ledger: str) -> None:
        if self.folder.is_file():
            raise ConfigError(
                f"the output {self.folder} is a file; give it the extension .jsonl, .csv or .parquet, or name a folder"
            )
        if not self.folder.is_dir() or (self.folder / ledger).is_file():
            return
        # A run that was killed at its start leaves nothing but the lock.
        if any(path.name != _LOCK for path in self.folder.iterdir()):
            raise ConfigError(_foreign(self.address, ledger))

    def publish(self, name: str) -> None:
        """Do nothing: sinks have put the file in place."""

    def publish_ledger(self, name: str, *, last: bool = False) -> None:
        """Do nothing: SQLite has written it."""

    def local(self, name: str) -> Path:
        return self.folder / name

    def names(self, folder: str) -> list[str]:
        inside = self.folder / folder
        return sorted(f"{folder}/{path.name}" for path in inside.iterdir()) if inside.is_dir() else []

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # The system takes the lock back when the process ends, however it ends.
            lock = FileLock(self.folder / _LOCK, timeout=0)
            lock.acquire()
        except Timeout as error:
            raise DataError(_busy(self.address)) from error
        except OSError as error:
            raise DataError(f"{self.address}: cannot be written: {error.strerror or error}") from error
        try:
            yield
        finally:
            lock.release()  # the file stays: another run may be about to lock it


class _Remote:
    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._files, self._root = open_filesystem(self.address)
        self._owner = f"{socket.gethostname()} {os.getpid()} {time.time_ns()}"
        self._next_sync = 0.0
        self._synced: tuple[int, int] | None = None
        self._lost = False

    @cached_property
    def folder(self) -> Path:
        folder = tempfile.mkdtemp(prefix="eventroles-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def check(self, ledger: str) -> None:
        with told(self.address):
            self._files.invalidate_cache()
            if not self._exists("") or self._exists(ledger):
                return
            names = self._files.ls(self._root, detail=False)
        if any(name.rstrip("/").rpartition("/")[2] not in ("", _LOCK) for name in names):
            raise ConfigError(_foreign(self.address, ledger))

    def publish(self, name: str) -> None:
        self._put(name)
        (self.folder / name).unlink()

    def publish_ledger(self, name: str, *, last: bool = False) -> None:
        begun = time.monotonic()
        if not last and begun < self._next_sync:
            return
        status = (self.folder / name).stat()
        if self._synced == (status.st_size, status.st_mtime_ns):
            return
        self._put(name)
        self._synced = status.st_size, status.st_mtime_ns
        took = time.monotonic() - begun
        self._next_sync = begun + max(_SYNC_SECONDS, _SHARE * took)

    def local(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with told(f"{self.address}/{name}"):
                if self._exists(name):
                    self._files.get_file(self._path(name), str(path))
        return path

    def names(self, folder: str) -> list[str]:
        with told(f"{self.address}/{folder}"):
            self._files.invalidate_cache()
            if not self._exists(folder):
                return []
            found = self._files.ls(self._path(folder), detail=False)
        return sorted(f"{folder}/{name.rpartition('/')[2]}" for name in found if not name.endswith("/"))

    def remove(self, name: str) -> None:
        with told(f"{self.address}/{name}"), suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    @contextmanager
    def locked(self) -> Iterator[None]:
        # Object stores have no locks: two runs that start within a moment may both pass here. Then the one that signed
        # last goes on, and the other ends with the next file that it publishes.
        with told(f"{self.address}/{_LOCK}"):
            self._files.invalidate_cache()
            lock = self._read_lock()
            if lock and time.time() - lock["time"] < _LOCK_SECONDS:
                raise DataError(
                    f"{_busy(self.address)}. If that run has died, remove {self.address}/{_LOCK} or wait "
                    f"{_LOCK_SECONDS / 60:.0f} minutes"
                )
            self._files.makedirs(self._root, exist_ok=True)
            self._sign()
        ended = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(ended,), name="eventroles-lock", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            ended.set()
            renewing.join()
            with suppress(DataError):  # it ends by itself
                if self._lock_owner() == self._owner:
                    self.remove(_LOCK)
            shutil.rmtree(self.folder, ignore_errors=True)

    def _put(self, name: str) -> None:
        if self._lost:
            raise DataError(_busy(self.address))
        with told(f"{self.address}/{name}"):
            put(self._files, self.folder / name, self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _exists(self, name: str) -> bool:
        # Not filesystem.exists, which says no when it cannot tell.
        try:
            self._files.info(self._path(name))
        except FileNotFoundError as error:
            if is_missing(error):
                return False
            raise
        return True

    def _sign(self) -> None:
        lock = {"owner": self._owner, "time": time.time()}
        self._files.pipe_file(self._path(_LOCK), json.dumps(lock).encode())

    def _read_lock(self) -> dict[str, Any] | None:
        if not self._exists(_LOCK):
            return None
        try:
            lock = json.loads(self._files.cat_file(self._path(_LOCK)))
            return {"owner": str(lock["owner"]), "time": float(lock["time"])}
        except (ValueError, KeyError, TypeError):  # half of one, or none of ours
            return {"owner": "", "time": time.time()}

    def _lock_owner(self) -> str:
        """Return who has the lock; empty if nobody, or if it cannot be told."""
        with told(f"{self.address}/{_LOCK}"):
            self._files.invalidate_cache(self._root)
            lock = self._read_lock()
        return lock["owner"] if lock else ""

    def _renew(self, ended: threading.Event) -> None:
        """Sign the lock again and again; see when another run has taken it, as after a long sleep of this machine."""
        while not ended.wait(_RENEW_SECONDS):
            try:
                if self._lock_owner() not in ("", self._owner):
                    self._lost = True
                    return
                self._sign()
            except Exception:  # the network is gone for a while; if for longer, what is published next says so
                continue


def _busy(address: str) -> str:
    return f"{address}: another run is writing there; wait for it to end, or name another output"


def _foreign(address: str, ledger: str) -> str:
    return f"the folder {address} holds files, but no {ledger}; name a new folder, or an empty one"
