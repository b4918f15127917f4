"""Windows of a stream, and work that goes on in the background without leaving anything behind."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence

import pytest
from eventroles.inference import stream
from eventroles.inference.documents import Document, EndOfPart, Failure
from eventroles.inference.encoding import Encoded
from eventroles.inference.sentences import Sentence, split_sentences
from eventroles.inference.stream import Part, Window, cut_windows, work_ahead

NO_TOKENS = Encoded([], [], truncated=False)
PATIENCE = 10  # seconds until a wait is a failure


def encode(sentences: Sequence[Sentence], start: int, end: int) -> list[Encoded]:
    return [NO_TOKENS] * (end - start)


def documents(*counts: int) -> list[Document]:
    return [Document(str(place), "", "A raid. " * count) for place, count in enumerate(counts)]


def sizes(windows: Iterator[Window]) -> list[list[tuple[str, int, bool]]]:
    """Return id, sentences and whether it is the end, of every part of every window."""
    return [[(part.document.id, len(part.sentences), part.is_last) for part in one.parts] for one in windows]


def background_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("eventroles")]


def test_windows_are_of_one_size_and_go_through_documents_that_do_not_fit() -> None:
    found = sizes(cut_windows(documents(2, 3, 9, 1), encode, size=4))
    assert [
        [("0", 2, True), ("1", 2, False)],
        [("1", 1, True), ("2", 3, False)],
        [("2", 4, False)],
        [("2", 2, True), ("3", 1, True)],
    ] == found


def test_a_document_without_a_sentence_has_a_part_and_many_of_them_fill_a_window() -> None:
    found = sizes(cut_windows(documents(0, 1, 0, 0, 0), encode, size=3))
    assert [[("0", 0, True), ("1", 1, True), ("2", 0, True)], [("3", 0, True), ("4", 0, True)]] == found


def test_a_document_that_ends_with_its_window_leaves_no_empty_part() -> None:
    assert [[("0", 2, False)], [("0", 2, True)], [("1", 1, True)]] == sizes(
        cut_windows(documents(4, 1), encode, size=2)
    )


def test_what_stands_between_documents_goes_through_in_its_place() -> None:
    lost = Failure("lost", "damaged")
    first, second = documents(1, 1)
    (window,) = cut_windows([first, lost, second], encode, size=9)
    assert [first, lost, second] == [part.document if isinstance(part, Part) else part for part in window.parts]
    assert 2 == len(window.sentences)


def test_the_end_of_a_part_ends_the_window() -> None:
    ends = cut_windows([*documents(1), EndOfPart(), *documents(2), EndOfPart()], encode, size=9)
    assert [1, 2] == [len(window.sentences) for window in ends]


def test_many_failures_in_a_row_fill_windows_too() -> None:
    windows = list(cut_windows([Failure(str(number), "") for number in range(7)], encode, size=3))
    assert [3, 3, 1] == [len(window.parts) for window in windows]


def test_a_text_that_the_splitter_breaks_on_is_a_failure_and_the_next_one_is_split(monkeypatch) -> None:
    def fragile(text: str) -> list[Sentence]:
        if not text:
            raise RecursionError("too deep")
        return split_sentences(text)

    monkeypatch.setattr(stream, "split_sentences", fragile)
    (window,) = cut_windows(documents(0, 1), encode, size=9)
    failure, part = window.parts
    assert isinstance(failure, Failure)
    assert isinstance(part, Part)
    assert ("0", "split", "1") == (failure.document, failure.stage, part.document.id)
    assert "RecursionError: too deep" in failure.reason


def test_items_come_back_in_order_with_what_was_made_of_them() -> None:
    assert [(number, number * number) for number in range(9)] == list(work_ahead(lambda n: n * n, range(9)))
    assert [] == list(work_ahead(str, []))


def test_the_next_item_is_made_while_one_is_worked_on_and_the_one_before_is_handled() -> None:
    made, working = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 0
        assert working.wait(PATIENCE), "nobody works on the first item while the second is made"
        made.set()
        yield 1

    def work(item: int) -> int:
        working.set()
        assert made.wait(PATIENCE), "the second item is not made while the first is worked on"
        return item

    assert [0, 1] == [result for _, result in work_ahead(work, items())]


def test_two_items_are_under_way_and_no_more() -> None:
    made = 0

    def items() -> Iterator[int]:
        nonlocal made
        while True:
            made += 1
            yield made

    stream = work_ahead(lambda item: item, items())
    assert [2, 3, 4] == [made for _ in range(3) if next(stream)]
    stream.close()


def test_all_work_is_done_by_one_thread_that_is_not_the_callers() -> None:
    threads = {result for _, result in work_ahead(lambda _: threading.get_ident(), range(5))}
    assert 1 == len(threads)
    assert threading.get_ident() not in threads


def test_an_error_of_the_work_comes_out_in_its_place_and_no_thread_is_left() -> None:
    stream = work_ahead(lambda item: 6 // (3 - item), range(9))
    assert [2, 3, 6] == [next(stream)[1] for _ in range(3)]
    with pytest.raises(ZeroDivisionError):
        next(stream)
    assert [] == background_threads()


def test_an_error_of_the_items_comes_out_and_no_thread_is_left() -> None:
    def items() -> Iterator[int]:
        yield from (0, 1, 2)
        raise OSError("unplugged")

    stream = work_ahead(lambda item: item, items())
    with pytest.raises(OSError, match="unplugged"):
        list(stream)
    assert [] == background_threads()


def test_closing_waits_for_the_work_begun_starts_no_other_and_leaves_no_thread() -> None:
    begun: list[int] = []
    finished: list[int] = []
    go_on = threading.Event()

    def work(item: int) -> None:
        begun.append(item)
        assert item == 0 or go_on.wait(PATIENCE)
        finished.append(item)

    stream = work_ahead(work, range(9))
    next(stream)
    threading.Timer(0.05, go_on.set).start()
    stream.close()
    assert begun == finished
    assert set(begun) <= {0, 1}
    assert [] == background_threads()


def test_a_warning_of_the_work_reaches_the_caller() -> None:
    with pytest.warns(RuntimeWarning, match="going on with the CPU"):
        list(work_ahead(lambda _: warnings.warn("going on with the CPU", RuntimeWarning, stacklevel=4), range(2)))
