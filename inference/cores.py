"""How many cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def usable_cores(cgroup: Path = _CGROUP) -> int:
    """Return how many cores this process may use: its affinity and the CPU limit of its container, at least 1.

    Args:
        cgroup: where the limits of control groups are mounted (Linux).
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, math.ceil(_container_limit(cgroup))))


def _container_limit(cgroup: Path) -> float:
    """Return the quota of CPU time as cores; infinite where none is set."""
    for read in (_limit_v2, _limit_v1):
        try:
            return read(cgroup)
        except (OSError, ValueError):
            continue
    return 1e9


def _limit_v2(cgroup: Path) -> float:
    quota, period = (cgroup / "cpu.max").read_text(encoding="ascii").split()
    return 1e9 if quota == "max" else int(quota) / int(period)


def _limit_v1(cgroup: Path) -> float:
    quota = int((cgroup / "cpu" / "cpu.cfs_quota_us").read_text(encoding="ascii"))
    period = int((cgroup / "cpu" / "cpu.cfs_period_us").read_text(encoding="ascii"))
    return 1e9 if quota <= 0 else quota / period
