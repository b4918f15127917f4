"""Finding the files below a user's inputs that are addresses."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from ...labels.errors import DataError, EventRolesError
from ..documents import Source
from ..remote import is_missing, name_of, open_filesystem, readable, reason_of

_TIMES = ("LastModified", "mtime", "last_modified", "updated", "modified", "Last-Modified", "created")
_MARKS = ("ETag", "etag", "blob_id", "md5Hash", "checksum")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at an address.

    Attributes:
        url: its address.
        path: below the input, ``/`` between the parts; its name, if it is the input itself.
        size: bytes; 0 if the store does not say.
        mark: when it was changed last, in nanoseconds since 1970; where the store has no time, a number that changes
            with the file; 0 if it does not say.
        is_named: whether it is the input itself.
    """

    url: str
    path: str
    size: int
    mark: int
    is_named: bool = False

    def source(self, source_id: str) -> Source:
        """Return it as a source."""
        return Source.at(self.url, source_id, size=self.size, modified_ns=self.mark)


def is_there(address: str) -> bool:
    """Whether there is a file or a folder at an address; of a pattern only the protocol is looked at.

    Raises:
        ConfigError: the protocol cannot be used.
        DataError: the store does not answer, or refuses to.
    """
    filesystem, path = open_filesystem(address)
    if "*" in address:
        return True
    try:
        filesystem.invalidate_cache()
        filesystem.info(_asked(address, path))
    except Exception as error:
        if is_missing(error):
            return False
        raise _refused(address, error) from error
    return True


def list_files(address: str) -> Iterator[RemoteFile]:
    """Yield the file at an address, or those below it but the hidden ones; with ``*`` those that match.

    Raises:
        ConfigError: the protocol cannot be used.
        DataError: the store does not answer, or refuses to.
    """
    filesystem, path = open_filesystem(address)
    try:
        filesystem.invalidate_cache()
        if "*" in address:
            top = path[: path.index("*")].rpartition("/")[0]
            found = filesystem.glob(path, detail=True)
        else:
            info = filesystem.info(_asked(address, path))
            if not _is_folder(address, info):
                url = address if _is_web(address) else filesystem.unstrip_protocol(path)
                yield _file(url, info, name_of(address), is_named=True)
                return
            top = path
            found = _walk_web(filesystem, f"{path}/") if _is_web(path) else filesystem.find(path, detail=True)
    except Exception as error:
        raise _refused(address, error) from error
    for name, info in found.items():
        below = readable(name).removeprefix(readable(top)).strip("/")
        is_safe = below and not any(part in ("", "..") or part.startswith(".") for part in below.split("/"))
        if info["type"] == "file" and is_safe:
            yield _file(filesystem.unstrip_protocol(name), info, below)


def with_mark(file: RemoteFile) -> RemoteFile:
    """Return a file with what its store says of it alone: web servers say nothing more in a list.

    Raises:
        DataError: the store does not answer, or refuses to.
    """
    return replace(next(list_files(file.url)), path=file.path, is_named=False)


def _file(url: str, info: dict[str, Any], path: str, *, is_named: bool = False) -> RemoteFile:
    return RemoteFile(url, path, int(info.get("size") or 0), _mark(info), is_named)


def _walk_web(filesystem: Any, top: str) -> dict[str, dict[str, Any]]:
    """Return what the pages of a web server list below a folder, each page asked for once."""
    # fsspec's own walk follows a link of a page to itself for ever, and lists sorting links as files.
    found: dict[str, dict[str, Any]] = {}
    folders, seen = [top], {top}
    while folders:
        here = folders.pop()
        for entry in filesystem.ls(here, detail=True):
            url = urljoin(here, entry["name"])
            plain = url.partition("#")[0].partition("?")[0]
            if "/../" in plain or "/./" in plain or not plain.startswith(top) or plain == top:
                continue
            if not plain.endswith("/"):
                found[url] = {**entry, "type": "file"}
            elif plain not in seen:
                seen.add(plain)
                folders.append(plain)
    return found


def _is_folder(address: str, info: dict[str, Any]) -> bool:
    if _is_web(address):
        # Web servers have pages, not folders; they send who asks for a folder to the name with a slash.
        return any(urlsplit(each).path[-1:] in ("", "/") for each in (address, str(info.get("url", address))))
    return bool(info["type"] == "directory")


def _asked(address: str, path: str) -> str:
    return address if _is_web(address) else path


def _is_web(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _mark(info: dict[str, Any]) -> int:
    """Return a number that tells one state of a file from another."""
    for name in _TIMES:
        value = info.get(name)
        if isinstance(value, str):
            value = _parse_time(value)
        if isinstance(value, datetime):
            value = (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
        if isinstance(value, int | float) and value > 0:
            return int(value * 1e9)
    for name in _MARKS:
        if value := info.get(name):
            return int.from_bytes(hashlib.sha256(str(value).encode()).digest()[:7], "big")
    return 0


def _parse_time(text: str) -> datetime | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parse(text.replace("Z", "+00:00") if parse is datetime.fromisoformat else text)
        except (ValueError, TypeError):
            continue
    return None


def _refused(address: str, error: Exception) -> EventRolesError:
    if isinstance(error, EventRolesError):
        return error
    return DataError(
        f"{readable(address)}: {reason_of(error)}; check the spelling, the network and your login to that store"
    )


def folder_of(address: str) -> str:
    """Return an address as `RemoteFile.url` begins below it: without double and last slashes."""
    filesystem, path = open_filesystem(address)
    return posixpath.join(str(filesystem.unstrip_protocol(path)).rstrip("/"), "")
