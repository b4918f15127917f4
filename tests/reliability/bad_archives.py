"""Archives that lie, burst, climb out of their folder, or hold what is no file."""

from __future__ import annotations

import struct
import tarfile
import zlib
from collections.abc import Iterator

from reliability.bad_input import ANYTHING, PNG, BadInput, flip, patch
from reliability.formats import make_docx, make_gzip, make_tar, make_zip, make_zst

_NEWS = b"A patrol came under fire near the dam. Nobody was hurt, the colonel said.\n"
_BIG = bytes(4 << 20)  # more than one document may have
_WIDE = (b"The same line of nothing in particular. " * 40 + b"\n") * 1000  # 1.6 MB of good text


def bad_archives() -> Iterator[BadInput]:
    """Yield archives of which at least one member cannot be taken."""
    yield from _bombs()
    yield from _paths()
    yield from _tar_kinds()
    yield from _lying_zips()
    yield from _lying_tars()
    yield from _bad_members()


def _bombs() -> Iterator[BadInput]:
    yield BadInput("bomb-flat.zip", "zip bomb: a member 1,000 times its packed size", data=make_zip({"a.txt": _BIG}))
    yield BadInput("bomb-of-text.zip", "zip bomb: a member of good text", data=make_zip({"a.txt": _WIDE}))
    yield BadInput("bomb.txt.gz", "gzip bomb", data=make_gzip(_WIDE))
    yield BadInput("bomb-twice.txt.gz.gz", "gzip in gzip", data=make_gzip(make_gzip(_BIG)))
    yield BadInput(
        "bomb-streams.txt.gz", "gzip of 400 streams one behind the other", data=make_gzip(bytes(10_000)) * 400
    )
    yield BadInput("bomb.txt.zst", "Zstandard bomb", data=make_zst(_WIDE))
    yield BadInput("bomb-window.txt.zst", "Zstandard frame that asks for a window of 2 TiB", data=_wide_window())
    yield BadInput("bomb.tar.gz", "tar bomb behind gzip", data=make_gzip(make_tar({"a.txt": _BIG})))
    yield BadInput(
        "bomb-good-beside.zip", "zip bomb beside a good member", 1, make_zip({"a.txt": _BIG, "b.txt": _NEWS})
    )
    nested = make_zip({f"{number}.txt": _BIG for number in range(6)})
    for _ in range(2):
        nested = make_zip({f"{number}.zip": nested for number in range(6)})
    yield BadInput("bomb-nested.zip", "zip bomb of three levels, six members each", data=nested)
    for depth in (5, 60):
        deep = make_zip({"bottom.txt": bytes(90)})
        deep_tar = make_gzip(make_tar({"bottom.txt": bytes(90)}))
        for _ in range(depth):
            deep = make_zip({"down.zip": deep})
            deep_tar = make_gzip(make_tar({"down.tar.gz": deep_tar}))
        yield BadInput(f"deep-{depth}.zip", f"zip in zip, {depth} deep, nothing at the bottom", data=deep)
        yield BadInput(f"deep-{depth}.tar.gz", f"tar.gz in tar.gz, {depth} deep, nothing at the bottom", data=deep_tar)
    yield BadInput("quoting.zip", "zip bomb of members that lie in each other", data=_quoting_zip(12))
    yield BadInput("one-for-all.zip", "zip of 300 names for one member", ANYTHING, _one_for_all(300))
    many = {f"{number:04}.txt": b"" for number in range(500)}
    yield BadInput("many.zip", "zip of 500 empty members", data=make_zip(dict(many)))
    yield BadInput("many.tar", "tar of 500 empty members", data=make_tar(many))
    yield BadInput("folders-only.zip", "zip of folders", data=make_zip({"a/": b"", "a/b/": b""}))
    yield BadInput("pictures-only.zip", "zip of pictures", data=make_zip({"a.png": PNG, "b.png": PNG}))
    yield BadInput("pictures-only.tar", "tar of pictures", data=make_tar({"a.png": PNG, "b.png": PNG}))
    yield BadInput("no-member.zip", "zip without members", data=make_zip({}))
    yield BadInput("no-member.tar", "tar without members", data=make_tar({}))
    yield BadInput("no-member.tar.gz", "tar.gz without members", data=make_gzip(make_tar({})))
    yield BadInput("nothing.txt.gz", "gzip of nothing", data=make_gzip(b""))
    yield BadInput("nothing.txt.zst", "Zstandard of nothing", data=make_zst(b""))


