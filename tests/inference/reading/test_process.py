"""Reading in another process: what comes back, and what a crash, a hang or a hunger for memory costs."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import logging
import math
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from eventroles.inference.documents import Document, Failure, Limits, ReadOptions, Source, SourceRead, TableColumns
from eventroles.inference.reading.door import read_source
from eventroles.inference.reading.process import ReaderProcess
from eventroles.labels.errors import EventRolesError

NEWS = "Gunmen fired on a bus near the dam. Two passengers were hurt."
ROWS = 3000  # of a table that is too long to be read ahead as a whole
LONG = "Shells fell near the old mill, a witness said. " * 40

posix = pytest.mark.skipif(os.name != "posix", reason="signals")


def read_with(options: ReadOptions, *paths: Path, skip: int = 0) -> list:
    with ReaderProcess(options) as reader:
        return list(reader.read_all((Source(path, path.name), skip) for path in paths))


def name_of(item: Document | Failure | SourceRead) -> str:
    if isinstance(item, SourceRead):
        return f"end of {item.source.id}"
    return item.id if isinstance(item, Document) else f"failed {item.document}"


def names(items: list) -> list[str]:
    return [name_of(item) for item in items]


def table(rows: int = ROWS) -> bytes:
    return b"".join(json.dumps({"text": f"{number} {LONG}"}).encode() + b"\n" for number in range(rows))


def make_zip(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "a.txt").write_text(NEWS, encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(
        '{"id": "x", "text": "Cut \\ud83d"}\n{"text": "R\u00e4umung.", "n": 1}\n', "utf-8"
    )
    (tmp_path / "c.txt").write_bytes(b"\0\0")
    make_zip(tmp_path / "d.zip", a_txt=b"Inside.", empty_txt=b"", b_jsonl=b'{"text": "Row."}\n')
    return tmp_path


def test_items_are_those_of_the_door_and_every_file_has_its_end(folder):
    paths = sorted(folder.iterdir())
    expected: list[object] = []
    for path in paths[:2] + paths[3:]:
        items = read_source(Source(path, path.name), options=ReadOptions())
        expected.append([item for item in items if isinstance(item, (Document, Failure))])
    found = read_with(ReadOptions(), *paths)
    ends = [item for item in found if isinstance(item, SourceRead)]
    assert [1, 2, 1, 3] == [end.items for end in ends]
    for path, end in zip(paths, ends, strict=True):
        status = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert SourceRead(Source(path, path.name), status.st_size, status.st_mtime_ns, digest, end.items) == end
    assert found[0:1] == expected[0]
    assert found[2:4] == expected[1]
    assert found[7:10] == expected[2]
    assert ("c.txt", "c.txt", "holds NUL") == (found[5].document, found[5].source, found[5].reason[:9])


def test_a_file_that_cannot_be_opened_is_a_failure_and_an_end_without_digest(tmp_path):
    failure, end = read_with(ReadOptions(), tmp_path / "gone.txt")
    assert "cannot be read: No such file or directory" in failure.reason
    assert (0, 0, "", 1) == (end.size, end.modified_ns, end.sha256, end.items)
    assert str(tmp_path) not in failure.reason


def test_a_name_that_is_no_utf8_survives_the_way_there_and_back(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    try:
        path.write_text(NEWS, encoding="utf-8")
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    with ReaderProcess(ReadOptions()) as reader:
        document, end = reader.read(Source(path, "line\nbreak \u2028.txt"))
    assert ("line\nbreak \u2028.txt", NEWS) == (document.id, document.text)
    assert path == end.source.path


def test_a_remote_file_is_fetched_and_its_own_address_and_time_are_given_back(folder):
    path = folder / "d.zip"
    there = Source(Path("d.zip"), "far/d.zip", f"file://{path}", size=1, modified_ns=7)
    gone = Source(Path("gone.txt"), "far/gone.txt", f"file://{folder}/gone.txt")
    odd = Source(Path("c.txt"), "far/c.txt", f"file://{folder}/c.txt")
    with ReaderProcess(ReadOptions()) as reader:
        found = list(reader.read_all((source, 0) for source in (there, gone, odd)))
    items = ["far/d.zip/a.txt", "failed far/d.zip/empty.txt", "far/d.zip/b.jsonl:1", "end of far/d.zip"]
    items += ["failed far/gone.txt", "end of far/gone.txt", "failed far/c.txt", "end of far/c.txt"]
    assert items == names(found)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert SourceRead(there, path.stat().st_size, 7, digest, 3) == found[3]
    assert found[4].reason.startswith("cannot be fetched (not found); check")
    assert ("", "holds NUL bytes") == (found[5].sha256, found[6].reason[:15])


@pytest.mark.parametrize("skip", range(6))
def test_skipped_items_are_left_out_but_counted(folder, skip):
    everything = read_with(ReadOptions(), folder / "d.zip")
    assert everything[min(skip, 3) :] == read_with(ReadOptions(), folder / "d.zip", skip=skip)


def test_options_reach_the_readers(tmp_path):
    (tmp_path / "a.csv").write_text("name,body\nx,Shells fell.\n", encoding="utf-8")
    document, _ = read_with(ReadOptions(TableColumns(text="body", id="name")), tmp_path / "a.csv")
    assert ("x", "Shells fell.") == (document.id, document.text)


def test_guesses_of_encodings_are_logged_here(tmp_path, caplog):
    (tmp_path / "old.txt").write_bytes("Le préfet a condamné l’attaque à Orléans.".encode("cp1252"))
    with caplog.at_level(logging.WARNING):
        read_with(ReadOptions(), tmp_path / "old.txt")
    (record,) = caplog.records
    assert "eventroles.inference.readers.text" == record.name
    assert "old.txt: not UTF-8; read as cp1252, a guess. Save it as UTF-8 to be sure" == record.getMessage()


def test_time_without_end_may_be_given(tmp_path):
    (tmp_path / "a.txt").write_text(NEWS, encoding="utf-8")
    found = read_with(ReadOptions(limits=Limits(seconds=math.inf)), tmp_path / "a.txt")
    assert ["a.txt", "end of a.txt"] == names(found)


def test_a_process_that_has_grown_too_large_is_replaced_and_nothing_is_lost(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text(NEWS, encoding="utf-8")
    started: list[object] = []
    start = ReaderProcess._start
    monkeypatch.setattr(ReaderProcess, "_start", lambda reader: started.append(None) or start(reader))
    sources = [(Source(tmp_path / "a.txt", f"{number}.txt"), 0) for number in range(200)]
    with ReaderProcess(ReadOptions(limits=Limits(memory_bytes=36 << 20))) as reader:
        found = names(list(reader.read_all(sources)))
    assert [name for number in range(200) for name in (f"{number}.txt", f"end of {number}.txt")] == found
    assert (sys.platform != "linux") or 3 <= len(started) <= 4


def test_a_process_that_cannot_start_is_an_error_and_no_endless_loop(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(EventRolesError, match="did not start"), ReaderProcess(ReadOptions()) as reader:
        list(reader.read(Source(tmp_path / "a.txt", "a.txt")))
    assert "Error" in capfd.readouterr().err


def test_files_are_asked_for_a_few_ahead_and_not_all(tmp_path):
    asked: list[int] = []
    (tmp_path / "a.txt").write_text(NEWS, encoding="utf-8")

    def sources():
        for number in range(200):
            asked.append(number)
            yield Source(tmp_path / "a.txt", f"{number}.txt"), 0

    with ReaderProcess(ReadOptions()) as reader, closing(reader.read_all(sources())) as items:
        first = next(items)
        assert ("0.txt", True) == (first.id, 1 < len(asked) < 50)
        assert 399 == len(list(items))


@posix
def test_a_crash_in_a_table_costs_what_comes_after_it_and_the_next_file_is_read(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(table())
    (tmp_path / "b.txt").write_text(NEWS, encoding="utf-8")
    with ReaderProcess(ReadOptions()) as reader:
        items = reader.read_all((Source(tmp_path / name, name), 0) for name in ("a.jsonl", "b.txt"))
        read = [next(items) for _ in range(10)]
        os.kill(reader.pid, signal.SIGSEGV)
        read += items
    found = names(read)
    rows = found.index("failed a.jsonl")
    assert 10 <= rows < ROWS
    assert [f"a.jsonl:{number + 1}" for number in range(rows)] == found[:rows]
    assert ["failed a.jsonl", "end of a.jsonl", "b.txt", "end of b.txt"] == found[rows:]
    assert "the reader crashed (signal 11)" in read[rows].reason
    assert hashlib.sha256((tmp_path / "a.jsonl").read_bytes()).hexdigest() == read[rows + 1].sha256
    assert rows + 1 == read[rows + 1].items


@posix
@pytest.mark.parametrize("skip", [0, 1, 5, 20])
def test_a_crash_in_a_member_costs_the_rest_of_that_member_only(tmp_path, skip):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("bad.jsonl", table())
        archive.writestr("last.txt", "Last.")
    path = make_zip(tmp_path / "n.zip", first_jsonl=table(3), deep_zip=inner.getvalue(), after_txt=b"After.")
    with ReaderProcess(ReadOptions()) as reader:
        items = reader.read(Source(path, "n.zip"), skip=skip)
        read = [next(items) for _ in range(10)]
        os.kill(reader.pid, signal.SIGSEGV)
        read += items
    found = names(read)
    rows = found.index("failed n.zip/deep.zip/bad.jsonl") + skip - 3
    expected = [f"n.zip/first.jsonl:{number + 1}" for number in range(3)]
    expected += [f"n.zip/deep.zip/bad.jsonl:{number + 1}" for number in range(rows)]
    expected += ["failed n.zip/deep.zip/bad.jsonl", "n.zip/deep.zip/last.txt", "n.zip/after.txt"]
    assert [*expected[skip:], "end of n.zip"] == found
    assert len(expected) == read[-1].items
    assert 0 < rows < ROWS
    assert {"n.zip"} == {item.source for item in read[:-1]}


@posix
def test_two_crashes_in_one_archive_cost_two_members(tmp_path):
    path = make_zip(tmp_path / "n.zip", a_jsonl=table(), b_txt=b"Between.", c_jsonl=table(), d_txt=b"End.")
    found: list[str] = []
    killed: set[int | None] = set()
    with ReaderProcess(ReadOptions()) as reader:
        for item in reader.read(Source(path, "n.zip")):
            found.append(name_of(item))
            if found[-1] in ("n.zip/a.jsonl:7", "n.zip/c.jsonl:7"):
                assert reader.pid not in killed
                killed.add(reader.pid)
                os.kill(reader.pid, signal.SIGSEGV)
    lost = [name for name in found if name.startswith("failed")]
    assert ["failed n.zip/a.jsonl", "failed n.zip/c.jsonl"] == lost
    assert ["n.zip/d.txt", "end of n.zip"] == found[-2:]
    assert len(found) == len(set(found))


@posix
def test_a_reader_that_stands_still_is_ended_after_the_time_it_has(tmp_path):
    path = make_zip(tmp_path / "n.zip", a_jsonl=table(), b_txt=b"After.")
    with ReaderProcess(ReadOptions(limits=Limits(seconds=1.0))) as reader:
        items = reader.read(Source(path, "n.zip"))
        read = [next(items) for _ in range(10)]
        os.kill(reader.pid, signal.SIGSTOP)
        read += items
    assert ["failed n.zip/a.jsonl", "n.zip/b.txt", "end of n.zip"] == names(read)[-3:]
    assert "took longer than 1 s" in read[-3].reason


def test_a_caller_that_takes_its_time_is_no_timeout(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(table())
    with ReaderProcess(ReadOptions(limits=Limits(seconds=1.0))) as reader:
        items = reader.read(Source(tmp_path / "a.jsonl", "a.jsonl"))
        read = [next(items)]
        time.sleep(2.5)
        read += items
    assert (ROWS + 1, ROWS) == (len(read), read[-1].items)


def test_unpacking_that_takes_longer_than_a_document_may_is_no_timeout(tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in (("a.txt", b"Before."), ("film.bin", b""), ("b.txt", b"After.")):
            info = tarfile.TarInfo(name)
            info.size = len(data) or 1000 << 20  # what is passed over has to be unpacked too
            archive.addfile(info, io.BytesIO(data) if data else None)
    head, tail = stream.getvalue()[:1536], stream.getvalue()[1536:]
    megabyte = gzip.compress(bytes(1 << 20), 1)
    (tmp_path / "n.tgz").write_bytes(gzip.compress(head) + megabyte * 1000 + gzip.compress(tail))
    read = read_with(ReadOptions(limits=Limits(seconds=1.2)), tmp_path / "n.tgz")
    assert ["n.tgz/a.txt", "n.tgz/b.txt", "end of n.tgz"] == names(read)


@pytest.mark.skipif(sys.platform != "linux", reason="progress is seen on Linux")
def test_a_table_that_takes_long_to_its_first_row_is_no_timeout(tmp_path):
    (tmp_path / "n.jsonl").write_bytes(b"\n" * (8 << 20) + b'{"text": "At last."}\n')
    limits = Limits(seconds=1.5, document_bytes=1 << 20)
    assert ["n.jsonl:1", "end of n.jsonl"] == names(read_with(ReadOptions(limits=limits), tmp_path / "n.jsonl"))


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
def test_a_document_that_needs_too_much_memory_costs_only_itself(tmp_path):
    text = ("Раненых отвезли в город. " * 2_000_000).encode()[: 60 << 20]
    path = make_zip(tmp_path / "n.zip", a_txt=b"Before.", big_txt=text[: len(text) // 2 * 2], c_txt=b"After.")
    read = read_with(ReadOptions(limits=Limits(memory_bytes=160 << 20)), path)
    assert ["n.zip/a.txt", "failed n.zip/big.txt", "n.zip/c.txt", "end of n.zip"] == names(read)
    assert "needed more than 0.2 GB of memory" in read[1].reason


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
def test_a_document_that_fits_but_cannot_be_handed_over_costs_only_itself(tmp_path):
    text = ("Раненых отвезли в город. " * 700_000).encode()
    (tmp_path / "a.txt").write_bytes(text)
    (tmp_path / "b.txt").write_text(NEWS, encoding="utf-8")
    options = ReadOptions(limits=Limits(memory_bytes=190 << 20))
    read = read_with(options, tmp_path / "a.txt", tmp_path / "b.txt")
    assert ["failed a.txt", "end of a.txt", "b.txt", "end of b.txt"] == names(read)
    assert "needed more than 0.2 GB of memory" in read[0].reason


@posix
def test_ctrl_c_does_not_reach_the_process(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(table())
    with ReaderProcess(ReadOptions()) as reader:
        items = reader.read(Source(tmp_path / "a.jsonl", "a.jsonl"))
        next(items)
        assert os.getpgid(reader.pid) != os.getpgid(0)
        os.kill(reader.pid, signal.SIGINT)
        assert ROWS == len(list(items))


@posix
def test_a_process_that_dies_between_files_costs_none(tmp_path):
    (tmp_path / "a.txt").write_text(NEWS, encoding="utf-8")
    with ReaderProcess(ReadOptions()) as reader:
        for number in range(3):
            found = names(list(reader.read(Source(tmp_path / "a.txt", f"{number}.txt"))))
            assert [f"{number}.txt", f"end of {number}.txt"] == found
            os.kill(reader.pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"


def test_closing_ends_the_process_and_removes_its_folder(tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    path = make_zip(tmp_path / "n.zip", a_jsonl=table())
    with ReaderProcess(ReadOptions()) as reader:
        assert reader.pid is None
        items = reader.read(Source(path, "n.zip"))
        next(items)
        pid = reader.pid
        assert list(temporary.rglob("*.jsonl"))
    assert ([], None) == (list(temporary.iterdir()), reader.pid)
    assert os.name != "posix" or not is_running(pid)


@posix
def test_the_process_ends_with_a_parent_that_is_killed(tmp_path):
    path = make_zip(tmp_path / "n.zip", a_jsonl=table())
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from eventroles.inference.documents import ReadOptions, Source\n"
        "from eventroles.inference.reading.process import ReaderProcess\n"
        "reader = ReaderProcess(ReadOptions())\n"
        "items = reader.read(Source(Path(sys.argv[1]), 'n.zip'))\n"
        "next(items)\n"
        "print(reader.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_running(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 20
    while (is_running(pid) or list(temporary.iterdir())) and time.monotonic() < until:
        time.sleep(0.05)
    assert (False, []) == (is_running(pid), list(temporary.iterdir()))


def test_a_script_without_a_main_guard_works_beside_files_named_like_modules(tmp_path):
    (tmp_path / "a.txt").write_text(NEWS, encoding="utf-8")
    (tmp_path / "csv.py").write_text("raise SystemExit('the wrong csv')\n", encoding="utf-8")
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')\n", encoding="utf-8")
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "script.py").write_text(
        "from pathlib import Path\n"
        "from eventroles.inference.documents import ReadOptions, Source\n"
        "from eventroles.inference.reading.process import ReaderProcess\n"
        "with ReaderProcess(ReadOptions()) as reader:\n"
        "    print(*[type(item).__name__ for item in reader.read(Source(Path('a.txt'), 'a.txt'))])\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(scripts / "script.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ("Document SourceRead\n", "") == (done.stdout, done.stderr)


def test_reading_a_text_loads_no_library_of_another_format():
    code = (
        "import sys, tempfile, pathlib\n"
        "import eventroles.inference.reading.service\n"
        "from eventroles.inference.documents import ReadOptions, Source\n"
        "from eventroles.inference.reading.door import read_source\n"
        "path = pathlib.Path(tempfile.mkdtemp()) / 'a.txt'\n"
        "path.write_text('Shells fell.')\n"
        "list(read_source(Source(path, 'a.txt'), options=ReadOptions()))\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    for name in (
        "pypdfium2",
        "lxml",
        "docx",
        "pyarrow",
        "numpy",
        "trafilatura",
        "email",
        "charset_normalizer",
        "torch",
    ):
        assert name not in loaded
