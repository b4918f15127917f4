"""How many cores there are to use: affinity, and the limits of containers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from eventroles.inference.cores import usable_cores


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def write_v1(folder: Path, quota: str, period: str = "100000") -> None:
    (folder / "cpu").mkdir()
    (folder / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n", encoding="ascii")
    (folder / "cpu" / "cpu.cfs_period_us").write_text(f"{period}\n", encoding="ascii")


def test_without_a_limit_all_cores_of_the_affinity_count(tmp_path: Path) -> None:
    assert 8 == usable_cores(tmp_path)


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("1600000 100000", 8)],
)
def test_a_quota_of_cgroup_v2_limits_them_rounded_up(tmp_path: Path, limit: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{limit}\n", encoding="ascii")
    assert cores == usable_cores(tmp_path)


@pytest.mark.parametrize(("quota", "cores"), [("-1", 8), ("300000", 3), ("50000", 1)])
def test_a_quota_of_cgroup_v1_limits_them_likewise(tmp_path: Path, quota: str, cores: int) -> None:
    write_v1(tmp_path, quota)
    assert cores == usable_cores(tmp_path)


def test_files_that_say_something_else_limit_nothing(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("much\n", encoding="ascii")
    write_v1(tmp_path, "", "")
    assert 8 == usable_cores(tmp_path)


def test_a_system_without_affinity_counts_its_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert 6 == usable_cores(tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert 1 == usable_cores(tmp_path)
