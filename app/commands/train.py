"""`eventroles train`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from ..console import notes, results
from .steps import StepLines

Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY.PATH=VALUE", help="Change one value; may be given often.")
]


def train_command(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG",
            help="A YAML file, or a shipped config: seeds, fast, accurate, smoke, seeds-and-documents.",
        ),
    ],
    set_: Overrides = None,
    output: Annotated[Path | None, typer.Option(help="Folder of the model [default: runs/NAME].")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of this run.")] = False,
) -> None:
    """Train a model and write its folder.

    \b
    eventroles train seeds
    eventroles train my.yaml --set training.epochs=8 --output runs/mine
    eventroles train accurate --set data.unlabelled=archive/
    torchrun --nproc-per-node 2 -m eventroles train seeds
    """
    from ..configs import load_config

    overrides = list(set_ or [])
    if output is not None:
        overrides.append(f"output.folder={_quoted(output)}")
    loaded = load_config(config, overrides)

    from ..training.train import train

    console = notes()
    warnings.filterwarnings("ignore", category=UserWarning)
    callbacks = []
    if console.is_terminal:
        from ..training.progress import RichProgress

        callbacks.append(RichProgress(console))
    try:
        result = train(loaded, resume=resume, on_step=StepLines(console), callbacks=callbacks)
    except KeyboardInterrupt:
        console.print("interrupted; the same command with --resume goes on from the last epoch", style="yellow")
        raise typer.Exit(130) from None
    if result is None:  # one of several processes, not the main one
        return

    from ..training.report import exports_table, leakage_table, review_table, rule_table, scores_table

    out = results()
    out.print(scores_table(result.model, result.baseline, title="Test split: the model beside TF-IDF + LR"))
    out.print(rule_table(result.rule, result.labels))
    if result.review is not None:
        out.print(review_table(result.review))
    if result.leakage is not None and result.leakage.leaks:
        out.print(leakage_table(result.leakage, result.leaked, result.clean))
    if result.exports:
        out.print(exports_table(result.exports))
    if result.unlabelled is not None:
        found = result.unlabelled
        out.print(f"{len(found.sentences):,} unlabelled sentences of {found.documents:,} documents were added")
    for warning in result.warnings:
        console.print(f"warning: {warning}", style="yellow", soft_wrap=True)
    trained = f"{result.epochs:g} epochs in {result.seconds:.0f} s, {result.weights}"
    out.print(f"{trained}. Model: {result.folder}", soft_wrap=True)
    if result.report is not None:
        out.print(f"Report: {result.report}", soft_wrap=True)
    if result.pushed is not None:
        out.print(f"Pushed: {result.pushed.url} at commit {result.pushed.commit}", soft_wrap=True)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
