"""`eventroles crossvalidate`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from ..console import notes, results
from .steps import StepLines
from .train import Overrides


def crossvalidate_command(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or a shipped config, as for train.")],
    folds: Annotated[int, typer.Option(min=2, help="Parts that are held out, one after the other.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings in each fold, each with another seed.")] = 3,
    set_: Overrides = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the results [default: runs/NAME-crossvalidation].")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the results that are in the folder.")] = False,
    keep_models: Annotated[
        bool, typer.Option("--keep-models", help="Keep the model of each training, in models/.")
    ] = False,
) -> None:
    """Say how good the models of a config are, and how much of that is luck.

    The sentences of data.train are cut into folds; for each fold and seed a model is trained on the others and scored
    on the fold. Also lists the labels that are most likely wrong.

    \b
    eventroles crossvalidate my.yaml
    eventroles crossvalidate my.yaml --folds 10 --seeds 1 --set training.epochs=3
    eventroles crossvalidate my.yaml --resume
    """
    from ..configs import load_config

    loaded = load_config(config, set_ or [])
    folder = output or Path(f"{loaded.output.folder}-crossvalidation")

    from ..training.crossvalidate import crossvalidate

    console = notes()
    warnings.filterwarnings("ignore", category=UserWarning)
    try:
        found = crossvalidate(
            loaded,
            folder=folder,
            folds=folds,
            seeds=seeds,
            resume=resume,
            keep_models=keep_models,
            on_step=StepLines(console),
        )
    except KeyboardInterrupt:
        console.print("interrupted; the same command with --resume goes on", style="yellow")
        raise typer.Exit(130) from None

    from ..training.report import scores_table
    from ..training.report_runs import label_errors_table, spreads_table

    out = results()
    out.print(spreads_table(found))
    out.print(scores_table(found.pooled, found.pooled_baseline, title="All out-of-fold decisions together"))
    if found.label_errors:
        out.print(label_errors_table(found.label_errors))
    for warning in found.warnings:
        console.print(f"warning: {warning}", style="yellow", soft_wrap=True)
    out.print(f"Scores, out-of-fold predictions and likely label errors: {found.folder}", soft_wrap=True)