def _paths() -> Iterator[BadInput]:
    names = {
        "up": "../up.txt",
        "far-up": "../../../../../../tmp/up.txt",
        "up-in-the-middle": "news/../../up.txt",
        "absolute": "/tmp/absolute.txt",
        "drive": "C:/news/drive.txt",
        "drive-backslash": "C:\\news\\drive.txt",
        "backslash-up": "..\\..\\up.txt",
        "share": "\\\\server\\share\\up.txt",
    }
    for what, name in names.items():
        # In the place of a name, as zipfile would turn some of these into harmless ones.
        stand_in = "x" * len(name)
        zipped = make_zip({stand_in: _NEWS}).replace(stand_in.encode(), name.encode())
        yield BadInput(f"path-{what}.zip", f"zip: a path that leads out, {name}", data=zipped)
        yield BadInput(f"path-{what}.tar", f"tar: a path that leads out, {name}", data=make_tar({name: _NEWS}))
    both = make_tar({"../up.txt": _NEWS, "here.txt": _NEWS})
    yield BadInput("path-up-and-good.tar", "tar: a path that leads out, and a good one", 1, both)
    yield BadInput("path-up.tar.gz", "tar.gz: a path that leads out", data=make_gzip(make_tar({"../up.txt": _NEWS})))


def _tar_kinds() -> Iterator[BadInput]:
    kinds = {
        "link": (tarfile.SYMTYPE, "/etc/passwd"),
        "link-up": (tarfile.SYMTYPE, "../../up.txt"),
        "link-to-itself": (tarfile.SYMTYPE, "a.txt"),
        "hard-link": (tarfile.LNKTYPE, "/etc/passwd"),
        "hard-link-to-nothing": (tarfile.LNKTYPE, "gone.txt"),
        "pipe": (tarfile.FIFOTYPE, ""),
        "character-device": (tarfile.CHRTYPE, ""),
        "block-device": (tarfile.BLKTYPE, ""),
        "sparse-map": (tarfile.GNUTYPE_SPARSE, ""),
    }
    for what, (kind, target) in kinds.items():
        header = tarfile.TarInfo("a.txt")
        header.type, header.linkname, header.devmajor, header.devminor = kind, target, 1, 5
        file = make_tar([(header, b"")])
        yield BadInput(f"tar-{what}.tar", f"tar: a member that is no file, {what.replace('-', ' ')}", data=file)
        beside = make_tar([(header, b""), (tarfile.TarInfo("b.txt"), _NEWS)])
        yield BadInput(f"tar-{what}-and-good.tar", f"tar: {what.replace('-', ' ')} beside a good member", 1, beside)


def _lying_zips() -> Iterator[BadInput]:
    data = make_zip({"a.txt": _NEWS})
    entry, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    made = {
        "aes": patch(flip(flip(data, 6, 0x01), entry + 8, 0x01), entry + 10, b"\x63\0"),
        "method-lzma-garbage": patch(patch(data, 8, b"\x0e\0"), entry + 10, b"\x0e\0"),
        "method-bzip2-garbage": patch(patch(data, 8, b"\x0c\0"), entry + 10, b"\x0c\0"),
        "method-unknown": patch(patch(data, 8, b"\x2a\0"), entry + 10, b"\x2a\0"),
        "checksum-in-both-places": patch(patch(data, 14, b"abcd"), entry + 16, b"abcd"),
        "program-in-front": b"#!/bin/sh\n" + data,
        "zip64-without-its-part": patch(data, end + 8, b"\xff" * 12),
    }
    for what, lying in made.items():
        yield BadInput(f"zip-{what}.zip", f"zip: {what.replace('-', ' ')}", data=lying)


