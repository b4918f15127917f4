"""A file is there as a whole or as it was before."""

from __future__ import annotations

from pathlib import Path

import pytest
from eventroles.labels.errors import DataError
from eventroles.labels.wholefile import whole_file


def test_a_written_file_stands_in_folders_that_are_made_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "numbers.json"
    with whole_file(path) as file:
        file.write(b"{}")
        assert not path.exists()
    assert b"{}" == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_an_error_within_leaves_what_stood_there_before(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    path.write_bytes(b"old")

    def write_half() -> None:
        with whole_file(path) as file:
            file.write(b"new")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        write_half()
    assert b"old" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    place = whole_file(tmp_path / "file" / "numbers.json")
    with pytest.raises(DataError, match=r"numbers\.json: cannot write the file: "), place:
        pass
