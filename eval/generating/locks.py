"""Keeps runs apart: a file that one process holds, and a study whose files one run at a time writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ppai.errors import PPAIError

LOCK_FILE = ".generate.lock"


def lock(file: Any, *, wait: bool = False) -> None:
    """Holds the file until it is closed, where the system can.

    Raises BlockingIOError where another process does and `wait` is false, and OSError where the system refuses.
    """
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def only_writer(directory: Path) -> Iterator[None]:
    """Waits until no other run writes the study's files; for reading, merging and writing them, not for a whole run.

    Raises PPAIError where the directory cannot be written.
    """
    path = directory / LOCK_FILE
    try:
        file = _held(path)
    except OSError as error:
        raise PPAIError(f"{path}: cannot be written: {error.strerror or error}") from None
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _held(path: Path) -> Any:
    """The file, locked. Whoever held it before took it away, and another may stand there by now."""
    while True:
        file = path.open("ab")
        lock(file, wait=True)
        try:
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except FileNotFoundError:
            pass
        file.close()
