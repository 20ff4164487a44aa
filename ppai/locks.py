"""Keeps processes apart by a file that one of them holds."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def lock(file: Any, *, wait: bool = False) -> None:
    """Holds the open file until it is closed, where the system can.

    Raises BlockingIOError where another process does and `wait` is false, and OSError where the system refuses.
    """
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def held(path: Path, *, wait: bool = False, mode: str = "ab", **how: Any) -> Any:
    """Opens and holds the file that stands at the path, not one that was removed between the two.

    `mode` and `how` are those of `open`. Raises as `lock` does, and OSError where it cannot be opened.
    """
    while True:
        file = path.open(mode, **how)
        try:
            lock(file, wait=wait)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    return file
        except OSError:
            file.close()
            raise
        file.close()
