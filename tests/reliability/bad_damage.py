"""Good files that were damaged: emptied, blanked, cut off, with flipped bits, with garbage, under another's name."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from reliability.bad_input import (
    ANYTHING,
    ELF,
    JPEG,
    OLE,
    PNG,
    SQLITE,
    WAVE,
    BadInput,
    cut,
    flip,
    noise,
    patch,
)

# What a file of each format is called.
_EXTENSIONS = (
    *("txt", "md", "html", "htm", "pdf", "docx", "eml", "mbox", "epub", "rtf", "jsonl", "csv", "tsv", "parquet"),
    *("xml", "txt.gz", "txt.zst", "zip", "tar", "tar.gz", "jsonl.gz", "csv.zst"),
)
_OF_TEXT = ("txt", "md", "html", "htm", "eml", "mbox", "rtf", "jsonl", "csv", "tsv", "xml")
_MAGIC = {
    "pdf": b"%PDF-1.7\n",
    "docx": b"PK\x03\x04\x14\0\0\0\x08\0",
    "epub": b"PK\x03\x04\x0a\0\0\0\0\0",
    "zip": b"PK\x03\x04",
    "txt.gz": b"\x1f\x8b\x08\0\0\0\0\0\x02\xff",
    "jsonl.gz": b"\x1f\x8b\x08\0\0\0\0\0\x02\xff",
    "tar.gz": b"\x1f\x8b\x08\0\0\0\0\0\x02\xff",
    "txt.zst": b"\x28\xb5\x2f\xfd\x04\x58",
    "csv.zst": b"\x28\xb5\x2f\xfd\x24\x20",
    "parquet": b"PAR1\x15\x04\x15",
    "rtf": b"{\\rtf1",
    "xml": b'<?xml version="1.0"?>',
    "html": b"<!DOCTYPE html>",
    "eml": b"Subject: ",
    "mbox": b"From desk@news.example Mon May  6 07:08:00 2024\n",
    "jsonl": b'{"text": "',
    "csv": b"id,text\n",
    "tar": b"news.txt" + bytes(92),
}
# Formats that cannot be told by their first bytes, and packed ones whose inner name misleads, under which other
# extension; what is read under any name is odd, not bad.
_MISNAMED = {
    "plain.txt": "jsonl csv tsv parquet xml pdf zip docx epub txt.gz txt.zst tar rtf mbox",
    "marked.md": "jsonl tsv parquet pdf gz",
    "lines.jsonl": "parquet csv xml pdf mbox docx zip",
    "commas.csv": "jsonl parquet xml zip pdf",
    "letter.eml": "jsonl xml pdf docx csv",
    "box.mbox": "jsonl xml epub tsv",
    "shed.txt.gz": "zip jsonl pdf",
    "cache.txt.zst": "zip csv tar",
}
_OTHERS = {"picture": PNG, "photo": JPEG, "sound": WAVE, "program": ELF, "database": SQLITE, "old-office-file": OLE}
_RENAMED = {
    "picture": "txt md html eml pdf docx csv jsonl xml zip",
    "photo": "txt htm rtf mbox epub parquet tsv",
    "sound": "txt html gz",
    "program": "txt csv pdf tar",
    "database": "txt jsonl parquet",
    "old-office-file": "txt docx rtf pdf",
}


def bad_damage(good: Mapping[str, bytes], rng: random.Random) -> Iterator[BadInput]:
    """Yield damaged forms of the good files."""
    for extension in _EXTENSIONS:
        yield BadInput(f"empty.{extension}", f"{extension}: no byte", data=b"")
        yield BadInput(f"nul.{extension}", f"{extension}: NUL bytes only", data=bytes(700))
    for number, extension in enumerate(_OF_TEXT):
        data = (b" \n", b"\t\r\n", b"\n\n\n")[number % 3] * 40
        yield BadInput(f"blank.{extension}", f"{extension}: white space only", data=data)
    for extension, magic in _MAGIC.items():
        kind = f"{extension}: garbage behind the right first bytes"
        yield BadInput(f"garbage.{extension}", kind, data=magic + noise(900, rng))
    for name, extensions in _MISNAMED.items():
        stem, _, true = name.partition(".")
        for extension in extensions.split():
            yield BadInput(f"{stem}-{true}.{extension}", f"a .{true} file called .{extension}", data=good[name])
    for name, extensions in _RENAMED.items():
        for extension in extensions.split():
            data = _OTHERS[name] + noise(300, rng)
            yield BadInput(f"{name}.{extension}", f"a {name} called .{extension}", data=data)
    yield from _cut_off(good)
    yield from _flipped(good)


def _cut_off(good: Mapping[str, bytes]) -> Iterator[BadInput]:
    places: dict[str, dict[str, int | bytes]] = {
        "printed.pdf": {
            "behind its header": b"1 0 obj",
            "in its catalogue": b"/Pages",
            "before its first page": b"3 0 obj",
            "before the text of its page": b"4 0 obj",
        },
        "page.html": {"in its first tag": b"en", "in its title": b"Raid", "in its second tag": b"ead>"},
        "wire-g2.xml": {
            "in its declaration": b"encoding",
            "in its first tag": b"guid",
            "before its text": b"<inlineXML",
            "in its text": b"third",
            "before its last tag": b"</newsItem",
        },
        "wire-nitf.xml": {
            "in its declaration": b"version",
            "behind its first tag": b"<head>",
            "in its head": b"<hedline",
            "in its text": b"stones",
            "before its last tag": b"</nitf",
        },
        "rich.rtf": {"in its first word": b"f1", "in its fonts": b"Times"},
        "letter.eml": {"in its first header": b"desk@", "behind its headers": b"Colleagues"},
        "shed.txt.gz": {"behind its magic": 2, "in its header": 6, "behind its header": 10, "in its data": 50}
        | {"before its checksum": -8, "in its checksum": -6, "in its size": -2},
        "coup.jsonl.gz": {"behind its header": 10, "in its data": 40, "before its checksum": -8},
        "power.tar.gz": {"behind its header": 10, "in its data": 60, "before its checksum": -8},
        "cache.txt.zst": {"in its magic": 3, "behind its magic": 4, "behind its header": 6}
        | {"in its data": 40, "before its checksum": -4, "in its checksum": -1},
        "truce.csv.zst": {"behind its header": 6, "in its data": 60, "in its checksum": -2},
        "cells.parquet": {"behind its magic": 4, "in its first page": 40, "before its footer": -600}
        | {"before the size of its footer": -8, "before its last magic": -4, "in its last magic": -1},
        "tabs.tsv": {"in its header": b"ext"},
    }
    loose = ("coup.jsonl.gz", "truce.csv.zst", "power.tar.gz")  # read row by row, and the damage comes last
    for name, named in places.items():
        for where, place in named.items():
            at = place if isinstance(place, bytes) else place % len(good[name])
            also = ANYTHING if name in loose else 0
            stem, _, extension = name.partition(".")
            file = f"{stem}-cut-{where.replace(' ', '-')}.{extension}"
            yield BadInput(file, f"{extension}: {stem} cut off {where}", also, cut(good[name], at))
    for name in ("typed.docx", "book.epub", "region.zip"):
        data = good[name]
        stem, _, extension = name.partition(".")
        ends = {"in-its-first-member": 45, "in-its-last-member": data.index(b"PK\x01\x02") - 9}
        ends |= {"before-its-directory": data.index(b"PK\x01\x02"), "before-its-end-mark": data.index(b"PK\x05\x06")}
        ends |= {"in-its-directory": data.index(b"PK\x01\x02") + 30, "in-its-end-mark": len(data) - 3}
        for where, end in ends.items():
            yield BadInput(f"{stem}-cut-{where}.{extension}", f"{extension}: cut off {where}", data=data[:end])
    lines, commas, tar = good["lines.jsonl"], good["commas.csv"], good["river.tar"]
    yield BadInput("lines-cut.jsonl", "jsonl: cut off in its second row", 1, lines[:-20])
    yield BadInput("lines-cut-early.jsonl", "jsonl: cut off in its first row", data=lines[:50])
    yield BadInput("commas-cut.csv", "csv: cut off in a quoted field of its second row", 1, commas[:-9])
    yield BadInput("commas-cut-early.csv", "csv: cut off in a quoted field of its first row", data=commas[:60])
    yield BadInput("river-cut-first-header.tar", "tar: cut off in its first header", data=tar[:300])
    yield BadInput("river-cut-first-data.tar", "tar: cut off in the data of its first member", data=tar[:540])
    yield BadInput("river-cut-second-header.tar", "tar: cut off in its second header", 1, tar[:1324])
    yield BadInput("river-cut-second-data.tar", "tar: cut off in the data of its second member", 1, tar[:1560])


def _flipped(good: Mapping[str, bytes]) -> Iterator[BadInput]:
    gz, zst, tar, parquet = (good[name] for name in ("shed.txt.gz", "cache.txt.zst", "river.tar", "cells.parquet"))
    made = {
        "gz-magic.txt.gz": flip(gz, 1, 0x01),
        "gz-method.txt.gz": patch(gz, 2, b"\x07"),
        "gz-extra-field.txt.gz": patch(gz, 3, b"\x04"),
        "gz-endless-name.txt.gz": gz[:3] + b"\x08" + gz[4:10] + b"news" * 20,
        "gz-block-type.txt.gz": patch(gz, 10, b"\x07"),
        "gz-data.txt.gz": flip(gz, 40),
        "gz-checksum.txt.gz": flip(gz, -8),
        "gz-size.txt.gz": flip(gz, -1),
        "gz-garbage-behind.txt.gz": gz + b"not a second stream",
        "zst-magic.txt.zst": flip(zst, 0, 0x10),
        "zst-reserved-bit.txt.zst": flip(zst, 4, 0x08),
        "zst-dictionary.txt.zst": flip(zst, 4, 0x01),
        "zst-block-type.txt.zst": flip(zst, 6, 0x06),
        "zst-data.txt.zst": flip(zst, 30),
        "zst-checksum.txt.zst": flip(zst, -1),
        "zst-garbage-behind.txt.zst": zst + b"not a second frame",
        "tar-checksum.tar": patch(tar, 148, b"777777"),
        "tar-size.tar": patch(tar, 124, b"9x?"),
        "parquet-last-magic.parquet": flip(parquet, -1),
        "parquet-footer-size-huge.parquet": patch(parquet, -8, b"\xff\xff\xff\x7f"),
        "parquet-footer-size-negative.parquet": patch(parquet, -8, b"\xff\xff\xff\xff"),
        "parquet-footer-size-zero.parquet": patch(parquet, -8, bytes(4)),
        "parquet-footer-size-one-less.parquet": flip(parquet, -8, 0x01),
        "parquet-footer.parquet": patch(parquet, -(int.from_bytes(parquet[-8:-4], "little") + 8), b"\xff" * 12),
        "parquet-page-header.parquet": patch(parquet, 4, b"\xff" * 12),
        "parquet-encrypted.parquet": b"PARE" + parquet[4:-4] + b"PARE",
    }
    for name, data in made.items():
        yield BadInput(f"flip-{name}", f"{name.partition('.')[2]}: wrong bits, {name.partition('.')[0]}", data=data)
    yield BadInput("flip-tar-second-checksum.tar", "tar: wrong checksum of its second header", 1, flip(tar, 1024 + 150))
    for name in ("region.zip", "typed.docx", "book.epub"):
        yield from _flipped_zip(name, good[name])


def _flipped_zip(name: str, data: bytes) -> Iterator[BadInput]:
    stem, _, extension = name.partition(".")
    last = data.rindex(b"PK\x03\x04")  # the member that holds text, in all three
    entry = data.rindex(b"PK\x01\x02")
    body = last + 30 + data[last + 26]
    directory, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    one_lost = {
        "local-mark": flip(data, last),
        "local-name": flip(data, last + 30, 0x01),
        "method": patch(patch(data, last + 8, b"\x63"), entry + 10, b"\x63"),
        "checksum": patch(patch(data, last + 14, bytes(4)), entry + 16, bytes(4)),
        "deflated-data": patch(data, body, b"\xff\xff\xff"),
        "encrypted": flip(flip(data, last + 6, 0x01), entry + 8, 0x01),
        "offset": patch(data, entry + 42, b"\xf0\xff\xff\x00"),
        "size-too-small": patch(data, entry + 24, b"\x05\0\0\0"),
    }
    all_lost = {
        "directory-mark": flip(data, directory),
        "directory-place": patch(data, end + 16, b"\xff\xff\xff\x7f"),
        "directory-size": patch(data, end + 12, b"\xff\xff\xff\x7f"),
        "end-mark": flip(data, end),
    }
    for what, damaged in one_lost.items():
        also = ANYTHING if extension == "epub" else 1 if extension == "zip" else 0
        yield BadInput(f"flip-{stem}-{what}.{extension}", f"{extension}: wrong {what} of a member", also, damaged)
    for what, damaged in all_lost.items():
        yield BadInput(f"flip-{stem}-{what}.{extension}", f"{extension}: wrong {what}", data=damaged)
