"""What a bad input is, and the bytes that several families of them are made of."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

ANYTHING: Final = None  # for `BadInput.also_good`: how much comes out depends on when the damage is noticed

# The first bytes of a picture, a sound, a program, a database and an old office file.
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x06\0\0\0\x1f\xf3\xffa"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xdb\0C\0"
WAVE = b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x22\x56\0\0\x88\x58\x01\0"
ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0\x01\0\0\0" + bytes(40)
SQLITE = b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20" + bytes(76)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + b"\x3e\0\x03\0\xfe\xff\x09\0" + bytes(484)


@dataclass(frozen=True)
class BadInput:
    """Something on the disk that must end in the failure ledger.

    Attributes:
        name: path below the folder of bad inputs, with ``/`` between the parts.
        kind: what is wrong with it.
        also_good: how many documents come out of it all the same; `ANYTHING` where that may differ.
        data: what the file holds; None for what is no file.
    """

    name: str
    kind: str
    also_good: int | None = 0
    data: bytes | None = field(default=None, repr=False)


def cut(data: bytes, place: int | bytes, more: int = 0) -> bytes:
    """Return the bytes up to a place, or up to where other bytes first stand, and ``more`` of them."""
    return data[: (data.index(place) if isinstance(place, bytes) else place) + more]


def patch(data: bytes, place: int, new: bytes) -> bytes:
    """Return the bytes with some overwritten from a place on; a negative place counts from the end."""
    place = place if place >= 0 else len(data) + place
    return data[:place] + new + data[place + len(new) :]


def flip(data: bytes, place: int, mask: int = 0xFF) -> bytes:
    """Return the bytes with bits of one of them turned over."""
    place = place if place >= 0 else len(data) + place
    return patch(data, place, bytes([data[place] ^ mask]))


def noise(size: int, rng: random.Random) -> bytes:
    """Return random bytes, NUL among them."""
    return b"\0" + rng.randbytes(size - 1)
