import os
from pathlib import Path

import pytest
from jinja2 import TemplateNotFound

from maxbot.extensions import jinja_loader
from tests.extensions.support import FakeBuilder, built


@pytest.fixture
def builder(tmp_path: Path) -> FakeBuilder:
    bot = tmp_path / "bot"
    (bot / "sub").mkdir(parents=True)
    (bot / "hello.j2").write_text("hello {{ name }}")
    (bot / "sub" / "menu.j2").write_text("{% macro menu(items) %}{{ items|join(' or ') }}?{% endmacro %}")
    (tmp_path / "secret.j2").write_text("secret")
    return built(jinja_loader.extension, directory=bot)


def test_files_of_the_bot_are_included_and_imported(builder: FakeBuilder) -> None:
    assert builder.render("{% include 'hello.j2' %}", name="<Ada>") == "hello &lt;Ada&gt;"
    template = "{% from 'sub/menu.j2' import menu %}{{ menu(['soup', 'salad']) }}"
    assert builder.render(template) == "soup or salad?"
    assert builder.render("{% include 'missing.j2' ignore missing %}") == ""


def test_a_changed_file_is_read_anew(builder: FakeBuilder) -> None:
    assert builder.directory is not None
    file = builder.directory / "hello.j2"
    assert builder.render("{% include 'hello.j2' %}", name="Ada") == "hello Ada"
    file.write_text("bye {{ name }}")
    os.utime(file, ns=(0, 1))
    assert builder.render("{% include 'hello.j2' %}", name="Ada") == "bye Ada"


@pytest.mark.parametrize(
    "name", ["../secret.j2", "sub/../../secret.j2", "/etc/passwd", "link.j2", "sub", "a\0b", "x" * 9999]
)
def test_nothing_else_is_read(builder: FakeBuilder, name: str) -> None:
    assert builder.directory is not None
    (builder.directory / "link.j2").symlink_to("../secret.j2")
    with pytest.raises(TemplateNotFound):
        builder.render("{% include name %}", name=name)


def test_a_file_that_is_no_text_or_too_large_is_not_read(builder: FakeBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert builder.directory is not None
    (builder.directory / "image.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(TemplateNotFound, match="UTF-8"):
        builder.render("{% include 'image.j2' %}")
    monkeypatch.setattr(jinja_loader, "SIZE_LIMIT", 3)
    with pytest.raises(TemplateNotFound, match="at most 3 bytes"):
        builder.render("{% include 'hello.j2' %}")


def test_without_a_directory_the_current_one_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here.j2").write_text("here")
    monkeypatch.chdir(tmp_path)
    assert built(jinja_loader.extension).render("{% include 'here.j2' %}") == "here"
