"""A run: every document of the inputs tagged, the rows written to a file, a stream or a dataset folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from ..labels.errors import ConfigError, DataError, require
from .cluster.benches import close_benches
from .dataset.folder import Dataset
from .dataset.parts import Layout
from .dataset.report import write_report
from .dataset.storage import open_storage
from .documents import Document, EndOfPart, Failure, ReadOptions, Source, SourceRead
from .options import RunOptions
from .outcome import Origin, Progress, RunSummary, summarise
from .reading.pipe import STANDARD, read_pipe
from .reading.process import ReaderProcess
from .reading.sources import check_inputs, find_sources
from .remote import check_output, name_of, place, put_at, readable
from .results import TaggedDocument
from .rows import LAYOUT, Table
from .sinks import Sink, json_line, open_sink
from .stream import Event

# Documents and failures of a part at most, whatever their size: all of them are held until it ends.
_MOST_ITEMS = 16_384
_MOST_FAILURES_SHOWN = 20

Item = Document | Event


class TagStream(Protocol):
    """Tags the documents of a stream; see `Tagger.tag_stream`."""

    def __call__(
        self, items: Iterable[Item], *, cache: bool, skip_boilerplate: bool
    ) -> Generator[TaggedDocument | Event, None, None]:
        """Yield the stream with its documents tagged."""


class Output(Protocol):
    """Takes what a run gives, in order."""

    def write(self, tagged: TaggedDocument) -> None:
        """Write the rows of a document."""

    def fail(self, failure: Failure) -> None:
        """Take what gave no document."""

    def finish(self, read: SourceRead) -> None:
        """Take that an input was read to its end."""

    def end_part(self) -> None:
        """Take that a part ends here."""


def check_request(inputs: Sequence[str | Path], *, output: str | Path, options: RunOptions) -> None:
    """Refuse what cannot be right before a model is loaded, which takes seconds.

    Raises:
        ConfigError: an input does not exist, or inputs, output and options do not go together.
        EventRolesError: a library that the options need is not installed.
    """
    is_piped = STANDARD in map(str, inputs)
    if is_piped and len(inputs) > 1:
        raise ConfigError("standard input (-) can only be the one input; write the files to it, or leave it out")
    if not is_piped:
        check_inputs(inputs)
    check_output(output)
    if is_folder(output):
        if is_piped:
            raise ConfigError(
                f"standard input cannot be read a second time, so a folder ({output}) cannot be resumed; name a file, "
                "such as tags.jsonl, or - for standard output"
            )
        # Not after the hours that tagging takes.
        if options.deduplicate:
            require("rensa", extra="deduplicate")
        if options.format == "parquet":
            require("pyarrow", extra="parquet")
        return
    if str(output) != STANDARD:
        _open_file(output, Table((), "", "", clusters=False))
    for name, is_set in (("keep-text", options.keep_text), ("deduplicate", options.deduplicate)):
        if is_set:
            raise ConfigError(f"--{name} needs a dataset folder; name an --output without extension, not {output}")


def is_folder(output: str | Path) -> bool:
    """Whether an output is a dataset folder: its name has no extension (``tags.2026`` has none, ``tags.json`` has)."""
    return str(output) != STANDARD and not Path(str(output)).suffix[1:].isalpha()


def run(
    tag: TagStream,
    inputs: Sequence[str | Path],
    *,
    output: str | Path,
    origin: Origin,
    options: RunOptions = RunOptions(),  # noqa: B008  frozen, so that all calls can share it
    on_progress: Callable[[Progress, TaggedDocument | None], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> RunSummary:
    """Tag every document of files and folders and write one row a sentence.

    Files are read in a process of their own, while earlier documents are tagged and written, so that an archive need
    not fit into memory and a file that a reader crashes on costs only itself. What cannot be read is collected, and
    the run goes on; any other error ends it and loses no part that is finished.

    Args:
        tag: tags a stream; see `Tagger.tag_stream`.
        inputs: files, folders and addresses; see `find_sources`. ``-`` is standard input.
        output: a file by its extension, a dataset folder without one, or ``-`` for standard output.
        origin: the model.
        options: what to read and how to write.
        on_progress: called after each document, and after each failure with None in place of the document.
        stop: asked after every part of a dataset folder: true ends the run there.

    Raises:
        ConfigError: an input does not exist; the output is of another kind, model or option set.
        DataError: nothing could be read (the failures are listed), or the output cannot be written.
        EventRolesError: a library is needed and not installed.
    """
    check_request(inputs, output=output, options=options)
    progress = Progress(on_progress)
    if is_folder(output):

        def fill(dataset: Dataset, stopped: Stop) -> None:
            _pump(tag, _read(dataset.pending(), options, stopped), dataset, options, progress)
            dataset.end_part()

        return run_folder(fill, inputs, output=output, origin=origin, options=options, progress=progress, stop=stop)
    table = Table(origin.label_names, origin.model, origin.revision, clusters=False)
    target = _Stream(table) if str(output) == STANDARD else _open_file(output, table)
    with target:
        if [STANDARD] == [str(name) for name in inputs]:
            for batch in read_pipe(sys.stdin.buffer, ReadOptions(options.columns, options.limits)):
                _pump(tag, batch, target, options, progress)
        else:
            found = find_sources(inputs, glob=options.glob, exclude=output)
            progress.begin(found)
            _pump(tag, _read(((source, 0) for source in found.sources), options, None), target, options, progress)
            if progress.failed and not progress.documents:
                raise DataError(_all_failed(progress))  # inside: an older output is better than an empty one
    return summarise(progress, output=output, origin=origin)


def run_folder(
    fill: Callable[[Dataset, Stop], None],
    inputs: Sequence[str | Path],
    *,
    output: str | Path,
    origin: Origin,
    options: RunOptions,
    progress: Progress,
    stop: Callable[[], bool] | None,
) -> RunSummary:
    """Open a dataset folder, have ``fill`` write the parts that are missing, and finish it; see `run`."""
    output = place(output)
    table = Table(origin.label_names, origin.model, origin.revision, clusters=options.deduplicate)
    layout = Layout(open_storage(output), table, options.format, options.keep_text)
    with Dataset(layout, identity(inputs, origin, options)) as dataset:
        if isinstance(output, Path):
            close_benches(output)  # of a run on a cluster that was killed
        found = find_sources(inputs, glob=options.glob, exclude=output)
        progress.begin(found)
        plan = dataset.plan(found, retry_failed=options.retry_failed)
        progress.size = plan.size
        stopped = Stop(stop)
        fill(dataset, stopped)
        if not stopped.is_true:
            dataset.complete()
        summary = summarise(
            progress, output=output, origin=origin, dataset=dataset, plan=plan, is_complete=not stopped.is_true
        )
        write_report(dataset, summary, origin)
    return summary


def identity(inputs: Sequence[str | Path], origin: Origin, options: RunOptions) -> dict[str, object]:
    """Return what must be the same for rows to stand in one dataset folder: model, inputs, options, by name."""
    places = [place(name) for name in inputs]
    names = [str(name.absolute()) if isinstance(name, Path) else readable(name) for name in places]
    return {
        "inputs": sorted(names),
        "model": origin.model,
        "revision": origin.revision,
        "precision": origin.precision,
        "max_error": origin.max_error,
        "layout": LAYOUT,
        "labels": list(origin.label_names),
        "glob": options.glob,
        "columns": asdict(options.columns),
        "skip_boilerplate": options.skip_boilerplate,
        "keep_text": options.keep_text,
        "deduplicate": options.deduplicate,
        "format": options.format,
        "part_size": options.part_size,
    }


def _pump(tag: TagStream, items: Iterable[Item], output: Output, options: RunOptions, progress: Progress) -> None:
    """Tag a stream and hand everything on, in order."""
    with closing(tag(items, cache=options.cache, skip_boilerplate=options.skip_boilerplate)) as stream:
        for item in stream:
            if isinstance(item, TaggedDocument):
                output.write(item)
                progress.advance(item)
            elif isinstance(item, Failure):
                output.fail(item)
                progress.fail(item)
            elif isinstance(item, SourceRead):
                output.finish(item)
                progress.read += item.size
            else:
                output.end_part()


def _read(
    sources: Iterable[tuple[Source, int]], options: RunOptions, stopped: Stop | None
) -> Generator[Item, None, None]:
    """Yield what the sources hold; with ``stopped``, in parts, and only to the end of one after it says true."""
    size = items = 0
    with (
        ReaderProcess(ReadOptions(options.columns, options.limits)) as reader,
        closing(reader.read_all(sources)) as everything,
    ):
        for item in everything:
            is_full = size >= options.part_size or items >= _MOST_ITEMS
            # The end of a file goes into the part of its last document, or it might get one of its own.
            if stopped is not None and is_full and not isinstance(item, SourceRead):
                yield EndOfPart()
                size = items = 0
                if stopped():
                    return  # what was read too much is read again
            yield item
            items += not isinstance(item, SourceRead)
            size += len(item.text) if isinstance(item, Document) else 0


class Stop:
    """Asks whether to stop, and remembers a yes."""

    def __init__(self, ask: Callable[[], bool] | None) -> None:
        self._ask = ask
        self.is_true = False

    def __call__(self) -> bool:
        """Whether to stop; `is_true` is the last answer."""
        self.is_true = self.is_true or (self._ask is not None and self._ask())
        return self.is_true


class _File:
    """One file of rows, in place after the last."""

    def __init__(self, path: Path, table: Table) -> None:
        self._table = table
        self._sink: Sink = open_sink(path, table.columns)

    def __enter__(self) -> _File:
        self._sink.open()
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._sink.place()
        else:
            self._sink.discard()

    def write(self, tagged: TaggedDocument) -> None:
        for row in self._table.rows(tagged):
            self._sink.write(row)

    def fail(self, failure: Failure) -> None:
        """Nothing: the summary lists failures."""

    def finish(self, read: SourceRead) -> None:
        """Nothing: one file is written at one go."""

    def end_part(self) -> None:
        """Nothing: it is one part."""


class _RemoteFile(_File):
    """One file of rows at an address: made on this machine, and put there after the last."""

    def __init__(self, address: str, table: Table) -> None:
        self._address = address
        self._work = ExitStack()
        self._path = Path(name_of(address))
        super().__init__(self._path, table)

    def __enter__(self) -> _RemoteFile:
        folder = self._work.enter_context(TemporaryDirectory(prefix="eventroles-"))
        self._path = Path(folder, self._path.name)
        self._sink = open_sink(self._path, self._table.columns).open()
        return self

    def __exit__(self, *error: object) -> None:
        with self._work:
            super().__exit__(*error)
            if error[0] is None:
                put_at(self._address, self._path)


class _Stream(_File):
    """Standard output: rows as JSON Lines, each document at once, so that the next program need not wait."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *error: object) -> None:
        sys.stdout.buffer.flush()

    def write(self, tagged: TaggedDocument) -> None:
        sys.stdout.buffer.write(b"".join(map(json_line, self._table.rows(tagged))))
        sys.stdout.buffer.flush()


def _open_file(output: str | Path, table: Table) -> _File:
    where = place(output)
    return _File(where, table) if isinstance(where, Path) else _RemoteFile(where, table)


def _all_failed(progress: Progress) -> str:
    lines = [f"no document could be read; {progress.failed:,} failed:"]
    lines += [f"  {failure.document}: {failure.reason}" for failure in progress.failures[:_MOST_FAILURES_SHOWN]]
    if progress.failed > _MOST_FAILURES_SHOWN:
        lines.append(f"  … and {progress.failed - _MOST_FAILURES_SHOWN:,} more")
    return "\n".join(lines)
