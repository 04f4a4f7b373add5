"""All that is doubtful in a bot that was loaded."""

from collections.abc import Sequence

from maxbot.bot import MaxBot
from maxbot.bot.check.channels import unable
from maxbot.bot.check.check import check_bot
from maxbot.bot.check.files import check_files
from maxbot.errors import Mistake


def doubts(bot: MaxBot, *, of_channels: bool = True) -> Sequence[Mistake]:
    """Return what is probably not meant; nothing of a bot that is Python alone.

    Args:
        bot: Loaded.
        of_channels: Whether to say what its channels cannot send.
    """
    if bot.definition is None or bot.made_with is None:
        return ()
    made_with = bot.made_with
    found = check_bot(
        bot.definition,
        made_with.jinja_env,
        recogniser=made_with.own_nlu is None,
        closed=not made_with.has_hooks,
        cannot_send=unable(bot.channels.values(), made_with.own_commands) if of_channels else lambda kind: (),
        schemas=lambda: bot.markup.schemas,
    )
    return [*found, *(check_files(bot.files) if bot.files else ())]
