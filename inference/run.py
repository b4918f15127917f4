"""A folder run: every document below the inputs tagged, the rows written to one file, and what came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..labels.errors import DataError, EventRolesError
from .documents import Document, Failure, ReadOptions, Source, TableColumns
from .results import TaggedDocument
from .sinks import open_sink
from .sources import check_inputs, find_sources, read_source

_MOST_FAILURES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run did.

    Attributes:
        output: the file with the rows.
        documents: documents tagged, those without a sentence among them.
        sentences: rows written.
        roles: sentences per role, in label order; a sentence with two roles counts for both.
        without_role: sentences that no role was given to.
        truncated: sentences whose end the model did not read.
        repeated: sentences that have the scores of an equal one met before, and were not scored again.
        failures: what gave no document: folders and files that could not be opened, then files and rows as read.
        seconds: from the first look at the inputs until the output was in place.
    """

    output: Path
    documents: int
    sentences: int
    roles: Mapping[str, int]
    without_role: int
    truncated: int
    repeated: int
    failures: tuple[Failure, ...]
    seconds: float

    @property
    def sentences_per_second(self) -> float:
        """Sentences tagged in a second, reading and writing included; 0 for a run that took no time."""
        return self.sentences / self.seconds if self.seconds else 0.0


def check_request(inputs: Sequence[str | Path], *, output: Path) -> None:
    """Refuse what cannot be right before a model is loaded, which takes seconds.

    Raises:
        ConfigError: an input does not exist, or the output cannot be of that name.
    """
    check_inputs(inputs)
    open_sink(output, label_names=(), model="", revision="")


def run(
    tag_documents: Callable[[Iterable[Document]], Generator[TaggedDocument, None, None]],
    inputs: Sequence[str | Path],
    *,
    output: str | Path,
    label_names: Sequence[str],
    model: str,
    revision: str,
    glob: str | None = None,
    columns: TableColumns = TableColumns(),  # noqa: B008  frozen, so that all calls can share it
    on_document: Callable[[TaggedDocument], None] | None = None,
) -> RunSummary:
    """Tag every document of files and folders and write one row a sentence.

    Documents are read while earlier ones are tagged and written, so that a corpus need not fit into memory. What
    cannot be read is collected, and the run goes on; any other error ends it and leaves an older output as it was.

    Args:
        tag_documents: takes documents and gives them back tagged, in the same order.
        inputs: files and folders; see `find_sources`.
        output: the file to write; its extension chooses the format; see `open_sink`.
        label_names: the labels, in the order of their score columns.
        model: name of the model, written to every row.
        revision: revision of the model, written to every row.
        glob: keep only the files below folders that match.
        columns: where tables hold text and id.
        on_document: called with each document once its rows are written.

    Raises:
        ConfigError: an input does not exist, or the output cannot be of that name.
        DataError: nothing could be read (the failures are listed), or the output not be written.
        EventRolesError: pyarrow is needed for the output and not installed.
    """
    started = time.perf_counter()
    output = Path(output)
    sink = open_sink(output, label_names=label_names, model=model, revision=revision)
    found = find_sources(inputs, glob=glob, exclude=output)
    failures = list(found.failures)
    documents = sentences = without_role = truncated = repeated = 0
    roles: Counter[str] = Counter()
    with (
        sink,
        closing(_read(found.sources, columns, failures)) as read,
        closing(tag_documents(read)) as all_tagged,
    ):
        for tagged in all_tagged:
            sink.write(tagged)
            documents += 1
            sentences += len(tagged.sentences)
            repeated += tagged.repeated
            for sentence in tagged.sentences:
                roles.update(sentence.roles)
                without_role += not sentence.roles
                truncated += sentence.truncated
            if on_document is not None:
                on_document(tagged)
        if failures and not documents:
            raise DataError(_all_failed(failures))  # inside the block: an older output is better than an empty one
    return RunSummary(
        output=output,
        documents=documents,
        sentences=sentences,
        roles={name: roles[name] for name in label_names},
        without_role=without_role,
        truncated=truncated,
        repeated=repeated,
        failures=tuple(failures),
        seconds=time.perf_counter() - started,
    )


def _read(sources: Iterable[Source], columns: TableColumns, failures: list[Failure]) -> Generator[Document, None, None]:
    """Yield the documents of all sources, and add to ``failures`` what gave none."""
    for source in sources:
        try:
            for item in read_source(source, options=ReadOptions(columns)):
                if isinstance(item, Failure):
                    failures.append(item)
                else:
                    yield item
        except EventRolesError as error:
            # The failure has the file's name already.
            failures.append(Failure(source.id, str(error).removeprefix(f"{source.path}: ")))


def _all_failed(failures: Sequence[Failure]) -> str:
    lines = [f"no document could be read; {len(failures):,} failed:"]
    lines += [f"  {failure.document}: {failure.reason}" for failure in failures[:_MOST_FAILURES_SHOWN]]
    if len(failures) > _MOST_FAILURES_SHOWN:
        lines.append(f"  … and {len(failures) - _MOST_FAILURES_SHOWN:,} more")
    return "\n".join(lines)
