"""Dataset folders at an address: the same as on a disk, and safe from other runs and from being cut off."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from eventroles.inference.dataset import storage as storage_module
from eventroles.inference.dataset.storage import open_storage
from eventroles.inference.documents import Document
from eventroles.inference.options import RunOptions
from eventroles.inference.outcome import Origin, RunSummary
from eventroles.inference.results import TaggedDocument, TaggedSentence
from eventroles.inference.run import run
from eventroles.inference.sentences import split_sentences
from eventroles.labels.errors import ConfigError, DataError

LABELS = ("attack", "aid")
ORIGIN = Origin(LABELS, "m", "r1", "a stand-in", "fp32")
OUT = "memory://bucket/out"
TELL_THE_TIME = ("report.json", "report.txt", "manifest.sqlite", ".lock")


def tag(items: Iterable[object], *, cache: bool, skip_boilerplate: bool) -> Iterator[object]:
    """Give each sentence the labels whose names it holds."""
    for item in items:
        if not isinstance(item, Document):
            yield item
            continue
        tagged = [
            TaggedSentence(
                sentence.index,
                sentence.start,
                sentence.end,
                sentence.text,
                tuple(name for name in LABELS if name in sentence.text),
                {name: float(name in sentence.text) for name in LABELS},
            )
            for sentence in split_sentences(item.text)
        ]
        yield TaggedDocument(item, tuple(tagged))


def dies_after(count: int) -> Callable[..., Iterator[object]]:
    def function(items: Iterable[object], *, cache: bool, skip_boilerplate: bool) -> Iterator[object]:
        for number, item in enumerate(tag(items, cache=cache, skip_boilerplate=skip_boilerplate)):
            if number == count:
                raise KeyboardInterrupt
            yield item

    return function


@pytest.fixture
def inputs(tmp_path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(12):
        text = f"Town {number % 7} was under attack. Then aid came by road {number % 7}. It rained."
        (folder / f"{number:02}.txt").write_text(text, encoding="utf-8")
    (folder / "07b.txt").write_text("", encoding="utf-8")
    return folder


def tag_into(
    output: str | Path,
    inputs: object,
    function: Callable[..., Iterator[object]] = tag,
    *,
    stop: Callable[[], bool] | None = None,
    **options: object,
) -> RunSummary:
    chosen = RunOptions(**{"format": "jsonl", "part_size": 100, **options})
    return run(function, [inputs], output=output, origin=ORIGIN, options=chosen, stop=stop)


def there(store, address: str = OUT) -> dict[str, bytes]:
    """Return what a finished run leaves at an address, but for what tells the time."""
    top = address.removeprefix("memory:/")
    found = {path.removeprefix(f"{top}/"): store.cat_file(path) for path in store.find(top)}
    return {name: content for name, content in found.items() if name not in TELL_THE_TIME}


def here(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in TELL_THE_TIME
    }


def ledger(store, tmp_path: Path) -> sqlite3.Connection:
    """Return the ledger as it is at the address."""
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(store.cat_file("/bucket/out/manifest.sqlite"))
    return sqlite3.connect(copy)


@pytest.mark.parametrize("options", [{}, {"keep_text": True, "deduplicate": True}, {"format": "parquet"}])
def test_a_run_leaves_at_an_address_what_it_leaves_in_a_folder(store, inputs, tmp_path, options):
    local = tag_into(tmp_path / "out", inputs, **options)
    remote = tag_into(OUT, inputs, **options)
    assert here(tmp_path / "out") == there(store)
    assert (local.documents, local.sentences, local.failed) == (remote.documents, remote.sentences, remote.failed)
    assert len([name for name in there(store) if name.startswith("rows/")]) > 4
    assert {"report.json", "report.txt", "manifest.sqlite"} <= {path.rpartition("/")[2] for path in store.find("/")}


def test_nothing_is_left_on_this_machine(store, inputs, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    tag_into(OUT, inputs, deduplicate=True)
    with pytest.raises(KeyboardInterrupt):
        tag_into("memory://bucket/other", inputs, dies_after(5))
    assert [] == list((tmp_path / "temporary").iterdir())


def test_the_same_command_again_reads_nothing_and_changes_nothing(store, inputs):
    tag_into(OUT, inputs, deduplicate=True)
    before = there(store)
    again = tag_into(OUT, inputs, deduplicate=True)
    assert (0, 12) == (again.tagged, again.documents)
    assert before == there(store)


def test_inputs_at_an_address_are_read_again_only_after_a_change(store):
    for number in range(3):
        store.pipe_file(f"/bucket/in/{number}.txt", f"Town {number} was under attack.".encode())
    tag_into(OUT, "memory://bucket/in")
    assert 0 == tag_into(OUT, "memory://bucket/in").tagged
    store.pipe_file("/bucket/in/1.txt", b"Then aid came.")
    summary = tag_into(OUT, "memory://bucket/in")
    assert (1, ("1.txt",)) == (summary.tagged, summary.plan.changed)
    assert {"attack": 2, "aid": 1} == dict(summary.roles)


def test_progress_counts_the_bytes_of_inputs_at_an_address(store):
    store.pipe_file("/bucket/in/0.txt", b"The attack failed.")
    store.pipe_file("/bucket/in/1.txt", b"It rained.")
    seen = []
    run(tag, ["memory://bucket/in"], output=OUT, origin=ORIGIN, on_progress=lambda progress, _: seen.append(progress))
    assert (28, 28) == (seen[-1].read, seen[-1].size)


@pytest.mark.parametrize("count", [0, 1, 3, 6, 9])
def test_an_interrupted_run_goes_on_to_the_same_bytes(store, inputs, tmp_path, count):
    tag_into(tmp_path / "out", inputs, keep_text=True)
    with pytest.raises(KeyboardInterrupt):
        tag_into(OUT, inputs, dies_after(count), keep_text=True)
    assert not store.exists("/bucket/out/.lock")
    summary = tag_into(OUT, inputs, keep_text=True)
    assert here(tmp_path / "out") == there(store)
    assert count < 6 or summary.tagged < summary.sentences  # parts of the first run were kept


def test_a_run_that_is_stopped_has_its_parts_in_the_ledger(store, inputs, tmp_path):
    summary = tag_into(OUT, inputs, stop=lambda: True)
    assert not summary.is_complete
    parts = ledger(store, tmp_path).execute("SELECT COUNT(*) FROM parts").fetchone()
    assert (1,) == parts
    assert 1 == len([name for name in there(store) if name.startswith("rows/")])


@pytest.mark.parametrize(("seconds", "taken", "known"), [(30.0, 1, 0), (0.0, 4, 3)])
def test_the_ledger_is_published_now_and_then_and_what_it_does_not_know_is_made_again(
    store, inputs, tmp_path, seconds, taken, known
):
    """A process that is killed publishes nothing more; here the network takes nothing more."""
    tag_into(tmp_path / "out", inputs)
    put = storage_module.put
    ledgers = []

    def cut_off(files, path: Path, target: str) -> None:
        if target.endswith("part-00003.jsonl"):
            put(files, path, target)
            raise ConnectionResetError("cable cut")
        if target.endswith("manifest.sqlite"):
            ledgers.append(target)
            if len(ledgers) > taken:
                raise ConnectionResetError("cable cut")
        put(files, path, target)

    with pytest.MonkeyPatch.context() as network:
        network.setattr(storage_module, "put", cut_off)
        network.setattr(storage_module, "_SYNC_SECONDS", seconds)
        network.setattr(storage_module, "_SHARE", 0)
        with pytest.raises(DataError, match=r"^memory://bucket/out/rows/part-00003.jsonl: ConnectionResetError: cable"):
            tag_into(OUT, inputs)
    assert len([name for name in there(store) if name.startswith("rows/")]) == 4
    assert (known,) == ledger(store, tmp_path).execute("SELECT COUNT(*) FROM parts").fetchone()
    tag_into(OUT, inputs)
    assert here(tmp_path / "out") == there(store)


def test_what_was_struck_out_is_struck_out_for_every_later_command(store, inputs, tmp_path):
    tag_into(OUT, inputs)
    (inputs / "03.txt").write_text("The attack on the bridge failed.", encoding="utf-8")
    put, cut = storage_module.put, []

    def killed(items: Iterable[object], **_: object) -> Iterator[object]:
        cut.append(True)
        yield from ()
        raise KeyboardInterrupt

    def put_until_then(*args: object) -> None:
        if cut:
            raise ConnectionResetError("cable cut")
        put(*args)

    with pytest.MonkeyPatch.context() as network:
        network.setattr(storage_module, "put", put_until_then)
        with pytest.raises(KeyboardInterrupt):
            tag_into(OUT, inputs, killed)
    assert [] == ledger(store, tmp_path).execute("SELECT id FROM sources WHERE id = '03.txt'").fetchall()
    tag_into(OUT, inputs)
    rows = [json.loads(line) for name, part in there(store).items() if "rows/" in name for line in part.splitlines()]
    assert ["The attack on the bridge failed."] == [row["text"] for row in rows if row["document"] == "03.txt"]


def test_files_of_no_part_are_removed_and_a_part_that_is_gone_is_told(store, inputs):
    tag_into(OUT, inputs)
    store.pipe_file("/bucket/out/rows/part-00099.jsonl", b"{}")
    tag_into(OUT, inputs)
    assert not store.exists("/bucket/out/rows/part-00099.jsonl")
    store.rm("/bucket/out/rows/part-00001.jsonl")
    with pytest.raises(DataError, match=r"rows/part-00001\.jsonl is gone"):
        tag_into(OUT, inputs)


def test_a_folder_with_other_files_is_refused_and_left_as_it_is(store, inputs):
    store.pipe_file("/bucket/out/text/mine.txt", b"a novel")
    with pytest.raises(ConfigError, match=r"^the folder memory://bucket/out holds files, but no manifest.sqlite"):
        tag_into(OUT, inputs)
    assert {"text/mine.txt": b"a novel"} == there(store)


def test_a_second_run_is_refused_while_the_first_one_writes(store, inputs):
    refusals = []

    def meanwhile() -> bool:
        with pytest.raises(DataError, match=r"another run is writing there.*remove memory://bucket/out/.lock") as error:
            tag_into(OUT, inputs)
        refusals.append(error)
        return False

    summary = tag_into(OUT, inputs, stop=meanwhile)
    assert summary.is_complete
    assert refusals
    assert not store.exists("/bucket/out/.lock")


def test_the_lock_of_a_run_that_died_is_taken_over_after_its_time(store, inputs, monkeypatch):
    now = 1_000_000.0
    monkeypatch.setattr(storage_module.time, "time", lambda: now)
    store.pipe_file("/bucket/out/.lock", json.dumps({"owner": "other", "time": now - 599}).encode())
    with pytest.raises(DataError, match="another run is writing there"):
        tag_into(OUT, inputs)
    assert store.exists("/bucket/out/.lock")  # it is not ours
    store.pipe_file("/bucket/out/.lock", json.dumps({"owner": "other", "time": now - 601}).encode())
    assert tag_into(OUT, inputs).is_complete
    assert not store.exists("/bucket/out/.lock")


def test_the_lock_is_renewed_and_one_that_is_no_lock_is_respected(store, monkeypatch):
    monkeypatch.setattr(storage_module, "_RENEW_SECONDS", 0.01)
    with open_storage(OUT).locked():
        first = store.cat_file("/bucket/out/.lock")
        for _ in range(500):
            if store.cat_file("/bucket/out/.lock") != first:
                break
            storage_module.time.sleep(0.01)
        assert first != store.cat_file("/bucket/out/.lock")
    store.pipe_file("/bucket/out/.lock", b"{")
    with pytest.raises(DataError, match="another run is writing there"), open_storage(OUT).locked():
        pass


def test_a_run_whose_lock_was_taken_publishes_nothing_more(store, inputs, monkeypatch):
    monkeypatch.setattr(storage_module, "_RENEW_SECONDS", 0.01)
    theirs = json.dumps({"owner": "other", "time": 2e9}).encode()

    def take_over() -> bool:
        for _ in range(3):  # the renewal under way may write once more
            store.pipe_file("/bucket/out/.lock", theirs)
            storage_module.time.sleep(0.1)
        return False

    with pytest.raises(DataError, match="another run is writing there"):
        tag_into(OUT, inputs, stop=take_over)
    assert theirs == store.cat_file("/bucket/out/.lock")
    assert 1 == len([name for name in there(store) if name.startswith("rows/")])
