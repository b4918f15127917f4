"""All bad inputs: hundreds of files that must each end in the failure ledger, and stop nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from reliability.bad_archives import bad_archives
from reliability.bad_damage import bad_damage
from reliability.bad_documents import bad_documents
from reliability.bad_files import make_bad_files
from reliability.bad_input import BadInput
from reliability.bad_tables import bad_tables
from reliability.bad_texts import bad_texts
from reliability.good_inputs import good_inputs

DOCUMENT_LIMIT = 1  # MB, for `--max-document-size`: what is too long here is longer than this


def write_bad_inputs(folder: Path, *, seed: int = 1) -> list[BadInput]:
    """Write all of them, a folder a family; the same seed gives the same bytes."""
    made = []
    for family, found in _families(seed):
        (folder / family).mkdir(parents=True)
        for bad in found:
            assert bad.data is not None
            (folder / family / bad.name).write_bytes(bad.data)
            made.append(BadInput(f"{family}/{bad.name}", bad.kind, bad.also_good))
    (folder / "files").mkdir()
    special = make_bad_files(folder / "files")
    return [*made, *(BadInput(f"files/{bad.name}", bad.kind, bad.also_good) for bad in special)]


def _families(seed: int) -> Iterator[tuple[str, Iterator[BadInput]]]:
    good = {name: made.data for name, made in good_inputs().items()}
    yield "damage", bad_damage(good, random.Random(seed))
    yield "archives", bad_archives()
    yield "tables", bad_tables()
    yield "documents", bad_documents(random.Random(seed + 1))
    yield "texts", bad_texts(random.Random(seed + 2))
