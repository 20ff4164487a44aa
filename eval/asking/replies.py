"""Keeps every reply that was paid for in a file beside the set that is being made, from which a later run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from eval.client.reply import Finish, Reply
from ppai.errors import PPAIError
from ppai.locks import held


class KeptReplies:
    """Replies by the key of their request, each appended as it comes; a line that a killed run tore is passed over.

    As a context manager it makes the file, holds it against every other run, and reads it again: what another run
    kept until then counts too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None
        self._made_directories: list[Path] = []
        self._finished = False
        self._read()

    def __contains__(self, key: str) -> bool:
        return key in self._replies

    def __getitem__(self, key: str) -> Reply:
        return self._replies[key]

    def cost(self, key: str) -> float | None:
        """US dollars; None where the price was not known."""
        return self._costs[key]

    def __enter__(self) -> Self:
        """Raises PPAIError where the file cannot be written, or another run is writing it."""
        self._made_directories = [directory for directory in self.path.parents if not directory.exists()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = held(self.path, mode="a", encoding="ascii", newline="\n")
            self._read()
            if self.path.read_bytes()[-1:] not in (b"", b"\n"):
                self._file.write("\n")
        except BlockingIOError:
            raise PPAIError(f"{self.path}: another run is making this set") from None
        except OSError as error:
            raise self._unwritable(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves no file that is empty or finished, and no directory that was made for an empty one."""
        if self._finished or not self._replies:
            self._remove()
        self._file.close()
        if not self._replies:
            with suppress(OSError):  # another run may be at work there by now
                for directory in self._made_directories:
                    directory.rmdir()

    def finish(self) -> None:
        """Says that the set is written: the file goes when it is let go of."""
        self._finished = True

    def keep(self, key: str, reply: Reply, cost_usd: float | None) -> None:
        try:
            self._file.write(json.dumps({"key": key, "reply": vars(reply), "cost_usd": cost_usd}) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from None
        self._replies[key], self._costs[key] = reply, cost_usd

    def _read(self) -> None:
        rows = list(_rows(self.path)) if self.path.exists() else []
        self._replies = {key: reply for key, reply, _ in rows}
        self._costs = {key: cost for key, _, cost in rows}

    def _remove(self) -> None:
        """While it is held, where the system can: a run that waits for it then knows that it is gone."""
        try:
            self.path.unlink(missing_ok=True)
        except PermissionError:  # Windows removes no open file
            self._file.close()
            self.path.unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> PPAIError:
        return PPAIError(f"{self.path}: cannot be written: {error.strerror or error}")


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
