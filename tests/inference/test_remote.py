"""Inputs and single outputs at addresses: a store in memory, and a web server on loopback."""

from __future__ import annotations

import gzip
import json
import threading
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from eventroles.inference.documents import Document, Failure, Limits, ReadOptions, SourceRead
from eventroles.inference.options import RunOptions
from eventroles.inference.outcome import Origin
from eventroles.inference.reading.process import ReaderProcess
from eventroles.inference.reading.sources import check_inputs, find_sources
from eventroles.inference.results import TaggedDocument, TaggedSentence
from eventroles.inference.run import check_request, run
from eventroles.labels.errors import ConfigError, DataError

NEWS = "Gunmen fired on a bus near the dam. Two passengers were hurt."
LIMITS = Limits()
ORIGIN = Origin(("attack",), "m", "r1", "a stand-in", "fp32")


def tag(items: Iterable[object], *, cache: bool, skip_boilerplate: bool) -> Iterator[object]:
    for item in items:
        if isinstance(item, Document):
            sentence = TaggedSentence(0, 0, len(item.text), item.text, (), {"attack": 0.0})
            yield TaggedDocument(item, (sentence,))
        else:
            yield item


def ids(*inputs: str | Path, **options) -> list[str]:
    return [source.id for source in find_sources(inputs, **options).sources]


def read(*inputs: str | Path, limits: Limits = LIMITS) -> list[Document | Failure]:
    with ReaderProcess(ReadOptions(limits=limits)) as reader:
        items = list(reader.read_all((source, 0) for source in find_sources(inputs).sources))
    return [item for item in items if not isinstance(item, SourceRead)]


