import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from maxbot.bot import load_bot
from maxbot.errors import BotError

HANDLER = """
from maxbot import MaxBot
bot = MaxBot()
@bot.handler
async def handle(turn):
    turn.say("hello")
class holder:
    inner = bot
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current directory of its own, whose modules are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("spec", ["mybot:bot", "mybot:holder.inner"])
def test_a_bot_is_an_object_of_a_module(here: Path, spec: str) -> None:
    (here / "mybot.py").write_text(HANDLER)
    bot = load_bot(spec)
    assert bot.process_message("hi") == [{"text": "hello"}]
    assert bot.files == [here / "mybot.py"]


@pytest.mark.parametrize("spec", ["shop.chat", "single"])
def test_a_module_that_has_a_bot_stands_for_it(here: Path, spec: str) -> None:
    (here / "shop").mkdir()
    (here / "shop" / "__init__.py").write_text("")
    for file in (here / "shop" / "chat.py", here / "single.py"):
        file.write_text(HANDLER)
    assert load_bot(spec).process_message("hi") == [{"text": "hello"}]
    (here / "empty.py").write_text("")
    with pytest.raises(BotError, match="there is no bot in this module"):
        load_bot("empty")
    with pytest.raises(BotError, match="is neither a file nor a directory nor a module"):
        load_bot("shop.till")


def test_a_directory_goes_before_a_module(here: Path) -> None:
    (here / "shop").mkdir()
    (here / "shop" / "bot.yaml").write_text("dialog: [{condition: true, response: yaml}]")
    (here / "shop" / "__init__.py").write_text("raise SystemExit")
    assert load_bot("shop").process_message("hi") == [{"text": "yaml"}]


def test_a_bot_of_a_package(here: Path) -> None:
    (here / "shop").mkdir()
    (here / "shop" / "__init__.py").write_text("")
    (here / "shop" / "front.py").write_text(HANDLER)
    assert load_bot("shop.front:bot").process_message("hi") == [{"text": "hello"}]


def test_a_module_may_read_its_answers_from_a_file(here: Path) -> None:
    (here / "bot.yaml").write_text("dialog:\n  - {condition: true, response: hello}\n")
    (here / "mybot.py").write_text("from maxbot import MaxBot\nbot = MaxBot.from_file('bot.yaml')\n")
    bot = load_bot("mybot:bot")
    assert bot.process_message("hi") == [{"text": "hello"}]
    assert bot.files == [here / "bot.yaml", here / "mybot.py"]


@pytest.mark.parametrize("spec", ["bot.yaml", ".", "sub/odd:name.yaml"])
def test_a_bot_is_a_file_or_directory(here: Path, spec: str) -> None:
    (here / "sub").mkdir()
    for name in ("bot.yaml", "sub/odd:name.yaml"):
        (here / name).write_text("dialog:\n  - {condition: true, response: hello}\n")
    assert load_bot(spec).process_message("hi") == [{"text": "hello"}]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nothing.yaml", "cannot read this file: No such file"),
        ("empty", "there is no bot.yaml in this directory"),
        ("nomodule:bot", "there is no module 'nomodule'"),
        ("mybot.sub:bot", "there is no module 'mybot.sub'"),
        ("mybot:other", "there is no other in module mybot"),
        ("mybot:holder.other", "there is no holder.other in module mybot"),
        ("mybot:handle", "mybot:handle is of type function, not a MaxBot"),
        ("mybot:", "neither a file nor module:name"),
        ("my bot:bot", "neither a file nor module:name"),
        ("mybot:holder..inner", "neither a file nor module:name"),
    ],
)
def test_a_bot_that_is_not_there_is_said(here: Path, spec: str, message: str) -> None:
    (here / "mybot.py").write_text(HANDLER)
    (here / "empty").mkdir()
    with pytest.raises(BotError, match=message):
        load_bot(spec)


def test_a_bot_without_handler_is_refused(here: Path) -> None:
    (here / "mute.py").write_text("from maxbot import MaxBot\nbot = MaxBot()\n")
    with pytest.raises(BotError, match=r"has no handler: decorate an async function with @bot\.handler") as caught:
        load_bot("mute:bot")
    assert caught.value.file == "mute.py"


def test_an_unreadable_file_is_said(here: Path) -> None:
    (here / "bot.yaml").mkdir()
    with pytest.raises(BotError, match=r"there is no bot\.yaml"):
        load_bot(".")


@pytest.mark.parametrize(
    ("code", "message", "line", "column", "source"),
    [
        ("import json\n\nx = json.loads('{')\n", "JSONDecodeError", 3, 5, "x = json.loads('{')"),
        ("def f():\n    return 1 / 0\nf()\n", "ZeroDivisionError", 2, 12, "    return 1 / 0"),
        ("import nothing_like_it\n", "No module named 'nothing_like_it'", 1, 1, "import nothing_like_it"),
        ("x = (\n", "SyntaxError", 1, 5, "x = ("),
        ("é = 'é' + 1\n", "TypeError", 1, 5, "é = 'é' + 1"),
        ("raise SystemExit(5)\n", "SystemExit: 5", 1, 1, "raise SystemExit(5)"),
    ],
)
def test_an_import_that_fails_names_the_bots_own_line(
    here: Path, code: str, message: str, line: int, column: int, source: str
) -> None:
    (here / "broken.py").write_text(code)
    with pytest.raises(BotError, match=message) as caught:
        load_bot("broken:bot")
    error = caught.value
    assert (error.file, error.line, error.column, error.source) == ("broken.py", line, column, source)


def test_an_import_that_fails_deeper_in_the_bots_folder_names_that_file(here: Path) -> None:
    (here / "broken.py").write_text("import helper\n")
    (here / "helper.py").write_text("\nraise ValueError('deep')\n")
    with pytest.raises(BotError, match="ValueError: deep") as caught:
        load_bot("broken:bot")
    assert (caught.value.file, caught.value.line) == ("helper.py", 2)


def test_a_mistake_in_the_bots_yaml_stays_one(here: Path) -> None:
    (here / "bot.yaml").write_text("dialgo: []\n")
    (here / "mybot.py").write_text("from maxbot import MaxBot\nbot = MaxBot.from_file('bot.yaml')\n")
    with pytest.raises(BotError, match="did you mean 'dialog'") as caught:
        load_bot("mybot:bot")
    assert (caught.value.file, caught.value.line) == ("bot.yaml", 1)


def test_a_bot_is_a_python_file(here: Path) -> None:
    (here / "mybot.py").write_text(HANDLER)
    bot = load_bot("mybot.py")
    assert bot.process_message("hi") == [{"text": "hello"}]
    assert bot.files == [here / "mybot.py"]
    (here / "deeper").mkdir()
    (here / "deeper" / "mybot2.py").write_text(
        "import beside\n" + HANDLER.replace("bot =", "other =").replace("@bot", "@other").replace("= bot", "= other")
    )
    (here / "deeper" / "beside.py").write_text("")
    assert load_bot(str(here / "deeper" / "mybot2.py")).process_message("hi") == [{"text": "hello"}]
    assert load_bot("deeper/mybot2.py:other").process_message("hi") == [{"text": "hello"}]


@pytest.mark.parametrize(
    ("name", "code", "spec", "message"),
    [
        ("none.py", "x = 1\n", "none.py", "there is no bot in this file"),
        ("two.py", "from maxbot import MaxBot\na, b = MaxBot(), MaxBot()\n", "two.py", "several bots: .* two:a"),
        ("my-bot.py", "", "my-bot.py", "call it my_bot.py"),
        ("json.py", "", "json.py", "another module is called 'json' already"),
        ("fails.py", "1 / 0\n", "fails.py", "ZeroDivisionError"),
    ],
)
def test_a_python_file_without_a_bot_says_so(here: Path, name: str, code: str, spec: str, message: str) -> None:
    (here / name).write_text(code)
    with pytest.raises(BotError, match=message) as caught:
        load_bot(spec)
    assert caught.value.file == name


def test_no_bot_at_all_says_how_to_make_one(here: Path) -> None:
    with pytest.raises(BotError, match=r"write into bot\.yaml") as caught:
        load_bot("bot.yaml")
    lines = str(caught.value).splitlines()
    yaml = "\n".join(line[4:] for line in lines if line.startswith("    "))
    (here / "bot.yaml").write_text(yaml)
    assert load_bot("bot.yaml").process_message("hi") == [{"text": "You said: hi"}]
