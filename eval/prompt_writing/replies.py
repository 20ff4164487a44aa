"""Keeps every reply that was paid for in a file beside the set that is being made, from which a later run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from eval.client.reply import Finish, Reply
from ppai.errors import PPAIError


class KeptReplies:
    """Replies by the key of their request, each appended as it comes; a line that a killed run tore is passed over.

    The file is made and opened on entering it as a context manager.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        rows = list(_rows(path)) if path.exists() else []
        self._replies = {key: reply for key, reply, _ in rows}
        self._costs = {key: cost for key, _, cost in rows}
        self._file: Any = None
        self._made_directory = False

    def __contains__(self, key: str) -> bool:
        return key in self._replies

    def __getitem__(self, key: str) -> Reply:
        return self._replies[key]

    def cost(self, key: str) -> float | None:
        """US dollars; None where the price was not known."""
        return self._costs[key]

    def __enter__(self) -> Self:
        """Raises PPAIError where the file cannot be written, or another run is writing it."""
        self._made_directory = not self.path.parent.exists()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="ascii", newline="\n")
            _lock(self._file)
            if self.path.read_bytes()[-1:] not in (b"", b"\n"):
                self._file.write("\n")
        except BlockingIOError:
            raise PPAIError(f"{self.path}: another run is making this set") from None
        except OSError as error:
            raise self._unwritable(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves no empty file, and no directory that was made for one."""
        self._file.close()
        if not self._replies:
            self.path.unlink()
            if self._made_directory:
                self.path.parent.rmdir()

    def keep(self, key: str, reply: Reply, cost_usd: float | None) -> None:
        try:
            self._file.write(json.dumps({"key": key, "reply": vars(reply), "cost_usd": cost_usd}) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from None
        self._replies[key], self._costs[key] = reply, cost_usd

    def _unwritable(self, error: OSError) -> PPAIError:
        return PPAIError(f"{self.path}: cannot be written: {error.strerror or error}")


def _lock(file: Any) -> None:
    """Holds the file until it is closed, where the system can; raises BlockingIOError where another process does."""
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _rows(path: Path) -> Iterator[tuple[str, Reply, float | None]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise PPAIError(f"{path}: cannot be read: {error.strerror or error}") from None
    for line in lines:
        try:
            row = json.loads(line)
            yield str(row["key"]), Reply(**{**row["reply"], "finish": Finish(row["reply"]["finish"])}), row["cost_usd"]
        except (KeyError, TypeError, ValueError):
            continue
