"""`eventroles config show` and `eventroles config check`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..console import results
from .train import Overrides

app = typer.Typer(help="Look at training configs.", no_args_is_help=True, rich_markup_mode=None)
ConfigArgument = Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a shipped config.")]


@app.command("show")
def show_command(config: ConfigArgument, set_: Overrides = None) -> None:
    """Print a whole config, every default included.

    \b
    eventroles config show seeds
    """
    from ..configs import dump_config, load_config

    typer.echo(dump_config(load_config(config, set_ or [])), nl=False)


@app.command("check")
def check_command(config: ConfigArgument, set_: Overrides = None) -> None:
    """Check a config without training: keys, values, label set, and that its files are there.

    \b
    eventroles config check my.yaml
    """
    from ..configs import check_config, load_config

    check_config(load_config(config, set_ or []))
    results().print(f"{config}: no problems found", soft_wrap=True)
