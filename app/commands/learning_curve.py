"""`eventroles learning-curve`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from ..console import notes, results
from ..labels.errors import ConfigError
from .steps import StepLines
from .train import Overrides


def learning_curve_command(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or a shipped config, as for train.")],
    more_shares: Annotated[
        list[str] | None, typer.Argument(metavar="SHARE", help="More shares, after --shares.")
    ] = None,
    shares: Annotated[
        list[float] | None,
        typer.Option(help="Shares of the training split to train on [default: 0.1 0.2 0.4 0.7 1.0]."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings at each share, each with another seed.")] = 2,
    set_: Overrides = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the results [default: runs/NAME-learning-curve].")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the results that are in the folder.")] = False,
) -> None:
    """Say whether more labels would help, and which label needs them.

    Models are trained on growing shares of the training split and scored on the same test split; a curve fitted to
    their scores says what twice the labels would bring.

    \b
    eventroles learning-curve my.yaml
    eventroles learning-curve my.yaml --shares 0.25 0.5 0.75 1.0 --seeds 3
    eventroles learning-curve my.yaml --resume
    """
    from ..configs import load_config

    loaded = load_config(config, set_ or [])
    folder = output or Path(f"{loaded.output.folder}-learning-curve")
    chosen = [*(shares or []), *(_number(text) for text in more_shares or [])]

    from ..training.learning_curve import SHARES, learning_curve

    console = notes()
    warnings.filterwarnings("ignore", category=UserWarning)
    try:
        found = learning_curve(
            loaded,
            folder=folder,
            shares=chosen or SHARES,
            seeds=seeds,
            resume=resume,
            on_step=StepLines(console),
        )
    except KeyboardInterrupt:
        console.print("interrupted; the same command with --resume goes on", style="yellow")
        raise typer.Exit(130) from None

    from ..training.report_runs import learning_curve_table, outlook_lines

    out = results()
    out.print(learning_curve_table(found))
    for line in outlook_lines(found):
        out.print(line, soft_wrap=True)
    out.print(f"All numbers: {found.folder}", soft_wrap=True)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"--shares: expected numbers such as 0.1 0.2 0.4 0.7 1.0, found {text!r}") from None
