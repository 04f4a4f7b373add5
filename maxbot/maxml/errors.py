"""What can be wrong with the markup of a response."""


class MaxMLError(ValueError):
    """A response cannot be read as commands.

    Args:
        message: What is wrong.
        line: In the rendered response, counted from 1; None where it is about all of it.
        column: Counted from 1.
    """

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        place = "" if line is None else f" (line {line}, column {column} of the rendered response)"
        super().__init__(message + place)
        self.line = line
        self.column = column


class MarkupError(MaxMLError):
    """It is not well-formed, or holds elements or attributes where they may not be."""


class SchemaError(MaxMLError):
    """An element holds a value that its command does not take, or lacks one."""
