"""Finding the files of a run, and reading them through the one door that all formats share."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from eventroles.inference.documents import Document, Failure, ReadOptions, Source
from eventroles.inference.reading.door import read_source
from eventroles.inference.reading.sources import find_sources
from eventroles.labels.errors import ConfigError, DataError

NEWS = "Gunmen fired on a bus near the dam. Two passengers were hurt."


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(NEWS, encoding="utf-8")
    return folder


def ids(found) -> list[str]:
    return [source.id for source in found.sources]


def test_a_folder_gives_its_supported_files_sorted_with_ids_below_it(tmp_path):
    make(tmp_path, "b.txt", "a/z.md", "a/y.TXT", "a.jsonl", "c.csv", "d.parquet", "photo.png", "notes.docx")
    found = find_sources([tmp_path])
    assert ids(found) == ["a/y.TXT", "a/z.md", "a.jsonl", "b.txt", "c.csv", "d.parquet", "notes.docx"]
    assert tmp_path / "a" / "z.md" == list(find_sources([tmp_path]).sources)[1].path
    assert found.failures == ()


def test_hidden_files_and_folders_are_passed_over_unless_named(tmp_path):
    make(tmp_path, "seen.txt", ".draft.txt", ".git/log.txt")
    assert ids(find_sources([tmp_path])) == ["seen.txt"]
    assert ids(find_sources([tmp_path / ".draft.txt"])) == [".draft.txt"]
    assert ids(find_sources([tmp_path / ".git"])) == ["log.txt"]


def test_one_file_is_called_by_its_name_and_a_single_path_need_not_be_in_a_list(tmp_path):
    make(tmp_path, "deep/er/report.txt")
    assert ids(find_sources(str(tmp_path / "deep/er/report.txt"))) == ["report.txt"]


def test_ids_of_several_inputs_start_at_their_common_folder(tmp_path):
    make(tmp_path, "north/a.txt", "south/a.txt", "south/deep/b.txt")
    found = find_sources([tmp_path / "south", tmp_path / "north" / "a.txt"])
    assert ids(found) == ["north/a.txt", "south/a.txt", "south/deep/b.txt"]


def test_a_file_reached_twice_is_taken_once(tmp_path, monkeypatch):
    make(tmp_path, "in/a.txt", "in/b.txt")
    monkeypatch.chdir(tmp_path)
    found = find_sources(["in/b.txt", tmp_path / "in", "in/../in/b.txt", "in"])
    assert ids(found) == ["a.txt", "b.txt"]


def test_a_linked_file_goes_by_its_own_name_where_that_is_among_the_inputs(tmp_path):
    make(tmp_path, "in/z.txt", "elsewhere/y.txt")
    (tmp_path / "in/a.txt").symlink_to(tmp_path / "in/z.txt")
    (tmp_path / "in/link.txt").symlink_to(tmp_path / "elsewhere/y.txt")
    assert ids(find_sources([tmp_path / "in"])) == ["link.txt", "z.txt"]


def test_links_that_lead_in_circles_end_and_are_told(tmp_path):
    make(tmp_path, "in/deep/a.txt", "far/b.txt")
    (tmp_path / "in/deep/up").symlink_to(tmp_path / "in")
    (tmp_path / "in/again").symlink_to(tmp_path / "in/deep")
    (tmp_path / "in/far").symlink_to(tmp_path / "far")
    (tmp_path / "far/back").symlink_to(tmp_path / "in")
    (tmp_path / "in/self.txt").symlink_to(tmp_path / "in/self.txt")
    found = find_sources([tmp_path / "in"])
    assert ids(found) == ["deep/a.txt", "far/b.txt"]
    assert [("deep/up", "a link to a folder that it lies in; not followed")] == [
        (failure.document, failure.reason) for failure in found.failures[:1]
    ]
    assert ["deep/up", "self.txt"] == [failure.document for failure in found.failures]


def test_a_link_that_leads_nowhere_is_a_failure_if_it_would_be_read(tmp_path):
    make(tmp_path, "a.txt")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    found = find_sources([tmp_path])
    assert [failure.document for failure in found.failures] == ["gone.txt"]
    assert "No such file" in found.failures[0].reason


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*.txt", ["a.txt", "news/b.txt", "news/old/c.txt"]),
        ("b.*", ["news/b.md", "news/b.txt"]),
        ("*", ["a.txt", "news/b.md", "news/b.txt", "news/old/c.txt"]),
        ("news/*.txt", ["news/b.txt"]),
        ("news/**", ["news/b.md", "news/b.txt", "news/old/c.txt"]),
        ("**/*.txt", ["a.txt", "news/b.txt", "news/old/c.txt"]),
        ("./**/old/*.txt", ["news/old/c.txt"]),
    ],
)
def test_a_glob_matches_names_or_with_a_slash_paths_below_the_folder(tmp_path, glob, expected):
    make(tmp_path, "a.txt", "news/b.txt", "news/b.md", "news/old/c.txt", "news/p.png")
    assert ids(find_sources([tmp_path], glob=glob)) == expected


def test_a_file_named_directly_is_taken_whatever_the_glob(tmp_path):
    make(tmp_path, "in/a.txt", "in/a.md", "odd.md")
    assert ids(find_sources([tmp_path / "in", tmp_path / "odd.md"], glob="*.txt")) == ["in/a.txt", "odd.md"]


def test_the_output_is_never_an_input(tmp_path):
    make(tmp_path, "a.txt", "tagged.jsonl")
    (tmp_path / "alias.jsonl").symlink_to(tmp_path / "tagged.jsonl")
    assert ids(find_sources([tmp_path], exclude=tmp_path / "x" / ".." / "tagged.jsonl")) == ["a.txt"]
    with pytest.raises(ConfigError, match="an input and the output at once"):
        find_sources([tmp_path / "tagged.jsonl"], exclude=tmp_path / "tagged.jsonl")


def test_all_inputs_that_do_not_exist_are_named_at_once(tmp_path):
    make(tmp_path, "a.txt")
    with pytest.raises(ConfigError) as caught:
        find_sources([tmp_path / "a.txt", tmp_path / "nwes", "", "nul\0byte", tmp_path / "a.txt" / "x"])
    for name in ("nwes", "''", "nul", "a.txt/x"):
        assert name in str(caught.value)
    with pytest.raises(ConfigError, match="no input"):
        find_sources([])


def test_a_folder_without_a_supported_file_is_an_error_that_says_what_is_there(tmp_path):
    make(tmp_path, "a.doc", "b.png", "Makefile")
    with pytest.raises(DataError, match=r"found no \.txt, .* only \.doc, \.png, no extension; convert"):
        find_sources([tmp_path])
    make(tmp_path, "c.txt")
    with pytest.raises(DataError, match=r"matches '\*\.md'; give another --glob"):
        find_sources([tmp_path], glob="*.md")


def test_pipes_and_sockets_in_a_folder_fail_instead_of_waiting(tmp_path, monkeypatch):
    make(tmp_path, "a.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    monkeypatch.chdir(tmp_path)  # the path of a socket may not be long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.txt")
        found = find_sources([tmp_path])
        assert ids(found) == ["a.txt"]
        assert [("pipe.txt", "find"), ("socket.txt", "find")] == [(bad.document, bad.stage) for bad in found.failures]
        assert found.failures[0].reason.startswith("not a regular file; copy what it holds")


def test_files_of_no_kind_we_read_are_counted_by_extension(tmp_path):
    make(tmp_path, "a.txt", "b.png", "deep/c.PNG", "Makefile")
    assert {".png": 2, "no extension": 1} == find_sources([tmp_path]).passed_over


def test_an_output_folder_inside_the_input_is_not_searched(tmp_path):
    make(tmp_path, "a.txt", "tags/rows/part-00000.jsonl")
    assert ids(find_sources([tmp_path], exclude=tmp_path / "tags")) == ["a.txt"]


def test_names_that_are_no_utf8_become_ids_that_can_be_written(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    try:
        Path(os.fsdecode(path)).write_text(NEWS)
    except OSError:
        pytest.skip("this file system takes no such name")
    (source,) = find_sources([tmp_path]).sources
    assert ("caf\\udce9.txt", NEWS) == (source.id, source.path.read_text())


def test_a_pipe_named_directly_fails_when_read_instead_of_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    found = find_sources([tmp_path / "pipe.txt"])
    with pytest.raises(DataError, match="not a regular file"):
        list(read_source(next(found.sources), options=ReadOptions()))


def test_a_folder_that_may_not_be_entered_is_a_failure(tmp_path, monkeypatch):
    make(tmp_path, "open/a.txt", "shut/b.txt")
    scan = os.scandir

    def guarded(path):
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)
    found = find_sources([tmp_path])
    assert ids(found) == ["open/a.txt"]
    reason = "cannot be opened: Permission denied; ask for the right to read it, or leave it out"
    assert [Failure("shut", reason, "find", "shut")] == list(found.failures)
    alone = find_sources([tmp_path / "shut"])
    assert (list(alone.sources), alone.failures[0].document) == ([], (tmp_path / "shut").as_posix())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_rights_taken_away_are_seen(tmp_path):
    make(tmp_path, "a.txt", "b.txt", "shut/c.txt")
    (tmp_path / "b.txt").chmod(0)
    (tmp_path / "shut").chmod(0)
    try:
        found = find_sources([tmp_path])
        assert [failure.document for failure in found.failures] == ["shut"]
        with pytest.raises(DataError, match="Permission denied"):
            list(read_source(list(found.sources)[1], options=ReadOptions()))
    finally:
        (tmp_path / "shut").chmod(0o700)


def test_an_unsupported_file_named_directly_fails_when_read_naming_the_supported_kinds(tmp_path):
    make(tmp_path, "report.wpd")
    found = find_sources([tmp_path / "report.wpd"])
    with pytest.raises(DataError, match=r"report\.wpd: .*\(\.wpd\); convert it to \.txt, .* or \.zst"):
        list(read_source(next(found.sources), options=ReadOptions()))


def test_a_file_that_went_away_or_may_not_be_read_is_an_error_with_its_path(tmp_path, monkeypatch):
    source = Source(tmp_path / "a.txt", "a.txt")
    with pytest.raises(DataError, match=r"a\.txt: cannot be read: No such file or directory; check"):
        list(read_source(source, options=ReadOptions()))
    make(tmp_path, "a.txt")

    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(DataError, match="cannot be read: Permission denied; ask for the right"):
        list(read_source(source, options=ReadOptions()))


def test_the_extension_chooses_the_reader_in_any_case(tmp_path):
    (tmp_path / "A.JSONL").write_text('{"text": "Shells fell."}\n', encoding="utf-8")
    (document,) = read_source(Source(tmp_path / "A.JSONL", "A.JSONL"), options=ReadOptions())
    assert isinstance(document, Document)
    assert (document.id, document.text) == ("A.JSONL:1", "Shells fell.")
