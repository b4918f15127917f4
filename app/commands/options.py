"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

Labels = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="A label set that says what the outputs of a model mean that does not say so itself."
    ),
]
