"""Lets one run at a time write the files of a study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ppai.errors import PPAIError
from ppai.locks import held

LOCK_FILE = ".generate.lock"


@contextmanager
def only_writer(directory: Path) -> Iterator[None]:
    """Waits until no other run writes the study's files; for reading, merging and writing them, not for a whole run.

    Raises PPAIError where the directory cannot be written.
    """
    path = directory / LOCK_FILE
    try:
        file = held(path, wait=True)
    except OSError as error:
        raise PPAIError(f"{path}: cannot be written: {error.strerror or error}") from None
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
