"""`--fast` counts the CPUs that this process may really use."""

import os
from pathlib import Path

import pytest

from maxbot.server.cpus import usable_cpus


@pytest.fixture(autouse=True)
def sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


def cpus(folder: Path, membership: str, **files: str) -> int:
    """Count with control groups whose files are these; `__` in a name stands for a slash."""
    groups = folder / "cgroup"
    groups.mkdir()
    for name, content in files.items():
        file = groups / name.replace("__", "/").replace("_max", ".max").replace("cpu_cfs", "cpu.cfs")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (folder / "membership").write_text(membership)
    return usable_cpus(groups, folder / "membership")


def test_without_a_limit_it_is_the_affinity(tmp_path: Path) -> None:
    assert cpus(tmp_path, "0::/\n", cpu_max="max 100000\n") == 16


@pytest.mark.parametrize(
    ("limit", "expected"), [("200000", 2), ("150000", 2), ("50000", 1), ("100001", 2), ("1000", 1), ("9900000", 16)]
)
def test_a_containers_limit_is_rounded_up(tmp_path: Path, limit: str, expected: int) -> None:
    assert cpus(tmp_path, "0::/\n", cpu_max=f"{limit} 100000\n") == expected


def test_the_tightest_limit_on_the_way_to_the_root_counts(tmp_path: Path) -> None:
    files = {"a__b__cpu_max": "max 100000\n", "a__cpu_max": "300000 100000\n", "cpu_max": "500000 100000\n"}
    assert cpus(tmp_path, "0::/a/b\n", **files) == 3


def test_another_groups_limit_does_not_count(tmp_path: Path) -> None:
    assert cpus(tmp_path, "0::/a\n", b__cpu_max="100000 100000\n") == 16


@pytest.mark.parametrize(("quota", "expected"), [("250000", 3), ("-1", 16)])
def test_version_1(tmp_path: Path, quota: str, expected: int) -> None:
    membership = "4:cpu,cpuacct:/docker/1\n1:name=systemd:/docker/1\n"
    files = {"cpu__cpu_cfs_quota_us": f"{quota}\n", "cpu__cpu_cfs_period_us": "100000\n"}
    assert cpus(tmp_path, membership, **files) == expected


@pytest.mark.parametrize("membership", ["0::/../../other\n", "0::/gone\n", "", "nonsense"])
def test_a_group_that_cannot_be_seen_is_no_limit(tmp_path: Path, membership: str) -> None:
    assert cpus(tmp_path, membership) == 16


def test_no_control_groups(tmp_path: Path) -> None:
    assert usable_cpus(tmp_path / "none", tmp_path / "neither") == 16
