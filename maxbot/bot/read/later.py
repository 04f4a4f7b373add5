"""What can be written already and is not run yet: leaving it out silently would be worse than refusing it."""

from maxbot.dialog.definitions import BotDefinition


def refuse_what_is_not_run_yet(definition: BotDefinition) -> None:
    """Refuse a bot that this version would run by half.

    Raises:
        BotError: It has extensions.
    """
    for part in definition.extensions:
        raise part.place.error("this is not supported by this version of maxbot")
