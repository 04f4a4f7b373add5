import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from maxbot.bot import MaxBot
from maxbot.cli import main
from maxbot.settings import Settings, options

BOT = "dialog:\n  - {condition: true, response: hello}\n"

Started = list[tuple[Settings, MaxBot]]


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Started:
    """What the server was started with; it ends at once with exit code 0. There is a bot in the current directory."""
    calls: Started = []

    def run(settings: Settings, bot: MaxBot) -> int:
        calls.append((settings, bot))
        return 0

    server, supervisor = ModuleType("maxbot.server"), ModuleType("maxbot.server.supervisor")
    signals = ModuleType("maxbot.server.supervisor.signals")
    supervisor.__dict__["signals"] = signals
    server.__dict__["serve"] = run
    signals.__dict__["install_early"] = lambda: None
    monkeypatch.setitem(sys.modules, "maxbot.server", server)
    monkeypatch.setitem(sys.modules, "maxbot.server.supervisor", supervisor)
    monkeypatch.setitem(sys.modules, "maxbot.server.supervisor.signals", signals)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in [name for name in os.environ if name.startswith("MAXBOT_")]:
        del os.environ[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bot.yaml").write_text(BOT)
    return calls


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def maxbot(started: Started, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command, return its exit code and what it said on stderr."""

    def command(*arguments: str, **environment: str) -> tuple[int, str]:
        os.environ.update(environment)
        with pytest.raises(SystemExit) as caught:
            main(["run", *arguments])
        assert isinstance(caught.value.code, int)
        return caught.value.code, capsys.readouterr().err

    return command


def settings_of(maxbot: Run, started: Started, *arguments: str, **environment: str) -> Settings:
    code, said = maxbot(*arguments, **environment)
    assert (code, said) == (0, "")
    return started[-1][0]


def test_the_server_is_given_settings_and_bot(maxbot: Run, started: Started) -> None:
    settings = settings_of(maxbot, started)
    assert settings == Settings()
    assert started[0][1].process_message("hi") == [{"text": "hello"}]


OTHER_VALUES: dict[str, Any] = {
    "bot": "./bot.yaml",
    "updater": "webhooks",
    "host": "0.0.0.0",
    "port": 0,
    "public-url": "https://bot.example.com",
    "allowed-hosts": "bot.example.com,localhost",
    "allow-unverified": True,
    "ngrok": True,
    "ngrok-url": "http://localhost:4040",
    "rpc-token": "secret",
    "workers": 3,
    "fast": True,
    "single-process": True,
    "database": "sqlite:///bot.db",
    "database-password-file": "password.txt",
    "migrate": True,
    "drain-delay": 5.0,
    "user-locks": "mine:locks",
    "lease": 2.5,
    "shutdown-timeout": 1.5,
    "reload": True,
    "verbose": 2,
    "quiet": 1,
    "logger": "file:log.txt",
    "journal-file": "journal.json",
    "journal-output": "yaml",
    "journal-redact": True,
    "durability": "power-loss",
}


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_every_option_is_an_environment_variable(option: Any, maxbot: Run, started: Started) -> None:
    value = OTHER_VALUES.get(option.name, 12.5)
    settings = settings_of(maxbot, started, **{option.env: str(value)})
    assert getattr(settings, option.name.replace("-", "_")) == value


@pytest.mark.parametrize(
    "option", [option for option in options() if not option.env_only], ids=lambda option: option.name
)
def test_every_option_is_one_of_the_command_line(option: Any, maxbot: Run, started: Started) -> None:
    value = OTHER_VALUES[option.name]
    given = [f"--{option.name}"] * (value if option.type is int and option.name in ("verbose", "quiet") else 1)
    if option.type is not bool and option.name not in ("verbose", "quiet"):
        given.append(str(value))
    settings = settings_of(maxbot, started, *given)
    assert getattr(settings, option.name.replace("-", "_")) == value


def test_a_password_is_refused_where_everybody_can_read_it(maxbot: Run, started: Started) -> None:
    url = "postgresql://bot:secret@host/bot"
    code, said = maxbot("--database", url)
    assert code == 2
    assert "--database-password-file" in said
    assert "secret" not in said
    assert settings_of(maxbot, started, MAXBOT_DATABASE=url).database == url


def test_short_options(maxbot: Run, started: Started) -> None:
    assert settings_of(maxbot, started, "-vv").verbose == 2
    assert settings_of(maxbot, started, "-q").quiet == 1


@pytest.mark.parametrize("option", [option for option in options() if option.env_only], ids=lambda option: option.name)
def test_what_is_for_tuning_has_no_option(option: Any, maxbot: Run) -> None:
    code, said = maxbot(f"--{option.name}", "1")
    assert code == 2
    assert f"--{option.name}" in said


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(maxbot: Run, started: Started) -> None:
    Path(".env").write_text("MAXBOT_HOST=file\nMAXBOT_PORT=1\nMAXBOT_DATABASE=sqlite:///file.db\n")
    settings = settings_of(maxbot, started, "--host", "line", MAXBOT_HOST="environment", MAXBOT_PORT="2")
    assert (settings.host, settings.port, settings.database) == ("line", 2, "sqlite:///file.db")


def test_the_file_serves_the_bot_as_well(maxbot: Run, started: Started) -> None:
    Path(".env").write_text("GREETING=good day\n")
    Path("bot.yaml").write_text("dialog:\n  - condition: true\n    response: !ENV ${GREETING}\n")
    settings_of(maxbot, started)
    assert started[0][1].process_message("hi") == [{"text": "good day"}]


@pytest.mark.parametrize("bot", ["deeper", "deeper/bot.yaml", "./deeper/../deeper/bot.yaml"])
@pytest.mark.parametrize("how", ["--bot {}", "--bot={}", "MAXBOT_BOT"])
def test_a_file_beside_the_bot_is_read_after_the_one_here(bot: str, how: str, maxbot: Run, started: Started) -> None:
    Path("deeper").mkdir()
    Path("deeper/bot.yaml").write_text("dialog:\n  - condition: true\n    response: !ENV ${GREETING}\n")
    Path("deeper/.env").write_text("GREETING=from the bot\nMAXBOT_HOST=beside\nMAXBOT_PORT=2\n")
    Path(".env").write_text("MAXBOT_PORT=1\n")
    given = how.format(bot).split() if "{" in how else []
    settings = settings_of(maxbot, started, *given, **({} if given else {how: bot}))
    assert started[0][1].process_message("hi") == [{"text": "from the bot"}]
    assert (settings.host, settings.port) == ("beside", 1)


def test_no_reload_switches_off_what_the_environment_says(maxbot: Run, started: Started) -> None:
    assert settings_of(maxbot, started, MAXBOT_RELOAD="1").reload is True
    assert settings_of(maxbot, started, "--no-reload").reload is False


@pytest.mark.parametrize(
    ("arguments", "mentions"),
    [
        ("--updater polling --port 80", ["--updater", "--port"]),
        ("--updater polling --host localhost", ["--updater", "--host"]),
        ("--updater polling --public-url https://a.example", ["--updater", "--public-url"]),
        ("--updater polling --workers 1", ["--updater", "--workers"]),
        ("--updater polling --fast", ["--updater", "--fast"]),
        ("--updater polling --single-process", ["--updater", "--single-process"]),
        ("--workers 2 --fast", ["--workers", "--fast"]),
        ("--workers 2 --single-process", ["--workers", "--single-process"]),
        ("--fast --single-process", ["--fast", "--single-process"]),
        ("-v -q", ["--verbose", "--quiet"]),
        ("--workers 0", ["--workers", "at least 1"]),
        ("--workers many", ["--workers", "many"]),
        ("--port 65536", ["--port", "65536"]),
        ("--port -1", ["--port", "-1"]),
        ("--lease 0.5", ["--lease"]),
        ("--shutdown-timeout -1", ["--shutdown-timeout"]),
        ("--shutdown-timeout inf", ["--shutdown-timeout"]),
        ("--shutdown-timeout nan", ["--shutdown-timeout"]),
        ("--public-url bot.example.com", ["--public-url", "bot.example.com"]),
        ("--public-url ftp://bot.example.com", ["--public-url"]),
        ("--public-url https://", ["--public-url"]),
        ("--public-url https://a:b:c", ["--public-url"]),
        ("--updater pigeons", ["--updater", "pigeons"]),
        ("--prot 80", ["--prot", "--port"]),
        ("extra", ["extra"]),
    ],
)
def test_what_does_not_go_is_said_by_name(arguments: str, mentions: list[str], maxbot: Run, started: Started) -> None:
    code, said = maxbot(*arguments.split())
    assert code == 2
    assert started == []
    assert all(word in said for word in mentions)
    assert "geheim" not in said
    assert "Traceback" not in said
    assert said.count("\n") == 1


def test_a_conflict_names_the_variable_where_it_comes_from(maxbot: Run) -> None:
    code, said = maxbot("--updater", "polling", MAXBOT_PORT="80")
    assert code == 2
    assert "--updater and --port (from MAXBOT_PORT) do not go together" in said


def test_a_flag_that_is_off_is_in_no_conflict(maxbot: Run, started: Started) -> None:
    assert settings_of(maxbot, started, "--updater", "polling", MAXBOT_FAST="0").updater == "polling"


def test_one_worker_is_what_a_single_process_has(maxbot: Run, started: Started) -> None:
    assert settings_of(maxbot, started, "--workers", "1", "--single-process").single_process


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAXBOT_TURN_TIMEOUT", "soon"),
        ("MAXBOT_KEEP_SEEN", "-1"),
        ("MAXBOT_HANG_TIMEOUT", "nan"),
        ("MAXBOT_DURABILITY", "x"),
    ],
)
def test_a_wrong_value_for_tuning_is_said(name: str, value: str, maxbot: Run) -> None:
    code, said = maxbot(**{name: value})
    assert code == 2
    assert name in said
    assert repr(value) in said


def test_a_mistake_in_the_bot_is_one_message(maxbot: Run) -> None:
    Path("bot.yaml").write_text("dialgo: []\n")
    assert maxbot() == (
        1,
        "maxbot: bot.yaml:1:1: unknown key 'dialgo', did you mean 'dialog'? "
        "expected: extensions, channels, intents, entities, rpc, dialog\n"
        "    1 | dialgo: []\n      | ^\n",
    )


def test_no_bot_is_one_message(maxbot: Run) -> None:
    assert maxbot("--bot", "other.yaml") == (
        1,
        "maxbot: other.yaml: cannot read this file: No such file or directory\n",
    )


def test_a_token_in_a_broken_file_is_not_printed(maxbot: Run) -> None:
    token = "123456789:" + "A" * 35
    Path("bot.yaml").write_text(f'channels:\n  telegram: {{api_token: "{token}\n')
    code, said = maxbot()
    assert code == 1
    assert token not in said
    Path("bot.yaml").write_text(f"channels:\n  telegram:\n    api_token: {token}\n    api_token: {token}\n")
    code, said = maxbot()
    assert "is here twice" in said
    assert token not in said


def test_the_exit_code_is_the_servers(maxbot: Run) -> None:
    sys.modules["maxbot.server"].__dict__["serve"] = lambda settings, bot: 1
    assert maxbot() == (1, "")
