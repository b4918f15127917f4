"""The `eventroles` program: its commands, its exit codes, and errors as one block instead of a traceback."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated

import typer

from .commands import (
    config,
    count,
    crossvalidate,
    doctor,
    evaluate,
    export,
    learning_curve,
    push,
    robustness,
    seeds,
    tag,
    train,
)
from .console import notes, results
from .labels.errors import EventRolesError

_HELP = """Tag every sentence of conflict news with the roles it plays: attack, retaliation, casualty_report,
official_statement, or labels of your own.

\b
eventroles train seeds                    train the default model into runs/seeds
eventroles tag articles/ --model runs/seeds --output tags.jsonl
eventroles count tags.jsonl --by month    how many of each role, corrected for the model's errors
eventroles evaluate runs/seeds my-labelled-sentences.jsonl
eventroles push runs/seeds my-team/conflict-roles
eventroles config show seeds              every option with its value

\b
Exit codes: 0 done; 1 failed; 2 the request cannot be right;
3 done, but some documents could not be read.
"""

app = typer.Typer(
    help=_HELP,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command("train")(train.train_command)
app.command("tag")(tag.tag_command)
app.command("count")(count.count_command)
app.command("evaluate")(evaluate.evaluate_command)
app.command("robustness")(robustness.robustness_command)
app.command("crossvalidate")(crossvalidate.crossvalidate_command)
app.command("learning-curve")(learning_curve.learning_curve_command)
app.command("export")(export.export_command)
app.command("push")(push.push_command)
app.add_typer(config.app, name="config")
app.add_typer(seeds.app, name="seeds")
app.command("doctor")(doctor.doctor_command)


def _print_version(value: bool) -> None:
    if value:
        from importlib import metadata

        results().print(f"eventroles {metadata.version('eventroles')}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options of all commands; `main` looks at --debug itself, so that it may stand anywhere."""


def main() -> None:
    """Run the program and exit."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    if not debug:
        warnings.showwarning = _show_warning
    try:
        app(args=arguments, prog_name="eventroles")
    except EventRolesError as error:
        if debug:
            raise
        if os.environ.get("RANK", "0") == "0":  # several processes of one run would all say the same
            notes().print(f"error: {error}", style="red", soft_wrap=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone; flushing would fail too
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        notes().print(
            f"error: {type(error).__name__}: {error}\nThis is a fault of eventroles. Run the command again with "
            "--debug and report what it prints.",
            style="red",
            soft_wrap=True,
        )
        sys.exit(1)


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    if issubclass(category, RuntimeWarning):  # ours; the libraries' own are for developers
        notes().print(f"warning: {message}", style="yellow", soft_wrap=True)
