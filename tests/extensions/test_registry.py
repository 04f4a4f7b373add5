import subprocess
import sys

import pytest

from maxbot.errors import BotError
from maxbot.extensions.registry import BUILT_IN, installed, load


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_extension_can_be_loaded(name: str) -> None:
    assert callable(load(name))


def test_an_extension_of_an_installed_package_is_found_by_its_entry_point() -> None:
    assert "language" in installed()
    assert load("language").__module__ == "maxbot.extensions.language"


def test_an_author_s_own_comes_first() -> None:
    def own(builder: object, config: object) -> None: ...

    assert load("datetime", {"datetime": own}) is own


def test_an_unknown_extension_is_an_error() -> None:
    with pytest.raises(BotError, match="no extension 'format'"):
        load("format")


def test_a_bot_without_extensions_imports_none_of_their_libraries() -> None:
    code = (
        "import sys, maxbot.extensions.registry, maxbot.nlu.recogniser\n"
        "print(sorted({'babel', 'dateutil', 'spacy', 'dateparser', 'aiohttp', 'regex'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
