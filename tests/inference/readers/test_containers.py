"""Archives: whole, nested, damaged and hostile ones, and what of them is kept."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
import zstandard
from eventroles.inference.documents import Document, Failure, Limits, ReadOptions, Source, Started
from eventroles.inference.reading.door import read_source
from eventroles.labels.errors import DataError

NEWS = "Gunmen fired on a bus near the dam. Two passengers were hurt."


def read(path: Path, data: bytes | None = None, *, avoid: tuple[str, ...] = (), **limits) -> list:
    """Return what a file gives, without the notes of what is begun."""
    return [item for item in read_all(path, data, avoid=avoid, **limits) if not isinstance(item, Started)]


def read_all(path: Path, data: bytes | None = None, *, avoid: tuple[str, ...] = (), **limits) -> list:
    if data is not None:
        path.write_bytes(data)
    options = ReadOptions(limits=Limits(**limits), avoid=frozenset(avoid))
    return list(read_source(Source(path, path.name), options=options))


def texts(items: list) -> list[tuple[str, str]]:
    return [(item.id, item.text) for item in items if isinstance(item, Document)]


def failed(items: list) -> list[tuple[str, str]]:
    return [(item.document, item.stage) for item in items if isinstance(item, Failure)]


def make_zip(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, data)
    return stream.getvalue()


def make_tar(*members: tuple[str, bytes] | tarfile.TarInfo, format: int = tarfile.PAX_FORMAT) -> bytes:  # noqa: A002
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format, errors="surrogateescape") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return stream.getvalue()


def link(name: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


ROWS = b'{"text": "Shells fell."}\n{"text": "Talks go on."}\n'
MEMBERS = (("2024/b.txt", NEWS.encode()), ("a.jsonl", ROWS), ("2024/c.md", b"Aid arrived."))
READ = [
    ("{}/2024/b.txt", NEWS),
    ("{}/a.jsonl:1", "Shells fell."),
    ("{}/a.jsonl:2", "Talks go on."),
    ("{}/2024/c.md", "Aid arrived."),
]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("n.zip", make_zip(*MEMBERS)),
        ("stored.zip", make_zip(*MEMBERS, method=zipfile.ZIP_STORED)),
        ("n.tar", make_tar(*MEMBERS)),
        ("old.tar", make_tar(*MEMBERS, format=tarfile.GNU_FORMAT)),
        ("n.tar.gz", gzip.compress(make_tar(*MEMBERS))),
        ("n.tgz", gzip.compress(make_tar(*MEMBERS))),
        ("n.tar.zst", zstandard.compress(make_tar(*MEMBERS))),
        ("nameless.gz", gzip.compress(make_tar(*MEMBERS))),
    ],
)
def test_members_are_read_in_the_order_of_the_archive_and_called_by_their_path(tmp_path, name, data):
    items = read(tmp_path / name, data)
    assert [(where.format(name), text) for where, text in READ] == texts(items)
    assert [] == failed(items)
    assert {name} == {item.source for item in items}


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_file_is_called_by_its_own_name_and_read_as_what_it_holds(tmp_path, pack):
    ending = "gz" if pack is gzip.compress else "zst"
    assert [(f"n.txt.{ending}", NEWS)] == texts(read(tmp_path / f"n.txt.{ending}", pack(NEWS.encode())))
    rows = texts(read(tmp_path / f"n.jsonl.{ending}", pack(ROWS)))
    assert [(f"n.jsonl.{ending}:1", "Shells fell."), (f"n.jsonl.{ending}:2", "Talks go on.")] == rows
    (failure,) = failed(read(tmp_path / f"photo.png.{ending}", pack(b"\x89PNG\r\n\x1a\n")))
    assert (f"photo.png.{ending}", "read") == failure


def test_several_frames_of_zstandard_are_one_file(tmp_path):
    packed = zstandard.compress(b"Shells fell. ") + zstandard.compress(b"Talks go on.")
    assert [("n.txt.zst", "Shells fell. Talks go on.")] == texts(read(tmp_path / "n.txt.zst", packed))


def test_what_is_begun_is_told_before_and_the_archive_again_after(tmp_path):
    inner = make_zip(("x.txt", b"Inside."))
    items = read_all(tmp_path / "n.zip", make_zip(("a.txt", b"One."), ("b.zip", inner)))
    told = [item.document if isinstance(item, Started) else "-" for item in items]
    assert ["n.zip/a.txt", "-", "n.zip", "n.zip/b.zip", "n.zip/b.zip/x.txt", "-", "n.zip/b.zip", "n.zip"] == told


def test_what_would_be_passed_over_in_a_folder_is_passed_over(tmp_path):
    names = ("a.txt", ".hidden.txt", ".git/b.txt", "__MACOSX/c.txt", "d.exe", "Makefile", "._a.txt", "sub/")
    for data in (make_zip(*((name, b"Text.") for name in names)), make_tar(*((name, b"Text.") for name in names))):
        items = read(tmp_path / "n.bin", data)
        assert ([("n.bin/a.txt", "Text.")], []) == (texts(items), failed(items))


def test_archives_are_read_three_deep_and_no_deeper(tmp_path):
    data = make_zip(("deep.txt", b"Deep."))
    for depth in range(3):
        data = make_zip((f"{depth}.zip", data), (f"{depth}.txt", f"Level {depth}.".encode()))
    items = read(tmp_path / "n.zip", data)
    assert [("n.zip/2.zip/1.zip/0.zip", "unpack")] == failed(items)
    assert ["Level 0.", "Level 1.", "Level 2."] == [text for _, text in texts(items)]


@pytest.mark.parametrize(
    "name",
    ["../up.txt", "/etc/up.txt", "a/../../up.txt", "C:/up.txt", "a\\..\\up.txt", "..\\up.txt", "line\nbreak.txt"],
)
def test_names_that_lead_out_of_the_archive_are_failures_and_nothing_is_written(tmp_path, name):
    folder = tmp_path / "in"
    folder.mkdir()
    for data in (make_zip((name, b"Bad."), ("a.txt", b"Good.")), make_tar((name, b"Bad."), ("a.txt", b"Good."))):
        items = read(folder / "n.bin", data)
        assert [("n.bin/a.txt", "Good.")] == texts(items)
        ((where, stage),) = failed(items)
        assert ("unpack", False) == (stage, "\n" in where)
    assert ["in"] == [path.name for path in tmp_path.iterdir()]
    assert ["n.bin"] == [path.name for path in folder.iterdir()]


def test_links_and_devices_are_failures(tmp_path):
    kinds = {"l.txt": tarfile.SYMTYPE, "h.txt": tarfile.LNKTYPE, "f.txt": tarfile.FIFOTYPE, "d.txt": tarfile.CHRTYPE}
    members = [link(name, kind) for name, kind in kinds.items()]
    items = read(tmp_path / "n.tar", make_tar(*members, ("a.txt", b"Good.")))
    assert [(f"n.tar/{name}", "unpack") for name in kinds] == failed(items)
    assert [("n.tar/a.txt", "Good.")] == texts(items)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("l.txt")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert [("n.zip/l.txt", "unpack")] == failed(read(tmp_path / "n.zip", stream.getvalue()))


def test_a_member_with_a_password_is_a_failure_that_says_so(tmp_path):
    data = bytearray(make_zip(("a.txt", b"Secret."), ("b.txt", b"Open.")))
    data[6] |= 1  # the flag of the first member, here and in the directory
    data[data.index(b"PK\1\2") + 8] |= 1
    items = read(tmp_path / "n.zip", bytes(data))
    assert [("n.zip/a.txt", "unpack")] == failed(items)
    assert "password-protected" in items[0].reason
    assert [("n.zip/b.txt", "Open.")] == texts(items)


def test_a_member_larger_than_it_may_be_is_a_failure_and_the_others_are_kept(tmp_path):
    members = (("big.txt", b"x" * 2_000_000), ("rows.jsonl", ROWS * 20_000), ("a.txt", b"Small."))
    for data in (make_zip(*members), gzip.compress(make_tar(*members))):
        items = read(tmp_path / "n.bin", data, document_bytes=1 << 20)
        assert [("n.bin/big.txt", "unpack")] == failed(items)
        assert "larger than 1 MiB" in items[0].reason
        assert 40_001 == len(texts(items))


def test_an_archive_that_grows_too_much_is_given_up_and_members_before_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("eventroles.inference.readers.unpacking._FREE", 1 << 20)
    bomb = make_zip(*((f"{number}.jsonl", b" " * 900_000) for number in range(5)))
    data = make_zip(("a.txt", b"Before."), ("bomb.zip", bomb), ("z.txt", b"After."))
    items = read(tmp_path / "n.zip", data, expansion=1)
    assert [("n.zip/a.txt", "Before.")] == texts(items)
    assert [("n.zip/bomb.zip/0.jsonl", "read"), ("n.zip", "unpack")] == failed(items)  # one is blank, two are too much
    assert "grows to more than" in items[-1].reason
    packed = gzip.compress(make_tar(("a.txt", b"Before."), ("b.jsonl", b" " * 3_000_000)))
    items = read(tmp_path / "n.tgz", packed, expansion=1)
    assert ([("n.tgz/a.txt", "Before.")], [("n.tgz", "unpack")]) == (texts(items), failed(items))


def test_members_are_counted_over_all_archives(tmp_path):
    inner = make_zip(*((f"{number}.txt", b"Text.") for number in range(4)))
    items = read(tmp_path / "n.zip", make_zip(("a.zip", inner), ("b.zip", inner)), members=8)
    assert (4, [("n.zip", "unpack")]) == (len(texts(items)), failed(items))
    assert "more than 8 members" in items[-1].reason
    assert [] == failed(read(tmp_path / "m.zip", make_zip(("a.zip", inner), ("b.zip", inner)), members=10))
    items = read(tmp_path / "o.zip", inner, members=3)  # its own word is enough
    assert ([], [("o.zip", "unpack")]) == (texts(items), failed(items))


@pytest.mark.parametrize("pack", [make_zip, make_tar])
def test_an_archive_that_begins_with_a_pdf_is_an_archive(tmp_path, pack):
    data = pack(("a.pdf", b"%PDF-1.7 damaged"), ("b.txt", b"After."))
    items = read(tmp_path / ("n.zip" if pack is make_zip else "n.tar"), data)
    assert (["After."], 1) == ([text for _, text in texts(items)], len(failed(items)))


def test_the_checksum_behind_the_end_of_a_packed_tar_is_looked_at(tmp_path):
    data = bytearray(gzip.compress(make_tar(("a.txt", b"Before."))))
    data[-8] ^= 0xFF
    items = read(tmp_path / "n.tar.gz", bytes(data))
    assert (["Before."], [("n.tar.gz", "unpack")]) == ([text for _, text in texts(items)], failed(items))


@pytest.mark.parametrize("members", [(), (("a.png", b"x"),), ((".hidden.txt", b"Rain."),)])
def test_an_archive_without_a_text_is_refused(tmp_path, members):
    with pytest.raises(DataError, match="holds no document"):
        read(tmp_path / "n.zip", make_zip(*members))


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tar.zst"])
def test_a_cut_archive_is_a_failure_and_the_members_before_the_cut_are_kept(tmp_path, ending):
    noise = "".join(f"Report {number * 7919 % 104729} came in. " for number in range(20_000)).encode()
    members = (("a.txt", b"Before."), ("b.txt", noise), ("c.txt", b"After."))
    data = make_zip(*members) if ending == "zip" else make_tar(*members)
    data = gzip.compress(data) if ending == "tar.gz" else data
    data = zstandard.compress(data) if ending == "tar.zst" else data
    items = read(tmp_path / f"n.{ending}", data[: len(data) // 2])
    kept = [] if ending == "zip" else [(f"n.{ending}/a.txt", "Before.")]  # its list of members is at its end
    assert kept == texts(items)
    assert {"unpack"} == {stage for _, stage in failed(items)}
    assert f"n.{ending}" in [name for name, _ in failed(items)]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("cut", [9, 30, -3])
def test_a_cut_packed_file_is_a_failure_never_a_shorter_text(tmp_path, pack, cut):
    noise = "".join(f"Report {number * 7919 % 104729} came in. " for number in range(2_000)).encode()
    items = read(tmp_path / "n.txt.gz", pack(noise)[:cut])
    assert ([], [("n.txt.gz", "unpack")]) == (texts(items), failed(items))


def test_one_damaged_member_of_a_zip_costs_only_itself(tmp_path):
    data = make_zip(("a.txt", b"Alpha text."), ("b.txt", b"Bravo text."), method=zipfile.ZIP_STORED)
    items = read(tmp_path / "n.zip", data.replace(b"Alpha text.", b"Alphb text."))
    assert [("n.zip/b.txt", "Bravo text.")] == texts(items)
    assert [("n.zip/a.txt", "unpack")] == failed(items)
    assert "damaged; get a whole copy (BadZipFile: Bad CRC-32" in items[0].reason


def test_a_damaged_header_in_a_tar_is_no_silent_end(tmp_path):
    data = bytearray(make_tar(("a.txt", b"One."), ("b.txt", b"Two.")))
    data[1024 + 100] ^= 0xFF
    items = read(tmp_path / "n.tar", bytes(data))
    assert ([("n.tar/a.txt", "One.")], [("n.tar", "unpack")]) == (texts(items), failed(items))
    items = read(tmp_path / "m.tar", make_tar(("a.txt", b"One."))[:1024])  # without its end mark
    assert ([("m.tar/a.txt", "One.")], [("m.tar", "unpack")]) == (texts(items), failed(items))


def test_an_unreadable_member_is_a_failure_with_its_reason(tmp_path):
    members = (("a.txt", b"\0\0\0"), ("empty.txt", b""), ("b.pdf", b"no PDF at all"), ("c.txt", b"Good."))
    items = read(tmp_path / "n.zip", make_zip(*members))
    assert [("n.zip/a.txt", "read"), ("n.zip/empty.txt", "read"), ("n.zip/b.pdf", "read")] == failed(items)
    assert [("n.zip/c.txt", "Good.")] == texts(items)
    assert not any(tempfile.gettempdir() in item.reason for item in items if isinstance(item, Failure))


def test_a_member_to_avoid_is_not_touched(tmp_path):
    inner = make_zip(("x.txt", b"Inside."))
    data = make_zip(("a.txt", b"One."), ("b.txt", b"Two."), ("c.zip", inner))
    items = read_all(tmp_path / "n.zip", data, avoid=("n.zip/b.txt", "n.zip/c.zip/x.txt"))
    assert [("n.zip/a.txt", "One.")] == texts(items)
    assert [("n.zip/b.txt", "read"), ("n.zip/c.zip/x.txt", "read")] == failed(items)
    assert Started("n.zip/b.txt") not in items


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_get_two_ids(tmp_path):
    members = (("a.txt", b"First."), ("a.txt", b"Second."), ("./b.txt", b"Third."), ("b.txt", b"Fourth."))
    expected = [("a.txt", "First."), ("a.txt#2", "Second."), ("b.txt", "Third."), ("b.txt#2", "Fourth.")]
    for data in (make_zip(*members), make_tar(*members)):
        assert [(f"n.bin/{name}", text) for name, text in expected] == texts(read(tmp_path / "n.bin", data))


def test_names_that_are_not_utf8_are_read_as_what_they_may_be(tmp_path):
    data = make_zip(("nouv\u00e9.txt", b"One."))
    flag = struct.unpack_from("<H", data, 6)[0]
    assert flag & 0x800
    unmarked = bytearray(data)
    unmarked[7] &= ~0x08  # UTF-8 without the flag that says so
    unmarked[data.index(b"PK\1\2") + 9] &= ~0x08
    assert [("n.zip/nouv\u00e9.txt", "One.")] == texts(read(tmp_path / "n.zip", bytes(unmarked)))
    tar = make_tar(("nouv\udce9.txt", b"One."), format=tarfile.GNU_FORMAT)
    assert [("n.tar/nouv\u00e9.txt", "One.")] == texts(read(tmp_path / "n.tar", tar))
    broken = data.replace("nouv\u00e9".encode(), b"nouv\xff\xfe")
    ((where, _),) = failed(read(tmp_path / "m.zip", broken))
    assert "m.zip" == where


def test_nothing_is_left_behind_even_if_reading_is_broken_off(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    data = make_zip(("a.jsonl", ROWS), ("b.zip", make_zip(("x.jsonl", ROWS))))
    (tmp_path / "n.zip").write_bytes(data)
    items = read_source(Source(tmp_path / "n.zip", "n.zip"), options=ReadOptions())
    while not isinstance(item := next(items), Document) or "b.zip" not in item.id:
        assert list(folder.iterdir())
    items.close()
    assert [] == list(folder.iterdir())


def test_a_sparse_member_counts_as_what_it_grows_to(tmp_path, monkeypatch):
    monkeypatch.setattr("eventroles.inference.readers.unpacking._FREE", 1 << 20)
    info = tarfile.TarInfo("holes.jsonl")
    info.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(1 << 40), "GNU.sparse.name": "holes.jsonl"}
    info.size = 1
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(info, io.BytesIO(b"x"))
    items = read(tmp_path / "n.tar", stream.getvalue())
    assert ([], [("n.tar", "unpack")]) == (texts(items), failed(items))
