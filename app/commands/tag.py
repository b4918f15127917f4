"""`eventroles tag`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ..console import notes, results

if TYPE_CHECKING:
    from ..inference import RunSummary, TaggedDocument, TaggedSentence
    from ..inference.engines.engine import Engine
    from ..labels import LabelSet

_FAILURES_SHOWN = 50


def tag_command(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files and folders: .txt, .md, .jsonl, .csv, .parquet.")
    ],
    model: Annotated[str, typer.Option(help="A model folder, or an id on the Hugging Face Hub.")],
    output: Annotated[Path, typer.Option(help="The file to write: .jsonl, .csv or .parquet.")],
    glob: Annotated[str | None, typer.Option(help="Of folders take only files whose name matches, as '*.txt'.")] = None,
    device: Annotated[str, typer.Option(help="auto (CUDA, then MPS, then CPU), cpu, cuda or mps.")] = "auto",
    backend: Annotated[str, typer.Option(help="auto, onnx (the exported model, on the CPU) or torch.")] = "auto",
    exact: Annotated[bool, typer.Option("--exact", help="Full precision: fp32 where the CPU would run int8.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Remember no scores of repeated sentences.")] = False,
    text_column: Annotated[str, typer.Option(help="Column of tables that holds the text.")] = "text",
    id_column: Annotated[str, typer.Option(help="Column of tables that names the document.")] = "id",
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub model.")] = None,
    show: Annotated[int, typer.Option(metavar="N", min=0, help="Also print the first N sentences with a role.")] = 0,
) -> None:
    """Tag every sentence of files and folders; write one row a sentence.

    \b
    eventroles tag articles/ --model runs/seeds --output tags.jsonl
    eventroles tag wire.csv --text-column body --model my-team/conflict-roles --output tags.parquet
    """
    from ..inference import TableColumns, Tagger
    from ..inference.run import check_request

    # Before the model is loaded, which takes seconds: a mistyped path should not have to wait for it.
    check_request(inputs, output=output)
    tagger = Tagger.from_pretrained(model, device=device, backend=backend, exact=exact, revision=revision)
    console = notes()
    progress = _Progress(console, show)
    with progress.bar if console.is_terminal else nullcontext():
        summary = tagger.tag_folder(
            [*inputs],
            output,
            glob=glob,
            columns=TableColumns(text=text_column, id=id_column),
            cache=not no_cache,
            on_document=progress.advance,
        )
    out = results()
    if show:
        _print_excerpt(out, progress.excerpt, tagger.labels)
    out.print(_summary_table(summary))
    out.print(_summary_line(summary, tagger.engine), soft_wrap=True)
    if summary.truncated:
        console.print(
            f"warning: {summary.truncated} sentences are longer than the model's window of "
            f"{tagger.bundle.manifest.window} tokens; their ends were not read",
            style="yellow",
            soft_wrap=True,
        )
    if summary.failures:
        _print_failures(console, summary)
        raise typer.Exit(3)


class _Progress:
    """A line on the terminal with documents and sentences so far, and the first ``keep`` sentences with a role."""

    def __init__(self, console: Console, keep: int) -> None:
        self.excerpt: list[tuple[str, TaggedSentence]] = []
        self._keep = keep
        columns = TextColumn("{task.completed} documents, {task.fields[sentences]} sentences")
        self.bar = Progress(SpinnerColumn(), columns, TimeElapsedColumn(), console=console, transient=True)
        self._task = self.bar.add_task("tagging", total=None, sentences=0)
        self._sentences = 0

    def advance(self, document: TaggedDocument) -> None:
        self._sentences += len(document.sentences)
        self.bar.update(self._task, advance=1, sentences=self._sentences)
        for sentence in document.sentences:
            if sentence.roles and len(self.excerpt) < self._keep:
                self.excerpt.append((document.document.id, sentence))


def _summary_line(summary: RunSummary, engine: Engine) -> str:
    repeated = f", {summary.repeated:,} of them repeated" if summary.repeated else ""
    return (
        f"{summary.documents:,} documents, {summary.sentences:,} sentences{repeated} in {summary.seconds:.1f} s "
        f"({summary.sentences_per_second:,.0f} sentences/s, {engine.backend} {engine.precision} on {engine.device}): "
        f"{summary.output}"
    )


def _print_excerpt(console: Console, excerpt: list[tuple[str, TaggedSentence]], labels: LabelSet) -> None:
    colors = {label.name: label.color for label in labels.labels}
    last = None
    for document, sentence in excerpt:
        if document != last:
            console.print(f"\n{document}", style="bold", soft_wrap=True)
        last = document
        line = Text()
        for role in sentence.roles:
            line.append(role, style=f"bold {colors[role]}").append(f" {sentence.scores[role]:.2f}  ", style="dim")
        console.print(line)
        console.print(Padding(Text(" ".join(sentence.text.split())), (0, 0, 0, 4)))


def _summary_table(summary: RunSummary) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("role", no_wrap=True)
    table.add_column("sentences", justify="right")
    table.add_column("share", justify="right")
    for name, count in [*summary.roles.items(), ("none", summary.without_role)]:
        share = f"{count / summary.sentences:.1%}" if summary.sentences else "–"
        table.add_row(name, str(count), share)
    return table


def _print_failures(console: Console, summary: RunSummary) -> None:
    console.print(f"{len(summary.failures)} could not be read and were left out:", style="yellow")
    for failure in summary.failures[:_FAILURES_SHOWN]:
        console.print(f"  {failure.document}: {failure.reason}", soft_wrap=True)
    if len(summary.failures) > _FAILURES_SHOWN:
        console.print(f"  … and {len(summary.failures) - _FAILURES_SHOWN} more")
