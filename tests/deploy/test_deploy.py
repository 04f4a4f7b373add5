"""The files to start from: what reads them accepts them, and they say nothing to maxbot that it does not know."""

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import utils as kubernetes

from maxbot.cli.run import run
from maxbot.settings import options

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = "1.33"


def _files() -> list[Path]:
    return sorted(file for file in DEPLOY.rglob("*") if file.is_file())


def test_every_folder_is_in_the_table() -> None:
    linked = set(re.findall(r"\]\((\w+)/[^)]+\)", (DEPLOY / "README.md").read_text()))
    assert linked == {folder.name for folder in DEPLOY.iterdir() if folder.is_dir()}


def test_every_variable_is_one_of_maxbot() -> None:
    known = {option.env for option in options()}
    used = {name for file in _files() for name in re.findall(r"MAXBOT_[A-Z_]+", file.read_text())}
    assert len(used) > 4
    assert used <= known


def _commands() -> list[list[str]]:
    found = []
    for file in _files():
        text = file.read_text()
        found += [shlex.split(line) for line in re.findall(r"^ExecStart=\S*/maxbot run (.*)$", text, re.M)]
        for listed in re.findall(r"\[(\"?maxbot\"?, \"?run\"?[^\]]*)\]", text):
            found.append([str(part) for part in yaml.safe_load(f"[{listed}]")][2:])
    return found


@pytest.mark.parametrize("arguments", _commands(), ids=shlex.join)
def test_every_command_is_understood(arguments: list[str]) -> None:
    with run.make_context("maxbot run", arguments) as context:
        assert context.params["workers"] == 2 or context.params["fast"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine, which reads the unit")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "maxbot.service"
    text = (DEPLOY / "systemd" / "maxbot.service").read_text()
    unit.write_text(text.replace("/srv/mybot/.venv/bin/maxbot", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_waits_longer_than_maxbot_takes_to_stop() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "systemd" / "maxbot.service")
    assert int(unit["Service"]["TimeoutStopSec"]) > _default("shutdown-timeout") + 5


def test_kubernetes_accepts_the_manifests() -> None:
    for manifest in _manifests():
        kubernetes.validate(manifest, KUBERNETES, strict=True)


def test_a_pod_has_time_to_drain_and_to_stop() -> None:
    pod = _manifest("Deployment")["spec"]["template"]["spec"]
    delay = _drain_delay(pod["containers"][0]["args"])
    assert pod["terminationGracePeriodSeconds"] > delay + _default("shutdown-timeout") + 5
    assert delay >= 2 * pod["containers"][0]["readinessProbe"]["periodSeconds"]


def test_a_rolling_update_and_an_emptied_node_leave_a_pod_that_serves() -> None:
    deployment, budget = _manifest("Deployment")["spec"], _manifest("PodDisruptionBudget")["spec"]
    assert deployment["replicas"] > budget["minAvailable"] >= 1
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    labels = deployment["template"]["metadata"]["labels"]
    assert budget["selector"]["matchLabels"] == _manifest("Service")["spec"]["selector"] == labels


def _drain_delay(arguments: list[str]) -> float:
    return float(arguments[arguments.index("--drain-delay") + 1])


def _manifest(kind: str) -> dict[str, Any]:
    (found,) = [manifest for manifest in _manifests() if manifest["kind"] == kind]
    return found


def _manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / "maxbot.yaml").read_text()))


def test_the_compose_file_fits_together() -> None:
    folder = DEPLOY / "compose"
    compose = yaml.safe_load((folder / "compose.yaml").read_text())
    services, secrets = compose["services"], compose["secrets"]
    for service in services.values():
        assert ("image" in service) != ("build" in service)
        assert set(service.get("secrets", [])) <= set(secrets)
        assert set(service.get("depends_on", [])) <= set(services)
    bot = services["bot"]
    assert bot["deploy"]["replicas"] == 2
    delay = _drain_delay(bot["command"])
    assert int(bot["stop_grace_period"].removesuffix("s")) > delay + _default("shutdown-timeout") + 5
    valid = re.search(r"valid=(\d+)s", (folder / "nginx.conf").read_text())
    assert valid is not None
    assert delay > int(valid[1])
    build = bot["build"]
    assert (folder / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "docker" / "Dockerfile"
    assert "set $bots bot;" in (folder / "nginx.conf").read_text()


def test_the_image_does_not_run_as_root() -> None:
    lines = (DEPLOY / "docker" / "Dockerfile").read_text().splitlines()
    assert [line.split()[1] for line in lines if line.startswith("USER")] == ["10001"]
    assert lines.index("USER 10001") > max(number for number, line in enumerate(lines) if line.startswith("RUN"))


def test_pgbouncer_and_patroni_are_set_for_a_bot() -> None:
    bouncer = configparser.ConfigParser()
    bouncer.read(DEPLOY / "pgbouncer" / "pgbouncer.ini")
    assert bouncer["pgbouncer"]["pool_mode"] == "transaction"
    assert int(bouncer["pgbouncer"]["max_prepared_statements"]) > 0
    patroni = yaml.safe_load((DEPLOY / "patroni" / "patroni.yaml").read_text())
    assert patroni["bootstrap"]["dcs"]["synchronous_mode"] is True


def _default(name: str) -> float:
    return float(next(option.default for option in options() if option.name == name))
