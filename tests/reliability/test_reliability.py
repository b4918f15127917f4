"""The checks of reliability in their short form, and the bad inputs themselves."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from eventroles.inference.documents import Document, Failure, ReadOptions, Source
from eventroles.inference.reading.door import read_source
from eventroles.inference.sentences import split_sentences
from eventroles.labels.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st
from reliability.bad_inputs import write_bad_inputs
from reliability.check_bad_inputs import check_bad_inputs
from reliability.check_kills import check_kills
from reliability.check_memory import check_memory
from reliability.finding import Finding
from reliability.good_inputs import good_inputs, write_good_inputs
from reliability.odd_inputs import write_odd_inputs
from reliability.run_all import END, START, put_between_marks

_ENOUGH_BAD_INPUTS = 200
# What the splitter and the readers treat in a way of their own comes more often than by chance.
_TEXTS = st.text() | st.text(
    st.sampled_from(" \t\r\n\x0b\x0c\x1a\x1b\x85\u2028\u2029\u200b\ufeff.!?\"“”'’()[]…-—aB1é中😀\x01")
)


def problems(findings: Sequence[Finding]) -> list[str]:
    return [problem for finding in findings for problem in finding.problems]


def contents(folder: Path) -> dict[str, object]:
    """Return what lies in a folder: bytes of small files, sizes of large ones, targets of links, kinds of the rest."""
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            content: object = path.readlink()
        elif stat.S_ISREG(mode):
            content = path.read_bytes() if path.lstat().st_size < 1 << 23 else path.lstat().st_size
        else:
            content = stat.S_IFMT(mode)
        found[path.relative_to(folder).as_posix()] = content
    return found


def test_there_are_enough_bad_inputs_and_each_is_another(tmp_path):
    bad = write_bad_inputs(tmp_path / "bad")
    assert len(bad) > _ENOUGH_BAD_INPUTS
    assert len(bad) == len({item.name for item in bad})
    assert [] == [kind for kind in {item.kind for item in bad} if sum(item.kind == kind for item in bad) > 1]
    assert [] == [item.name for item in bad if not os.path.lexists(tmp_path / "bad" / item.name)]


def test_all_inputs_are_the_same_in_every_run(tmp_path):
    for name in ("one", "two"):
        write_good_inputs(tmp_path / name / "good")
        write_odd_inputs(tmp_path / name / "odd")
        write_bad_inputs(tmp_path / name / "bad")
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one.keys() == two.keys()
    assert [] == [name for name in one if one[name] != two[name]]


def test_every_good_text_is_another():
    phrases = [made.phrase for made in good_inputs().values()]
    assert len(phrases) == len(set(phrases))


@pytest.mark.slow
def test_bad_inputs_end_in_the_ledger_and_good_ones_beside_them_are_tagged(exported_folder):
    assert [] == problems(check_bad_inputs(str(exported_folder), timeout=300))


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_in_the_same_bytes(exported_folder):
    assert [] == problems(check_kills(str(exported_folder), kills=6, files=150))


@pytest.mark.slow
def test_ten_times_the_corpus_takes_no_more_memory(exported_folder):
    # Small runs are still filling their buffers; the full check holds to a tenth.
    assert [] == problems(check_memory(str(exported_folder), sentences=20_000, fewer=2_000, most=1.4))


@given(text=_TEXTS)
@settings(max_examples=300, deadline=None)
def test_any_text_in_a_file_is_split_by_exact_offsets_or_refused_in_one_line(text):
    data = text.encode("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.txt")
        path.write_bytes(data)
        try:
            (item,) = read_source(Source(path, path.name), options=ReadOptions())
        except DataError as error:
            item = Failure(path.name, str(error))
    if isinstance(item, Failure):
        assert len(item.reason.splitlines()) == 1
        return
    assert isinstance(item, Document)
    assert text.removeprefix("\ufeff") == item.text
    position = 0
    for index, sentence in enumerate(split_sentences(item.text)):
        assert index == sentence.index
        assert position <= sentence.start < sentence.end
        assert sentence.text == item.text[sentence.start : sentence.end]
        assert not item.text[position : sentence.start].strip()
        position = sentence.end
    assert not item.text[position:].strip()


def test_a_table_is_put_between_the_marks_of_the_page():
    page = f"# Page\n\n{START}\n\nold\n\n{END}\n\nMore.\n"
    assert f"# Page\n\n{START}\n\nnew\n\n{END}\n\nMore.\n" == put_between_marks(page, "new")
    with pytest.raises(ValueError, match="needs these two lines"):
        put_between_marks(page.replace(END, ""), "new")
