"""`eventroles evaluate`."""

from __future__ import annotations

import warnings
from typing import Annotated

import typer

from ..console import notes, results


def evaluate_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model folder, or an id on the Hugging Face Hub.")],
    data: Annotated[
        list[str],
        typer.Argument(metavar="DATA...", help="Labelled sentences: .jsonl, .csv, .parquet, or folders of them."),
    ],
    by: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Also give pass rates for each value of this column.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    backend: Annotated[str, typer.Option(help="auto, onnx (the exported model, on the CPU) or torch.")] = "auto",
    exact: Annotated[bool, typer.Option("--exact", help="Full precision: fp32 where the CPU would run int8.")] = False,
    text_column: Annotated[str | None, typer.Option(help="Column with the text [default: as in training].")] = None,
    roles_column: Annotated[str | None, typer.Option(help="Column with the labels [default: as in training].")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub model.")] = None,
) -> None:
    """Score a model on labelled sentences, beside a TF-IDF baseline trained on the same data.

    \b
    eventroles evaluate runs/seeds my-sentences.jsonl
    eventroles evaluate runs/seeds labels/codebook.jsonl --by rule
    """
    from ..configs import data_files
    from ..training.evaluate import evaluate
    from ..training.report import groups_table, scores_table

    warnings.filterwarnings("ignore", category=UserWarning)
    found = evaluate(
        model,
        data_files(data, key="DATA"),
        by=by,
        device=device,
        backend=backend,
        exact=exact,
        text_column=text_column,
        roles_column=roles_column,
        revision=revision,
    )
    out, console = results(), notes()
    out.print(scores_table(found.model, found.baseline, title=f"{model} on {', '.join(data)}"))
    if by is not None:
        out.print(groups_table(found.groups, by=by))
    if found.baseline is None:
        console.print(f"note: no baseline beside it: {found.baseline_missing}", soft_wrap=True)
    if found.truncated:
        console.print(
            f"warning: {found.truncated} sentences are longer than the model's window; their ends were not read",
            style="yellow",
            soft_wrap=True,
        )