class Web(SimpleHTTPRequestHandler):
    """Serves a folder; with bad manners, where the name says so."""

    def do_GET(self) -> None:
        if "slow" in self.path:
            self.send_response(200)
            self.send_header("Content-Length", "40")
            self.end_headers()
            for _ in range(40):
                time.sleep(0.05)
                self.wfile.write(b"x")
                self.wfile.flush()
        elif "broken" in self.path:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"the beginning")
        elif "hung" in self.path:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.flush()
            time.sleep(4)
        elif "private" in self.path:
            self.send_error(403)
        elif "loop" in self.path and self.path.endswith("/"):
            page = b'<a href="./">.</a><a href="../">..</a><a href="?C=N">Name</a><a href="/elsewhere.txt">no</a>'
            page += b'<a href="%2e%2e/out.txt">no</a><a href="a.txt">a</a><a href="/loop/x/">x</a><a href="https://example.org/b.txt">no</a>'
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path) -> Iterator[tuple[str, Path]]:
    """A web server and the folder that it serves."""
    folder = tmp_path / "www"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: Web(*args, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
    thread.join()


def fill(store, *names: str) -> None:
    for name in names:
        store.pipe_file(name, NEWS.encode())


def test_a_folder_at_an_address_is_searched_to_the_bottom_without_hidden_entries(store):
    fill(store, "/in/b.txt", "/in/a/z.md", "/in/a.jsonl", "/in/.git/log.txt", "/in/.draft.txt", "/in/photo.png")
    found = find_sources(["memory://in"])
    sources = list(found.sources)
    assert ["a/z.md", "a.jsonl", "b.txt"] == [source.id for source in sources]
    assert {".png": 1} == found.passed_over
    assert all(source.size == len(NEWS) and source.modified_ns > 0 for source in sources)
    assert read("memory://in")[0].text == NEWS


def test_globs_work_at_addresses_as_they_do_in_folders(store):
    fill(store, "/in/a.txt", "/in/deep/b.txt", "/in/deep/c.md")
    assert ["a.txt", "deep/b.txt"] == sorted(ids("memory://in", glob="*.txt"))
    assert ["deep/b.txt"] == ids("memory://in", glob="deep/*.txt")
    assert ["deep/b.txt", "deep/c.md"] == ids("memory://in/deep*/*")
    assert ["b.txt", "c.md"] == ids("memory://in/deep/*")


def test_a_single_file_is_taken_whatever_it_is_called(store):
    fill(store, "/in/wire.report")
    assert ["wire.report"] == ids("memory://in/wire.report")


def test_files_of_several_inputs_are_called_by_their_whole_address(store, tmp_path):
    fill(store, "/north/a.txt", "/north/b.txt", "/south/a.txt")
    (tmp_path / "a.txt").write_text(NEWS, encoding="utf-8")
    found = ids("memory://north", "memory://south/a.txt", tmp_path, "memory://north/a.txt")
    assert ["a.txt", "memory:///north/a.txt", "memory:///north/b.txt", "memory:///south/a.txt"] == found


def test_file_addresses_are_paths(tmp_path):
    (tmp_path / "a.txt").write_text(NEWS, encoding="utf-8")
    (source,) = find_sources([f"file://{tmp_path}"]).sources
    assert ("a.txt", "", tmp_path / "a.txt") == (source.id, source.url, source.path)
    run(tag, [f"file://{tmp_path}"], output=f"file://{tmp_path}/tags", origin=ORIGIN)
    assert (tmp_path / "tags" / "rows").is_dir()


def test_addresses_where_nothing_is_are_refused_with_all_other_inputs_that_are_not_there(store, web, tmp_path):
    with pytest.raises(ConfigError, match=r"'.*/nwes', memory://gone do not exist .*; check the spelling and your"):
        check_request([tmp_path / "nwes", "memory://gone"], output="tags.jsonl", options=RunOptions())
    with pytest.raises(ConfigError, match=r"^http://127.0.0.1:\d+/gone.txt does not exist; check the spelling and"):
        check_inputs([f"{web[0]}/gone.txt"])
    with pytest.raises(DataError, match=r"^found no .* file in memory://in/\*\.txt"):
        find_sources(["memory://in/*.txt"])


def test_what_a_store_refuses_is_said_in_one_line(web):
    with pytest.raises(DataError, match=r"^http\S+/private.txt: the server answered 403; check the spelling, the netw"):
        check_inputs([f"{web[0]}/private.txt"])
    with pytest.raises(DataError, match=r"^http://127.0.0.1:9/x.txt: Client\w+: [^\n]+; check the spelling, the net"):
        check_inputs(["http://127.0.0.1:9/x.txt"])


def test_unknown_protocols_and_missing_libraries_are_named(monkeypatch):
    with pytest.raises(ConfigError, match=r"^s4://a/b: .*s4.*; addresses begin with s3://"):
        check_inputs(["s4://a/b"])
    with pytest.raises(ConfigError, match=r"\(::\) is not read"):
        check_inputs(["simplecache::memory://a"])
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(ConfigError, match=r"^s3://bucket/in: .*pip install 'eventroles\[remote\]'$"):
        check_request(["s3://bucket/in"], output="tags", options=RunOptions())
    with pytest.raises(ConfigError, match=r"can only be read; name a path, s3:// or gs://"):
        check_request(["."], output="https://example.org/tags", options=RunOptions())


def test_files_that_only_this_process_can_see_are_read_and_their_copies_removed(store, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    fill(store, *(f"/in/{number:02}.txt" for number in range(20)))
    store.pipe_file("/in/z.jsonl.gz", gzip.compress(b'{"text": "Rain fell."}\n{"id": "x"}\n'))
    items = read("memory://in")
    assert [NEWS] * 20 + ["Rain fell."] == [item.text for item in items if isinstance(item, Document)]
    (failure,) = (item for item in items if isinstance(item, Failure))
    assert ("z.jsonl.gz:2", "z.jsonl.gz") == (failure.document, failure.source)
    assert [] == list(tmp_path.iterdir())


def test_a_file_that_is_gone_when_its_turn_comes_is_one_failure(store):
    fill(store, "/in/a.txt", "/in/b.txt")
    found = list(find_sources(["memory://in"]).sources)
    store.rm("/in/a.txt")
    with ReaderProcess(ReadOptions()) as reader:
        items = list(reader.read_all((source, 0) for source in found))
    failure, end, document, _ = items
    assert ("a.txt", "cannot be fetched (not found); check the address and your rights, and try again") == (
        failure.document,
        failure.reason,
    )
    assert (0, "") == (end.size, end.sha256)
    assert "b.txt" == document.id


def test_a_web_folder_is_listed_and_its_files_are_read(web):
    address, folder = web
    for name in ("a b.txt", "deep/er/c.html", "d.txt.gz", "photo.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        text = f"<html><p>{NEWS}</p></html>" if name.endswith("html") else NEWS
        (folder / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    for name in (f"{address}/", f"{address}"):
        assert ["a b.txt", "d.txt.gz", "deep/er/c.html"] == sorted(ids(name))
    assert ["c.html"] == ids(f"{address}/deep/er")
    items = read(address)
    assert {"a b.txt", "deep/er/c.html", "d.txt.gz"} == {item.id for item in items}
    assert all(NEWS in item.text for item in items)


def test_one_page_of_the_web_is_called_by_its_name_and_read_by_its_ending_without_the_query(web):
    address, folder = web
    (folder / "wire.csv").write_text("id,text\n1,Rain fell.\n", encoding="utf-8")
    (source,) = find_sources([f"{address}/wire.csv?key=geheim"]).sources
    assert ("wire.csv", ".csv") == (source.id, source.path.suffix)
    assert source.size > 0
    assert source.modified_ns > 0
    assert ["Rain fell."] == [item.text for item in read(f"{address}/wire.csv?key=geheim")]
    both = ids(f"{address}/wire.csv?page=1", f"{address}/wire.csv?page=2")
    assert [f"{address}/wire.csv?page=1", f"{address}/wire.csv?page=2"] == both


def test_links_of_a_page_to_itself_and_to_elsewhere_are_not_followed(web):
    assert ["a.txt", "x/a.txt"] == ids(f"{web[0]}/loop/")


def test_a_download_that_breaks_off_or_stands_still_is_one_failure(web):
    address, folder = web
    for name in ("broken.txt", "hung.txt", "whole.txt"):
        (folder / name).write_text(NEWS, encoding="utf-8")
    reasons = {
        item.id if isinstance(item, Document) else item.document: item
        for item in read(address, limits=Limits(seconds=1.5))
    }
    assert reasons["broken.txt"].reason.startswith("cannot be fetched (ClientPayloadError: ")
    assert "\n" not in reasons["broken.txt"].reason
    assert reasons["hung.txt"].reason.startswith("took longer than 1.5 s")
    assert NEWS == reasons["whole.txt"].text


def test_a_long_download_that_goes_on_is_not_given_up(web):
    address, folder = web
    (folder / "slow.txt").write_text("x" * 40, encoding="utf-8")
    (document,) = read(f"{address}/slow.txt", limits=Limits(seconds=1.0))  # it takes two
    assert "x" * 40 == document.text


def test_only_what_is_read_whole_is_refused_for_its_size(web):
    address, folder = web
    limits = Limits(document_bytes=100_000)
    (folder / "a.txt").write_text("x" * 300_000, encoding="utf-8")
    (folder / "b.jsonl").write_text(json.dumps({"text": "Rain fell."}) + "\n" + "\n" * 300_000, encoding="utf-8")
    failure, document = read(address, limits=limits)
    assert ("a.txt", True) == (failure.document, failure.reason.startswith("larger than 0 MiB, too much"))
    assert "Rain fell." == document.text


def test_a_large_table_streams_through_this_process(web):
    address, folder = web
    line = json.dumps({"text": NEWS * 300}) + "\n"
    count = 50_000_000 // len(line)
    with (folder / "wire.jsonl").open("w", encoding="utf-8") as file:
        for _ in range(count):
            file.write(line)
    (source,) = find_sources([f"{address}/wire.jsonl"]).sources
    with ReaderProcess(ReadOptions()) as reader:
        tracemalloc.start()
        begun = time.monotonic()
        read = sum(isinstance(item, Document) for item in reader.read(source))
        took = time.monotonic() - begun
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count == read
    assert peak < 10_000_000
    assert took < 60


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_one_file_of_rows_is_put_at_its_address_as_it_would_stand_here(store, tmp_path, ending):
    fill(store, "/in/a.txt", "/in/b.txt")
    run(tag, ["memory://in"], output=f"memory://out/tags.{ending}", origin=ORIGIN)
    run(tag, ["memory://in"], output=tmp_path / f"tags.{ending}", origin=ORIGIN)
    assert (tmp_path / f"tags.{ending}").read_bytes() == store.cat_file(f"/out/tags.{ending}")
    assert [f"/out/tags.{ending}"] == store.find("/out")


def test_an_interrupted_run_leaves_the_older_file_at_an_address(store):
    fill(store, "/in/a.txt")
    store.pipe_file("/out/tags.jsonl", b"older")

    def failing(items, *, cache, skip_boilerplate):
        yield from tag(items, cache=cache, skip_boilerplate=skip_boilerplate)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(failing, ["memory://in"], output="memory://out/tags.jsonl", origin=ORIGIN)
    assert (b"older", ["/out/tags.jsonl"]) == (store.cat_file("/out/tags.jsonl"), store.find("/out"))


def test_the_output_is_no_input(store):
    fill(store, "/in/a.txt")
    store.pipe_file("/in/tags.jsonl", b"{}")
    store.pipe_file("/in/tags/rows/part-00000.jsonl", b"{}")
    assert ["a.txt", "tags.jsonl"] == ids("memory://in", exclude="memory://in/tags")
    assert ["a.txt", "tags/rows/part-00000.jsonl"] == ids("memory://in", exclude="memory://in/tags.jsonl")
    with pytest.raises(ConfigError, match="an input and the output at once"):
        ids("memory://in/tags.jsonl", exclude="memory://in/tags.jsonl")
