"""Files that look wrong and hold a whole text all the same: under another format's name, or with harmless lies."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from reliability.bad_input import patch
from reliability.formats import make_gzip, make_html, make_tar, make_zip
from reliability.good_inputs import good_inputs

# A format that is told by its first bytes is read under any name.
_MISNAMED = {
    "printed.pdf": "txt md html docx epub zip tar gz zst parquet jsonl csv rtf xml",
    "typed.docx": "txt pdf html epub rtf tar txt.gz jsonl",
    "book.epub": "docx pdf txt parquet xml",
    "region.zip": "tar docx epub txt.gz txt.zst jsonl csv tar.gz",
    "river.tar": "zip txt.gz txt.zst parquet txt",
    "shed.txt.gz": "txt.zst txt",
    "cache.txt.zst": "txt.gz md",
    "page.html": "jsonl csv parquet docx pdf xml",
    "cells.parquet": "csv tsv jsonl txt html zip",
    "rich.rtf": "docx pdf jsonl",
    "wire-g2.xml": "jsonl csv parquet",
}
_NEWS = "A grenade went off in the bus queue at Ferrol. Eight commuters were treated for cuts."
_PHRASE = "Eight commuters were treated for cuts"


def write_odd_inputs(folder: Path) -> dict[str, str]:
    """Write them; return each file's name with a phrase that its extracted text must hold."""
    folder.mkdir(parents=True)
    written = {}
    for name, data, phrase in _odd_inputs():
        (folder / name).write_bytes(data)
        written[name] = phrase
    return written


def _odd_inputs() -> Iterator[tuple[str, bytes, str]]:
    good = good_inputs()
    for name, extensions in _MISNAMED.items():
        for extension in extensions.split():
            yield f"{name.replace('.', '-')}.{extension}", good[name].data, good[name].phrase
    data = make_zip({"a.txt": _NEWS})
    entry, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    harmless = {
        "more-members-than-there.zip": patch(data, end + 8, b"\xe8\x03\xe8\x03"),
        "size-too-large.zip": patch(data, entry + 24, b"\0\x10\0\0"),
        "second-disk.zip": patch(data, end + 4, b"\x05\0\x05\0"),
        "comment-longer-than-file.zip": patch(data, end + 20, b"\xff\xff"),
        "reserved-flags.txt.gz": patch(make_gzip(_NEWS.encode()), 3, b"\xe0"),
        "two-marks.txt": "\ufeff\ufeff".encode() + _NEWS.encode(),
        "no-line-end.txt": _NEWS.encode(),
        "old-mac-lines.txt": _NEWS.replace(". ", ".\r").encode(),
        "utf-16.html": make_html("Ferrol", [_NEWS]).decode().replace("utf-8", "utf-16").encode("utf-16"),
        "no-end-tags.html": f"<html><body><h1>Ferrol</h1><p>{_NEWS}<p>{_NEWS}".encode(),
        "mixed-line-ends.csv": f'id,text\r"1","{_NEWS}"\n'.replace("\r", "\r\n").encode(),
        "no-last-line-end.jsonl": f'{{"text": "{_NEWS}"}}'.encode(),
    }
    # What is inside an archive begins soon behind its own first bytes, and must not be taken for all of it.
    for number, name in enumerate(("printed.pdf", "page.html", "cells.parquet", "wire-nitf.xml", "river.tar"), start=1):
        inside = {f"{number}-{name}": good[name].data, "last.txt": _NEWS.encode()}
        harmless[f"{name.replace('.', '-')}-first.tar"] = make_tar(inside)
        harmless[f"{name.replace('.', '-')}-first-stored.zip"] = make_zip(dict(inside), method=zipfile.ZIP_STORED)
    for name, data in harmless.items():
        yield name, data, _PHRASE
