"""What a worker on a cluster does: loads the model once, and makes one part of each shard."""

from __future__ import annotations

import json
import os
import socket
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ...labels import errors
from ...labels.errors import ConfigError, EventRolesError
from ...labels.labelset import LabelSet
from ..dataset.ledger import SourceEntry
from ..dataset.parts import Layout, PartWriter
from ..dataset.storage import open_storage
from ..documents import Failure, ReadOptions, Source, SourceRead
from ..options import RunOptions
from ..outcome import Origin, Progress
from ..reading.process import ReaderProcess
from ..remote import is_remote, place
from ..results import TaggedDocument
from ..rows import Table
from ..tagger import Tagger
from .benches import bench, count_attempt, is_open, move_in
from .shards import Shard, ShardDone

_ATTEMPTS = 5  # Ray tries for ever, and files that kill every worker would keep a cluster busy


@dataclass(frozen=True)
class ModelChoice:
    """Which model to load and how; see `Tagger.from_pretrained`."""

    name: str
    device: str = "auto"
    backend: str = "auto"
    exact: bool = False
    revision: str | None = None
    max_error: float | None = None
    labels: LabelSet | None = None


@dataclass(frozen=True)
class Job:
    """What all workers of a run are told.

    Attributes:
        model: the model to load.
        origin: what the driver says of it; workers must find the same.
        home: the driver's current folder, which paths are relative to.
        inputs: what the user named.
        output: the dataset folder: a path, or an address of another machine.
        options: of the run.
        threads: of each worker.
    """

    model: ModelChoice
    origin: Origin
    home: str
    inputs: tuple[str, ...]
    output: str
    options: RunOptions
    threads: int


class ShardWorker:
    """Makes parts of shards, one at a time. It raises nothing: Ray would try again what fails each time.

    Args:
        job: what all workers of the run are told.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        # The tokenizer has a thread for each core if nothing tells it otherwise. This process is a worker's own.
        os.environ["RAYON_NUM_THREADS"] = str(job.threads)

    def __call__(self, batch: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
        """Return the answer to each shard as JSON: a `ShardDone`, or an error; see `read_answer`."""
        return {"answer": [self._answer(text) for text in batch["shard"]]}

    def close(self) -> None:
        """End the process that reads files; it ends by itself when this one does."""
        if "_reader" in self.__dict__:
            self._reader.__exit__()

    def _answer(self, text: str) -> str:
        try:
            return self.make_part(Shard.from_json(text)).as_json()
        except EventRolesError as error:
            kind = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
            return json.dumps({"error": str(error), "kind": kind.__name__})
        except Exception:
            return json.dumps({"error": f"on {socket.gethostname()}:\n{traceback.format_exc()}", "kind": None})

    def make_part(self, shard: Shard) -> ShardDone:
        """Tag the inputs of a shard, write its part and put it in place.

        Raises:
            ConfigError: the model is another one here, or this machine does not see the inputs or the output.
            DataError: the part cannot be written.
            EventRolesError: workers died of the shard before, again and again.
        """
        known = {entry.id: entry for entry, _ in shard.inputs}
        progress = Progress(None)
        job = self._job
        with self._layout(shard) as layout:
            writer = PartWriter(layout, shard.number, lambda name: known.get(name) or SourceEntry(name, "", 0, 0))
            try:
                self._fill(writer, self._sources(shard), progress)
                part = writer.publish()
            except BaseException:
                writer.discard()
                raise
            if not is_remote(job.output):
                move_in(layout.storage.folder, Path(job.home, job.output), layout.names(shard.number))
        return ShardDone(part, shard.size, progress.truncated, progress.repeated)

    def _fill(self, writer: PartWriter, sources: Iterable[tuple[Source, int]], progress: Progress) -> None:
        options = self._job.options
        with (
            closing(self._reader.read_all(sources)) as items,
            closing(
                self._tagger.tag_stream(items, cache=options.cache, skip_boilerplate=options.skip_boilerplate)
            ) as stream,
        ):
            for item in stream:
                if isinstance(item, TaggedDocument):
                    writer.write(item)
                    progress.advance(item)
                elif isinstance(item, Failure):
                    writer.fail(item)
                elif isinstance(item, SourceRead):
                    writer.finish(item)

    def _sources(self, shard: Shard) -> Iterator[tuple[Source, int]]:
        for entry, skip in shard.inputs:
            address = entry.path if is_remote(entry.path) else str(Path(self._job.home, entry.path))
            yield Source.at(address, entry.id, size=entry.size, modified_ns=entry.modified_ns), skip

    @cached_property
    def _reader(self) -> ReaderProcess:
        options = self._job.options
        return ReaderProcess(ReadOptions(options.columns, options.limits))

    @cached_property
    def _tagger(self) -> Tagger:
        job = self._job
        self._check_inputs()
        choice = job.model
        tagger = Tagger.from_pretrained(
            choice.name,
            device=choice.device,
            backend=choice.backend,
            exact=choice.exact,
            revision=choice.revision,
            threads=job.threads,
            max_error=choice.max_error,
            labels=choice.labels,
        )
        found = (tagger.origin.revision, tagger.origin.precision)
        if found != (job.origin.revision, job.origin.precision):
            raise ConfigError(
                f"the model {choice.name} is {' in '.join(found)} on {socket.gethostname()} and "
                f"{job.origin.revision} in {job.origin.precision} where the run was started; put the same folder and "
                "the same packages on all machines, or choose --device, --backend or --exact"
            )
        return tagger

    def _check_inputs(self) -> None:
        for name in self._job.inputs:
            where = place(name)
            if isinstance(where, Path) and not Path(self._job.home, where).exists():
                raise _unseen(name)

    @contextmanager
    def _layout(self, shard: Shard) -> Iterator[Layout]:
        """Give a layout to write one part with: not where it is to be, as another worker may be at the same part."""
        job = self._job
        table = Table(job.origin.label_names, job.origin.model, job.origin.revision, clusters=job.options.deduplicate)
        layout = Layout(open_storage(job.output), table, job.options.format, job.options.keep_text)
        if is_remote(job.output):
            yield layout  # files are made on this machine there, and an object is put in place as a whole
            return
        output = Path(job.home, job.output)
        if not is_open(output):
            raise _unseen(job.output)
        if count_attempt(output, shard.number) > _ATTEMPTS:
            first, last = shard.inputs[0][0].id, shard.inputs[-1][0].id
            raise EventRolesError(
                f"{_ATTEMPTS} workers died at the same inputs, {first} to {last}; give workers more memory, or leave "
                "out the one that it is"
            )
        with bench(output) as folder:
            yield replace(layout, storage=open_storage(folder))


def read_answer(answer: str) -> ShardDone:
    """Return what a worker made of a shard.

    Raises:
        EventRolesError: what the worker says that it cannot do.
        RuntimeError: a fault of the worker, with its traceback.
    """
    found = json.loads(answer)
    if "error" not in found:
        return ShardDone.from_json(answer)
    if found["kind"] is None:
        raise RuntimeError(f"a worker failed {found['error']}")
    kind: type[EventRolesError] = getattr(errors, found["kind"])
    raise kind(found["error"])


def _unseen(name: str) -> ConfigError:
    return ConfigError(
        f"{name} is not there on {socket.gethostname()}; put it into a folder that all machines of the cluster have "
        "under the same path, or at an address such as s3://bucket/folder"
    )
