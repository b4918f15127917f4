"""What tests of addresses share: a store that fsspec keeps in the memory of this process."""

from __future__ import annotations

from collections.abc import Iterator

import fsspec
import pytest


@pytest.fixture
def store() -> Iterator[fsspec.AbstractFileSystem]:
    """A store, empty, that only this process can see."""
    files = fsspec.filesystem("memory")

    def empty() -> None:
        files.store.clear()
        files.pseudo_dirs[:] = [""]

    empty()
    yield files
    empty()
