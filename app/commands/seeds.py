"""`eventroles seeds`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from ..console import notes, results
from ..labels import DataError, LabelSet, join, write_records
from .push import DryRun, Message, Private, Revision, print_pushed

app = typer.Typer(help="Work with the hand-labelled seed sentences.", no_args_is_help=True, rich_markup_mode=None)


@app.command("join")
def join_command(
    documents: Annotated[
        Path, typer.Argument(metavar="DOCUMENTS_DIR", help="The folder with your own copies of the seed documents.")
    ],
    output: Annotated[Path, typer.Option(help="The .jsonl file to write.")],
) -> None:
    """Join the hand labels of the seed documents with your own copies of them.

    The articles are not part of eventroles; their labels are, as offsets. A document is used only if its bytes are
    those that were labelled.

    \b
    eventroles seeds join documents/ --output runs/seed-sentences.jsonl
    """
    if output.suffix.lower() != ".jsonl":
        raise typer.BadParameter("the output must end in .jsonl", param_hint="--output")
    annotations = Path(str(resources.files("eventroles.seeds"))) / "annotations.jsonl"
    joined = join(annotations, documents, labels=LabelSet.load("roles"))
    console = notes()
    for name in joined.missing:
        console.print(f"missing: {name} is not in {documents}", style="yellow", soft_wrap=True)
    for name in joined.differing:
        console.print(
            f"differs: {documents / name} is not the file that was labelled (SHA-256); left out",
            style="yellow",
            soft_wrap=True,
        )
    if not joined.records:
        raise DataError(f"none of the seed documents is in {documents} as it was labelled; nothing written")
    count = write_records(joined.records, output)
    found = len({record.document for record in joined.records})
    results().print(f"{count} labelled sentences of {found} documents: {output}", soft_wrap=True)
    if joined.missing or joined.differing:
        raise typer.Exit(3)


@app.command("push")
def push_command(
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="Its id, such as my-team/conflict-seeds.")],
    private: Private = False,
    revision: Revision = None,
    message: Message = None,
    dry_run: DryRun = False,
) -> None:
    """Send the seed corpus, its data card and the labels of the seed documents to the Hub, as a data set.

    The articles of the seed documents do not go up: they are not part of eventroles.

    \b
    eventroles seeds push my-team/conflict-seeds
    datasets.load_dataset("my-team/conflict-seeds")
    eventroles train my.yaml --set data.hub_dataset=my-team/conflict-seeds --set data.train=train
    """
    from ..inference.push import PushOptions, push_files

    home = Path(str(resources.files("eventroles.seeds")))
    paths = [home / "README.md", home / "annotations.jsonl", *sorted((home / "corpus").glob("*.jsonl"))]
    files: dict[str, Path | bytes] = {path.relative_to(home).as_posix(): path for path in paths}
    options = PushOptions(private=private, revision=revision, message=message, dry_run=dry_run)
    print_pushed(push_files(files, repository, options, kind="dataset", message="Add the seed corpus"))
