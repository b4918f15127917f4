"""What archives may grow to while they are unpacked, and streams that are counted as they are read."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from ...labels.errors import DataError, require
from ..documents import Limits

_FREE = 1 << 30  # bytes that any archive may grow to
_ZSTD_CHUNK = 1 << 11  # bytes; unpacked all at once, and the worst of them grow by a factor of 30,000
_LONGEST_WINDOW = 1 << 31  # bytes; what `zstd --long=31` needs, which large dumps are packed with
_BETWEEN_SIGNS = 0.5  # seconds from one sign of life to the next


class SpentError(DataError):
    """An archive that holds more than it may: nothing more of it is read."""


class Unpacking:
    """What one file named by the user has grown to so far, the archives inside it included.

    Attributes:
        depth: how many archives the one being read is in, itself included.
    """

    def __init__(self, *, size: int, limits: Limits, alive: Callable[[], None]) -> None:
        self.depth = 0
        self.limits = limits
        self._most = max(limits.expansion * size, _FREE)
        self._bytes = self._members = 0
        self._alive = alive
        self._told = time.monotonic()

    @classmethod
    def of(cls, path: Path, limits: Limits, alive: Callable[[], None]) -> Unpacking:
        """Begin with a file that is not inside another."""
        return cls(size=path.stat().st_size, limits=limits, alive=alive)

    def count_member(self, number: int = 1) -> None:
        """Count members as they are met, or ``number`` that are said to come.

        Raises:
            SpentError: they are too many.
        """
        self._members += number
        if self._members > self.limits.members:
            raise SpentError(f"more than {self.limits.members:,} members; unpack it and name the folder")

    def expect_members(self, number: int) -> None:
        """Refuse an archive that says of itself that it has too many members.

        Raises:
            SpentError: it does.
        """
        self.count_member(number)
        self._members -= number

    def count_bytes(self, number: int) -> None:
        """Count unpacked bytes as they come.

        Raises:
            SpentError: they are too many.
        """
        self._bytes += number
        self.tell()
        if self._bytes > self._most:
            most = f"{self._most / (1 << 30):,.1f} GiB"
            raise SpentError(f"grows to more than {most}; if it can be trusted, unpack it and name the folder")

    def tell(self) -> None:
        """Give a sign of life, if the last one was a while ago."""
        if (now := time.monotonic()) - self._told > _BETWEEN_SIGNS:
            self._told = now
            self._alive()


class Readable(Protocol):
    """What bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most ``size``; none at the end."""


class Unpacked:
    """A stream that counts what is read of it, and can be looked into."""

    def __init__(self, raw: Readable, unpacking: Unpacking, *, counted: bool = True) -> None:
        self._raw = raw
        self._unpacking = unpacking
        self._counted = counted
        self._ahead = b""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most ``size``; none at the end."""
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        data = self._raw.read(size)
        if self._counted:
            self._unpacking.count_bytes(len(data))
        else:
            self._unpacking.tell()
        return data

    def peek(self, size: int) -> bytes:
        """Return the first bytes, which come again when the stream is read."""
        while len(self._ahead) < size:
            data = self._raw.read(size - len(self._ahead))
            if not data:
                break
            self._unpacking.count_bytes(len(data))
            self._ahead += data
        return self._ahead


class Zstandard:
    """The unpacked bytes of a Zstandard file; the library's own stream does not notice that a file is cut."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        library = require("zstandard", extra="formats")
        self._new = library.ZstdDecompressor(max_window_size=min(_LONGEST_WINDOW, limits.memory_bytes)).decompressobj
        self._file = file
        self._frame = self._new()
        self._begun = False
        self._data = b""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most ``size``; none at the end."""
        while not self._data:
            packed = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame, self._begun = self._new(), False
            packed = packed or self._file.read(_ZSTD_CHUNK)
            if not packed:
                if self._begun:
                    raise EOFError("it ends in the middle")
                return b""
            self._begun = True
            self._data = self._frame.decompress(packed)
        data, self._data = self._data[:size], self._data[size:]
        return data
