"""The ways to make a bot of YAML."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from maxbot.bot.builder import Builder
from maxbot.bot.read.files import BOT_FILE
from maxbot.channels.base import Channel
from maxbot.dialog.definitions import BotDefinition

if TYPE_CHECKING:
    from maxbot.bot.bot import MaxBot
    from maxbot.extensions.builder import Extension


class OfYaml:
    """What a bot can be read from."""

    @classmethod
    def builder(cls, available_extensions: "Mapping[str, Extension] | None" = None) -> Builder:
        """Return what a bot of YAML and Python is made with.

        Args:
            available_extensions: Of your own, by the name that the section `extensions` switches them on with.
        """
        return Builder(cls._built, available_extensions)

    @classmethod
    def inline(
        cls,
        source: str,
        channels: Sequence[Channel] = (),
        *,
        available_extensions: "Mapping[str, Extension] | None" = None,
    ) -> "MaxBot":
        """Make a bot of a YAML text.

        Raises:
            BotError: The text is not a bot; has line and column.
        """
        builder = cls.builder(available_extensions)
        builder.use_inline_resources(source)
        builder.channels += channels
        return builder.build()

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        channels: Sequence[Channel] = (),
        *,
        available_extensions: "Mapping[str, Extension] | None" = None,
    ) -> "MaxBot":
        """Read a bot from a single YAML file, whatever stands beside it.

        Args:
            path: The file.
            channels: Added to those of the file.
            available_extensions: As in `builder`.

        Raises:
            BotError: The file cannot be read or is not a bot; has every mistake with file, line and column.
        """
        builder = cls.builder(available_extensions)
        builder.use_file_resources(path)
        builder.channels += channels
        return builder.build()

    @classmethod
    def from_directory(
        cls,
        path: str | os.PathLike[str],
        channels: Sequence[Channel] = (),
        *,
        bot_file: str = BOT_FILE,
        available_extensions: "Mapping[str, Extension] | None" = None,
    ) -> "MaxBot":
        """Read a bot from a directory: `bot.yaml`, and the files beside it that belong to a bot.

        Args:
            path: The directory.
            channels: Added to those of the file.
            bot_file: The file in the place of `bot.yaml`.
            available_extensions: As in `builder`.

        Raises:
            BotError: There is no such file, or it is not a bot; has every mistake with file, line and column.
        """
        builder = cls.builder(available_extensions)
        builder.use_directory_resources(path, bot_file)
        builder.channels += channels
        return builder.build()

    @classmethod
    def _built(cls, builder: Builder, definition: BotDefinition) -> "MaxBot":
        raise NotImplementedError
