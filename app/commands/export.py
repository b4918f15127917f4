"""`eventroles export`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from ..console import results
from ..labels.errors import ConfigError


def export_command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder.")],
    int8: Annotated[bool, typer.Option("--int8", help="Only the int8 file.")] = False,
    fp32: Annotated[bool, typer.Option("--fp32", help="Only the fp32 file; needs no data.")] = False,
) -> None:
    """Write a model as ONNX, fp32 and int8, for fast tagging on a CPU; training does the same at its end.

    int8 is kept only if it decides like fp32 on the validation sentences of the model's training: see `export` in
    configs/default.yaml for the limits.

    \b
    eventroles export runs/seeds
    eventroles export runs/seeds --int8
    """
    if not model.is_dir():
        raise ConfigError(
            f"{model}: no such folder; a model on the Hub is downloaded first: hf download ID --local-dir DIR"
        )
    from ..inference import load_bundle
    from ..training.data import training_data
    from ..training.export import export_model
    from ..training.report import exports_table

    warnings.filterwarnings("ignore", category=UserWarning)
    bundle = load_bundle(model)
    wanted = [name for name, only in (("fp32", fp32), ("int8", int8)) if only or fp32 == int8]
    try:
        data = training_data(bundle)
    except ConfigError as error:
        if "int8" in wanted:
            raise ConfigError(
                f"{model}: int8 is compared with fp32 on the sentences of its training, but {error}. Run this where it "
                "was trained, or give --fp32"
            ) from error
        data = None
    made = export_model(model, data, precisions=wanted)
    out = results()
    out.print(exports_table(made))
    if all(export.file is None for export in made.values()):
        raise typer.Exit(1)
