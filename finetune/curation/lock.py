"""Lets one run at a time into a directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ppai.errors import PPAIError
from ppai.locks import lock

NAME = ".lock"


@contextmanager
def locked(folder: Path, says: str) -> Iterator[None]:
    """Within it no other process has the folder. A killed one leaves it free. Where the system cannot lock, it goes on.

    Raises PPAIError with `says` where another process has it.
    """
    try:
        file = (folder / NAME).open("ab")
    except OSError as error:
        raise PPAIError(f"{folder}: cannot be written: {error.strerror or error}") from error
    with file:
        try:
            lock(file)
        except BlockingIOError:
            raise PPAIError(says) from None
        except OSError:  # a network drive without locks
            pass
        yield