def _lying_tars() -> Iterator[BadInput]:
    data = make_tar({"a.txt": _NEWS})
    body = data[:512]
    made = {
        "size-of-8-gib": _with_checksum(patch(body, 124, b"77777777777")) + data[512:],
        "size-negative": _with_checksum(patch(body, 124, b"\xff" * 12)) + data[512:],
        "size-beyond-the-end": _with_checksum(patch(body, 124, b"00000100000")) + data[512:1024],
        "long-name-without-end": _with_checksum(patch(patch(body, 156, b"L"), 124, b"00000100000")) + data[512:1024],
        "extended-header-of-garbage": _with_checksum(patch(body, 156, b"x")) + data[512:],
    }
    for what, lying in made.items():
        yield BadInput(f"tar-{what}.tar", f"tar: {what.replace('-', ' ')}", data=lying)


def _bad_members() -> Iterator[BadInput]:
    packed = make_gzip(make_tar({"a.txt": _NEWS}))
    yield BadInput("tar-wrong-checksum.tar.gz", "tar.gz: wrong checksum behind its end", ANYTHING, flip(packed, -8))
    inner = make_zip({"a.txt": _NEWS})
    made: dict[str, dict[str, bytes | str]] = {
        "binary-text": {"a.txt": PNG, "b.txt": _NEWS},
        "broken-table": {"a.jsonl": b"{\n", "b.txt": _NEWS},
        "broken-archive": {"a.zip": inner[:-30], "b.txt": _NEWS},
        "broken-gzip": {"a.txt.gz": make_gzip(_NEWS)[:-3], "b.txt": _NEWS},
        "broken-pdf": {"a.pdf": b"%PDF-1.4\n", "b.txt": _NEWS},
        "broken-word": {"a.docx": make_docx(["One."])[:-30], "b.txt": _NEWS},
    }
    for what, members in made.items():
        yield BadInput(
            f"member-{what}.zip", f"zip: {what.replace('-', ' ')} beside a good member", 1, make_zip(members)
        )
        tar = make_tar({name: data for name, data in members.items() if isinstance(data, bytes)})
        yield BadInput(f"member-{what}.tar", f"tar: {what.replace('-', ' ')} beside a good member", 1, tar)


def _wide_window() -> bytes:
    """Return a frame whose header asks for the widest window there is, with one empty last block."""
    return b"\x28\xb5\x2f\xfd\x00\xff" + b"\x01\x00\x00"


def _quoting_zip(members: int) -> bytes:
    """Return a zip whose members each hold the headers of all later ones: so much text from so few bytes.

    Each member but the last begins with a stored block that holds the next member's header, after D. Fifield, "A
    better zip bomb", 2019.
    """
    kernel = bytes(2 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(kernel) + packer.flush()
    content = kernel
    found: list[tuple[bytes, int, int, int]] = []
    for number in reversed(range(members)):
        name = b"%03d.txt" % number
        checksum = zlib.crc32(content)
        header = struct.pack(
            "<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 33, checksum, len(data), len(content), len(name), 0
        )
        found.append((name, checksum, len(data), len(content)))
        quoted = header + name
        content = quoted + content
        body = quoted + data
        data = struct.pack("<BHH", 0, len(quoted), len(quoted) ^ 0xFFFF) + body
    directory, place = b"", 0
    for name, checksum, packed, size in reversed(found):
        fields = (20, 20, 0, 8, 0, 33, checksum, packed, size, len(name), 0, 0, 0, 0, 0, place)
        directory += struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *fields) + name
        place += 30 + len(name) + 5  # the next header lies behind the head of the block that quotes it
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, members, members, len(directory), len(body), 0)
    return body + directory + end


def _one_for_all(names: int) -> bytes:
    """Return a zip whose directory gives many names to one member."""
    data = make_zip({"0000.txt": bytes(50)})
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[start:end]
    directory = b"".join(entry.replace(b"0000", b"%04d" % number) for number in range(names))
    fields = (0, 0, names, names, len(directory), start, 0)
    return data[:start] + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", *fields)


def _with_checksum(header: bytes) -> bytes:
    blank = patch(header, 148, b" " * 8)
    return patch(blank, 148, b"%06o\0 " % sum(blank))
