"""The command as a user starts it."""

import subprocess
import sys
from pathlib import Path

import pytest

import maxbot

ROOT = Path(maxbot.__file__).parent.parent

SLOW = ["aiohttp", "alembic", "asyncio", "dotenv", "jinja2", "msgspec", "sqlalchemy", "starlette", "uvicorn", "yaml"]


def python(code: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd, check=False)


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return python("from maxbot.cli import main; main()", *arguments, cwd=cwd)


def test_help_imports_nothing_slow(tmp_path: Path) -> None:
    code = f"""
import atexit
atexit.register(lambda: print("slow:", [name for name in {SLOW!r} if name in sys.modules]))
from maxbot.cli import main
main()
"""
    done = python(code, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Run a bot" in done.stdout
    assert done.stdout.endswith("slow: []\n")


def test_signals_are_taken_over_before_anything_else_is_imported() -> None:
    code = """
import types
server, supervisor = types.ModuleType("maxbot.server"), types.ModuleType("maxbot.server.supervisor")
signals = supervisor.signals = types.ModuleType("maxbot.server.supervisor.signals")
def install_early():
    print([name for name in sys.modules if name.partition(".")[0] in ("click", "asyncio", "jinja2", "dataclasses")])
    sys.exit(7)
signals.install_early = install_early
modules = (server, supervisor, signals)
sys.modules |= {module.__name__: module for module in modules}
from maxbot.cli import main
main()
"""
    done = python(code, "run")
    assert (done.returncode, done.stdout) == (7, "[]\n"), done.stderr


def test_version() -> None:
    assert run("--version").stdout == f"maxbot {maxbot.__version__}\n"


def test_info_names_what_a_report_needs() -> None:
    shown = dict(line.split(None, 1) for line in run("info").stdout.splitlines())
    assert shown["maxbot"] == maxbot.__version__
    assert shown["Python"].endswith(sys.version.split()[0])
    assert shown["location"] == str(ROOT / "maxbot")
    assert shown.keys() == {"maxbot", "Python", "platform", "location"}


@pytest.mark.parametrize("arguments", [["frob"], ["--frob"], ["info", "--frob"]])
def test_an_unknown_command_or_option_is_a_usage_error(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "frob" in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_command_there_is_help() -> None:
    done = run()
    assert done.returncode == 2
    assert "Commands:" in done.stderr


def test_an_env_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    done = run("info", cwd=tmp_path)
    assert done.returncode == 2
    assert "cannot read .env" in done.stderr
    assert "Traceback" not in done.stderr


def test_python_dash_m_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "maxbot", "--version"], capture_output=True, text=True, timeout=60, cwd=ROOT, check=True
    )
    assert done.stdout == f"maxbot {maxbot.__version__}\n"
