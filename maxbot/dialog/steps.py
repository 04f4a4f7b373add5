"""What the procedures of the engine hand to each other."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from maxbot.dialog.nodes import Node


class Returning(Enum):
    """Why a node runs."""

    NO = auto()
    """It was chosen."""
    FOUND = auto()
    """It is returned to: what was said meant another node, which is done."""
    NOT_FOUND = auto()
    """It is returned to: nobody understood what was said."""


@dataclass(frozen=True, slots=True)
class Run:
    """A node runs next."""

    node: "Node"
    returning: Returning = Returning.NO
    digressing: bool = False
    """Whether a digression has found it."""


class Stop(Enum):
    """The turn is over."""

    __hash__ = object.__hash__  # Enum's own is in Python, and asked for at each turn

    WAIT = auto()
    """The waiting list and slots are kept."""
    END = auto()
    """They are cleared."""


Step: TypeAlias = Run | Stop
