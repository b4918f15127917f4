"""`eventroles tag`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..console import notes, results
from ..labels.errors import ConfigError
from .options import Labels
from .tag_progress import Feedback, Interrupt

if TYPE_CHECKING:
    from ..inference import RunSummary, TaggedSentence
    from ..labels import LabelSet

_FAILURES_SHOWN = 50
_MEBIBYTE = 1 << 20


def tag_command(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Files, folders and addresses (s3://, https://, …) of text, HTML, PDF, Word, mail, EPUB, RTF, news "
            "XML, JSON Lines, CSV, Parquet, and archives of them; - reads standard input, a document a line.",
        ),
    ],
    model: Annotated[str, typer.Option(help="A model folder, its address, or an id on the Hugging Face Hub.")],
    output: Annotated[
        str,
        typer.Option(
            help="A file (.jsonl, .csv, .parquet), - for standard output, or without extension a dataset folder, "
            "which can be resumed."
        ),
    ],
    glob: Annotated[str | None, typer.Option(help="Of folders take only files whose name matches, as '*.txt'.")] = None,
    device: Annotated[str, typer.Option(help="auto (CUDA, then MPS, then CPU), cpu, cuda or mps.")] = "auto",
    backend: Annotated[str, typer.Option(help="auto, onnx (the exported model, on the CPU) or torch.")] = "auto",
    exact: Annotated[bool, typer.Option("--exact", help="Full precision: fp32 where the CPU would run int8.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Remember no scores of repeated sentences.")] = False,
    text_column: Annotated[str, typer.Option(help="Column of tables that holds the text.")] = "text",
    id_column: Annotated[str, typer.Option(help="Column of tables that names the document.")] = "id",
    title_column: Annotated[str, typer.Option(help="Column of tables that holds the headline.")] = "title",
    date_column: Annotated[str, typer.Option(help="Column of tables that holds the date.")] = "date",
    skip_boilerplate: Annotated[
        bool, typer.Option("--skip-boilerplate", help="Leave datelines, by-lines and the like out of scoring.")
    ] = False,
    keep_text: Annotated[
        bool, typer.Option("--keep-text", help="Dataset folder: write the extracted texts beside the rows.")
    ] = False,
    deduplicate: Annotated[
        bool,
        typer.Option("--deduplicate", help="Dataset folder: give near-duplicate stories and sentences their cluster."),
    ] = False,
    format: Annotated[  # noqa: A002  the name of the option
        Literal["parquet", "jsonl", "csv"], typer.Option(help="Dataset folder: format of its parts.")
    ] = "parquet",
    part_size: Annotated[
        int, typer.Option(metavar="CHARACTERS", min=1, help="Dataset folder: text of one part; what a crash can cost.")
    ] = 4_000_000,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Dataset folder: read inputs again of which something failed.")
    ] = False,
    document_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Give a document up that takes longer to read.")
    ] = 60.0,
    max_document_size: Annotated[
        float, typer.Option(metavar="MB", min=0.001, help="Give a document up that is larger, as a file or unpacked.")
    ] = 64.0,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Where to run: this machine, or a Ray cluster.")
    ] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Ray: a cluster that is there; a local one is started without."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Ray: processes that tag; by default one a CPU.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub model.")] = None,
    labels: Labels = None,
    max_error: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Share of sentences that may be decided wrongly without review, for each label; chooses which rows "
            "say review [default: as in training].",
        ),
    ] = None,
    show: Annotated[int, typer.Option(metavar="N", min=0, help="Also print the first N sentences with a role.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    log_format: Annotated[
        Literal["text", "json"], typer.Option(help="Progress and result for people or programs.")
    ] = "text",
) -> None:
    """Tag every sentence of files, folders and archives; write one row a sentence.

    \b
    eventroles tag articles/ --model runs/seeds --output tags.jsonl
    eventroles tag archive/ --model runs/seeds --output tags      (a dataset folder: run again to resume)
    eventroles tag wire.csv --text-column body --model my-team/conflict-roles --output tags.parquet
    zcat news.jsonl.gz | eventroles tag - --model runs/seeds --output - | jq .roles
    """
    from ..inference import Limits, RunOptions, TableColumns, Tagger
    from ..inference.run import check_request, is_folder
    from ..labels import LabelSet

    options = RunOptions(
        glob=glob,
        columns=TableColumns(text=text_column, id=id_column, title=title_column, date=date_column),
        limits=Limits(seconds=document_timeout, document_bytes=int(max_document_size * _MEBIBYTE)),
        cache=not no_cache,
        skip_boilerplate=skip_boilerplate,
        keep_text=keep_text,
        deduplicate=deduplicate,
        format=format,
        part_size=part_size,
        retry_failed=retry_failed,
    )
    # Before the model is loaded, which takes seconds: a mistyped path should not have to wait for it.
    if engine == "ray":
        from ..inference.cluster.driver import check_cluster, run_on_ray
        from ..inference.cluster.worker import ModelChoice

        if show:
            raise ConfigError("--show needs --engine local: workers write rows and send none back")
        check_cluster(inputs, output=output, options=options, address=ray_address)
    else:
        for name, value in (("--ray-address", ray_address), ("--workers", workers)):
            if value is not None:
                raise ConfigError(f"{name} needs --engine ray")
        check_request(inputs, output=output, options=options)
    console = notes()
    feedback = Feedback(console, keep=show, quiet=quiet, as_json=log_format == "json")
    tagger = Tagger.from_pretrained(
        model,
        device=device,
        backend=backend,
        exact=exact,
        max_error=max_error,
        labels=LabelSet.load(labels) if labels else None,
        revision=revision,
    )
    if max_error is not None and tagger.origin.max_error != max_error and not quiet:
        console.print(f"note: --max-error {max_error:g}: the model has review bands for {tagger.origin.max_error:g}")
    # One file is written as a whole: there is no part to finish, and Ctrl-C ends the run at once.
    listening = Interrupt(console, quiet=quiet) if is_folder(output) else nullcontext()
    with listening as interrupt, feedback:
        if engine == "ray":
            # Workers run it as it runs here: its precision is the same in all rows of a dataset.
            device = tagger.engine.device.partition(":")[0]
            choice = ModelChoice(model, device, backend, exact, revision, max_error, tagger.labels if labels else None)
            summary = run_on_ray(
                choice,
                inputs,
                output=output,
                origin=tagger.origin,
                options=options,
                address=ray_address,
                workers=workers,
                on_progress=feedback.advance,
                stop=interrupt,
            )
        else:
            summary = tagger.tag_folder(inputs, output, options, on_progress=feedback.advance, stop=interrupt)
    feedback.finish(summary)
    if not quiet and log_format == "text":
        # Rows go to standard output, so that nothing else may.
        out = console if output == "-" else results()
        if show:
            _print_excerpt(out, feedback.excerpt, tagger.labels)
        _print_summary(out, console, summary, window=tagger.bundle.manifest.window)
    if not summary.is_complete:
        raise typer.Exit(1)
    if summary.failed:
        raise typer.Exit(3)


def _print_summary(out: Console, console: Console, summary: RunSummary, *, window: int) -> None:
    out.print(_summary_table(summary))
    out.print(_summary_line(summary), soft_wrap=True)
    if summary.truncated:
        console.print(
            f"warning: {summary.truncated} sentences are longer than the model's window of {window} tokens; their ends "
            "were not read",
            style="yellow",
            soft_wrap=True,
        )
    if summary.passed_over:
        kinds = ", ".join(f"{count:,} {extension}" for extension, count in summary.passed_over.items())
        console.print(f"passed over, of no kind that can be read: {kinds}", soft_wrap=True)
    plan = summary.plan
    if plan is not None and plan.removed:
        console.print(
            f"inputs of earlier runs that are gone, and whose rows stay: {len(plan.removed):,}", style="yellow"
        )
    if summary.failed:
        _print_failures(console, summary)
    if not summary.is_complete:
        console.print(
            "stopped at the end of a part; run the same command again to go on from there",
            style="yellow",
            soft_wrap=True,
        )


def _summary_line(summary: RunSummary) -> str:
    repeated = f", {summary.repeated:,} of them repeated" if summary.repeated else ""
    earlier = summary.sentences - summary.tagged
    before = f", {earlier:,} of them by earlier runs" if earlier else ""
    return (
        f"{summary.documents:,} documents, {summary.sentences:,} sentences{repeated}{before} in "
        f"{summary.seconds:.1f} s ({summary.sentences_per_second:,.0f} sentences/s, {summary.engine}): {summary.output}"
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
    console.print(f"{summary.failed:,} could not be read and were left out:", style="yellow")
    for failure in summary.failures[:_FAILURES_SHOWN]:
        console.print(f"  {failure.document}: {failure.reason}", soft_wrap=True)
    if summary.failed > _FAILURES_SHOWN:
        where = f" (all in {summary.output}/failures.jsonl)" if summary.plan is not None else ""
        console.print(f"  … and {summary.failed - _FAILURES_SHOWN:,} more{where}", soft_wrap=True)
