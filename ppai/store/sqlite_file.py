"""Looks at the file of a SQLite store from outside: is it whole, does it go on from a copy, has it changed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ppai.errors import StoreError


@dataclass(frozen=True)
class Extent:
    """Which store a copy is of, and how far its votes go."""

    secret: bytes
    last_vote: tuple[int, str] | None
    """The highest `seq` and its vote id."""


def extent_of_copy(copy: Path) -> Extent | None:
    """Of a file that nothing else has open; None where it is not a whole store."""
    try:
        with contextlib.closing(sqlite3.connect(f"{copy.absolute().as_uri()}?immutable=1", uri=True)) as connection:
            secret = _secret(connection)
            last_vote = connection.execute("SELECT seq, vote_id FROM votes ORDER BY seq DESC LIMIT 1").fetchone()
            whole = connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"
    except sqlite3.Error:
        return None
    return Extent(secret, last_vote) if whole and secret is not None else None


def holds_a_store(file: Path) -> bool:
    """Not so where there is none, or a start ended before its tables were made. Raises StoreError."""
    if not file.exists():
        return False
    with _opened(file) as connection:
        try:
            return _secret(connection) is not None
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return False
            raise


def continues(file: Path, extent: Extent) -> bool:
    """Whether `file` is the store that was copied, with all the votes that it had then. Raises StoreError."""
    with _opened(file) as connection:
        if _secret(connection) != extent.secret:
            return False
        found = "SELECT 1 FROM votes WHERE seq = ? AND vote_id = ?"
        return extent.last_vote is None or connection.execute(found, extent.last_vote).fetchone() is not None


def put_in_place(copy: Path, file: Path) -> None:
    """Makes `copy` the store's file; log files of a lost file of that name are not replayed into it."""
    for leftover in (f"{file}-wal", f"{file}-shm"):
        Path(leftover).unlink(missing_ok=True)
    copy.replace(file)


class Watch:
    """Tells whether a store was written to, by any connection of any process. For use in one thread."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file)

    def version(self) -> int:
        """Another number after every commit, and at times without one. Raises StoreError."""
        try:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as error:
            raise StoreError(f"the store cannot be read: {error}") from error

    def close(self) -> None:
        self._connection.close()


def _secret(connection: sqlite3.Connection) -> bytes | None:
    row = connection.execute("SELECT value FROM secrets WHERE name = 'master'").fetchone()
    return None if row is None else bytes(row[0])


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    try:
        with contextlib.closing(sqlite3.connect(file)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise StoreError(f"{file} cannot be read: {error}") from error
