"""`module:name`, as bots and user locks are named."""

import importlib
import os
import sys
from types import ModuleType
from typing import Any, NamedTuple


class Found(NamedTuple):
    """What a name stands for."""

    module: ModuleType
    name: str
    """Within the module; may have dots."""
    value: Any


class NotFound(Exception):
    """A name stands for nothing. The text says why, and is no sentence of its own: it follows the name.

    Args:
        reason: The text.
        module: Where the name was looked for, as far as that got.
        error: What the import raised, where it did.
    """

    def __init__(self, reason: str, module: ModuleType | None = None, error: BaseException | None = None) -> None:
        super().__init__(reason)
        self.module = module
        self.error = error


def is_reference(spec: str) -> bool:
    """Whether a text looks like `module:name`; both may have dots."""
    module, colon, name = spec.partition(":")
    return bool(colon) and all(part.isidentifier() for part in [*module.split("."), *name.split(".")])


def look_up(spec: str) -> Found:
    """Import a module, which is looked for in the current directory first, and find an object of it.

    Args:
        spec: `module:name`, see `is_reference`.

    Raises:
        NotFound: There is no such module or name, or the module's import fails.
    """
    module_name, _, path = spec.partition(":")
    module = import_module(module_name, os.getcwd())
    value: Any = module
    for attribute in path.split("."):
        try:
            value = getattr(value, attribute)
        except AttributeError:
            raise NotFound(f"there is no {path} in module {module_name}", module) from None
    return Found(module, path, value)


def import_module(name: str, directory: str) -> ModuleType:
    """Import a module, looking into a directory first.

    Raises:
        NotFound: There is none, or its import fails; `error` says how.
    """
    if directory not in sys.path:
        sys.path.insert(0, directory)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            text = f"there is no module {error.name!r} here or among the installed packages"
            raise NotFound(text, error=error if _ran(error) else None) from error
        raise NotFound(f"importing {name} failed: {error}", error=error) from error
    except (Exception, SystemExit) as error:
        raise NotFound(f"importing {name} failed: {type(error).__name__}: {error}", error=error) from error


def _ran(error: BaseException) -> bool:
    """Whether some file was run before its import failed: a package's, then."""
    traceback = error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith("<frozen") and file not in (__file__, importlib.__file__):
            return True
        traceback = traceback.tb_next
    return False
