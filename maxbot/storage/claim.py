"""What a supervisor holds while it uses a database."""

import os
from typing import NamedTuple, TypeAlias

FileId: TypeAlias = tuple[int, int]
"""Device and inode: what tells a file from another one of the same name."""


class Claim(NamedTuple):
    """A database in use. It ends with the process, or with `release`."""

    file: FileId | None
    """Of the database, where it is a file. As long as it is claimed, no other file gets the same."""
    descriptors: tuple[int, ...] = ()

    def release(self) -> None:
        """Let another supervisor use it."""
        for descriptor in self.descriptors:
            os.close(descriptor)
