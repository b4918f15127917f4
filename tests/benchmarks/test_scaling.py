"""The plan for 100 million sentences: what it is computed from, and where it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from scaling import Archive, Found, Run, tables, worker_memory, write, write_archive

ARCHIVE = Archive(Path("archive"), sentences=1000, characters=120_000, part_size=1)
FOUND = [
    Found("local", 1, Run(speed=500.0, around=2.0, worker_memory=0, row=100.0)),
    Found("ray", 1, Run(speed=450.0, around=20.0, worker_memory=400_000_000, row=100.0)),
    Found("local", 2, Run(speed=900.0, around=2.0, worker_memory=0, row=100.0)),
    Found("ray", 2, Run(speed=800.0, around=20.0, worker_memory=500_000_000, row=100.0)),
]


def test_the_plan_takes_the_speed_of_a_core_among_others() -> None:
    text = " ".join(tables(FOUND, ARCHIVE, price=0.1).split())
    assert "| ray | 2 | 800 | 0.89 × | 1.78 × | 20.0 | 500 MB |" in text
    # 100,000,000 / 400 a second = 250,000 s
    assert "at 400 sentences a second and core" in text
    assert "**69 core hours**" in text
    assert "a core hour costs $0.1, which gives **$6.94**" in text
    assert "10.0 GB of disk in Parquet (100 bytes a row), in about 3,000 parts" in text
    assert "| 64 | 1.1 | 32 GB | $6.94 |" in text


def test_an_archive_has_eight_files_for_each_core(tmp_path: Path) -> None:
    archive = write_archive(
        tmp_path, ["Rebels shelled the old port.", "Two dockers died there."], cores=2, sentences=200
    )
    assert 16 == len(list(archive.folder.iterdir()))
    assert 320 == archive.sentences
    assert archive.part_size < min(path.stat().st_size for path in archive.folder.iterdir())


def test_the_tables_take_the_place_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- scaling.py: begin -->\nold\n<!-- scaling.py: end -->\nz\n", encoding="utf-8")
    write(page, "new")
    assert "a\n<!-- scaling.py: begin -->\nnew\n<!-- scaling.py: end -->\nz\n" == page.read_text(encoding="utf-8")
    page.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match="begin"):
        write(page, "new")


def test_a_process_without_workers_has_no_worker_memory() -> None:
    assert 0 == worker_memory(1 << 30)
