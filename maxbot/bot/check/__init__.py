"""What can be known of a sound bot without running it: warnings of what is probably not meant.

A warning is no mistake: the bot can be run. None is given where the author may have had a reason. That a bot can be
read at all is seen in `maxbot.bot.read`.
"""

from maxbot.bot.check.check import check_bot
from maxbot.bot.check.doubts import doubts

__all__ = ["check_bot", "doubts"]
