"""`eventroles push`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from ..console import results

if TYPE_CHECKING:
    from ..inference.push import Pushed

Private = Annotated[bool, typer.Option("--private", help="Create the repository private.")]
Revision = Annotated[str | None, typer.Option(help="Branch to commit to; created if it is not there.")]
Message = Annotated[str | None, typer.Option(help="Message of the commit.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List what would go, and send nothing.")]
_MEBIBYTE = 1 << 20


def push_command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder.")],
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="Its id, such as my-team/conflict-roles.")],
    private: Private = False,
    revision: Revision = None,
    message: Message = None,
    dry_run: DryRun = False,
) -> None:
    """Send a model to the Hugging Face Hub, in one commit; create the repository if it is not there.

    What the model needs goes up, with its card: no checkpoints, no report, no data. The token is that of HF_TOKEN or
    of `hf auth login`, with the right to write.

    \b
    eventroles push runs/seeds my-team/conflict-roles --private
    eventroles push runs/seeds my-team/conflict-roles --dry-run
    """
    from ..inference.bundle import load_bundle
    from ..inference.push import PushOptions, push_model

    options = PushOptions(private=private, revision=revision, message=message, dry_run=dry_run)
    print_pushed(push_model(load_bundle(model), repository, options))


def print_pushed(pushed: Pushed) -> None:
    """Print what went up, or would go."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("file")
    table.add_column("MiB", justify="right")
    for name, size in pushed.files.items():
        table.add_row(name, f"{size / _MEBIBYTE:,.2f}")
    out = results()
    out.print(table)
    total = f"{len(pushed.files)} files, {sum(pushed.files.values()) / _MEBIBYTE:,.1f} MiB"
    if pushed.commit is None:
        out.print(f"{total} would go to {pushed.repository}; nothing was sent", soft_wrap=True)
        return
    for name in pushed.removed:
        out.print(f"removed, as this model has none: {name}", soft_wrap=True)
    out.print(f"{total}: {pushed.url} at commit {pushed.commit}", soft_wrap=True)
