"""How many CPUs this process may really use: `--fast` starts as many workers."""

import math
import os
from pathlib import Path


def usable_cpus(cgroups: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int:
    """Return the number of CPUs that affinity and the container's quota leave, at least 1.

    Args:
        cgroups: Where the control groups are mounted.
        membership: Says which one is ours.
    """
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        count = os.cpu_count() or 1
    quota = _quota(cgroups, membership)
    return max(1, count if quota is None else min(count, math.ceil(quota)))


def _quota(cgroups: Path, membership: Path) -> float | None:
    """Return the CPUs that the tightest limit on the way to the root allows (control groups version 2, then 1)."""
    limits = []
    for directory in _own_groups(cgroups, membership):
        # https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files: "$MAX $PERIOD"
        match _read(directory / "cpu.max").split():
            case [limit, period] if limit != "max":
                limits.append(int(limit) / int(period))
    limit, period = _read(cgroups / "cpu/cpu.cfs_quota_us"), _read(cgroups / "cpu/cpu.cfs_period_us")
    if limit and period and int(limit) > 0:
        limits.append(int(limit) / int(period))
    return min(limits, default=None)


def _own_groups(cgroups: Path, membership: Path) -> list[Path]:
    for line in _read(membership).splitlines():
        if line.startswith("0::"):
            own = cgroups / line[3:].strip().lstrip("/")
            return [own, *(parent for parent in own.parents if parent.is_relative_to(cgroups))]
    return [cgroups]


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
