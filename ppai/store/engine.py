"""Opens a database by its URL: SQLite in WAL mode or PostgreSQL, migrated to the newest tables."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ppai.errors import StoreError

BUSY_SECONDS = 10
MIGRATION_LOCK = 0x70706169
"""Key of the lock under which two processes do not migrate at once."""
_migrating = threading.Lock()
"""Alembic keeps the migration under way in a module, so that one process runs one at a time."""


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


def one_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__


def _file_of(database: str) -> str:
    """The path in the name of a SQLite database, which may be a `file:` URI."""
    return database.removeprefix("file:").partition("?")[0] if database.startswith("file:") else database


class Database:
    """An engine with the two kinds of transaction that a store needs.

    SQLite has one writer at a time. Writers of one process wait in line at a lock of our own, since SQLite's
    busy handler sleeps in growing steps and lets late comers pass; other processes are met by that handler.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        try:
            self.url = make_url(url)
        except ArgumentError:
            raise StoreError("PPAI_DATABASE_URL is not a database URL") from None
        if self.url.drivername in ("postgres", "postgresql"):
            self.url = self.url.set(drivername="postgresql+psycopg")
        if self.url.get_backend_name() not in ("sqlite", "postgresql"):
            raise StoreError(f"{self.url.drivername!r} is not a database that PPAI knows: sqlite or postgresql")
        self.sqlite = self.url.get_backend_name() == "sqlite"
        if self.sqlite and self.url.database in (None, "", ":memory:"):
            raise StoreError("a store in memory would lose its votes: give a file, such as sqlite:///var/ppai.db")
        if self.sqlite and not create and not Path(_file_of(str(self.url.database))).exists():
            raise StoreError(f"{_file_of(str(self.url.database))}: there is no such store")
        self.engine = self._sqlite_engine() if self.sqlite else self._server_engine()
        self._writer = threading.Lock()

    def _sqlite_engine(self) -> Engine:
        try:
            Path(_file_of(str(self.url.database))).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the store cannot be made: {error}") from error
        engine = create_engine(
            self.url,
            json_serializer=_dumps,
            json_deserializer=orjson.loads,
            connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
            pool_size=8,
            max_overflow=32,
        )

        @event.listens_for(engine, "connect")
        def _configure(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            writes = connection.get_execution_options().get("writes", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    def _server_engine(self) -> Engine:
        try:
            return create_engine(
                self.url,
                json_serializer=_dumps,
                json_deserializer=orjson.loads,
                pool_pre_ping=True,
                pool_size=8,
                max_overflow=32,
                pool_timeout=BUSY_SECONDS,
                connect_args={"connect_timeout": BUSY_SECONDS} if "psycopg" in self.url.drivername else {},
            )
        except NoSuchModuleError:
            raise StoreError(f"{self.url.drivername!r} is not a database that PPAI knows") from None
        except ModuleNotFoundError as error:
            raise StoreError(f"{error.name} is not installed, which {self.url.drivername} needs") from None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads. Raises StoreError."""
        with _as_store_errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, committed at the end or rolled back whole. Raises StoreError."""
        with _as_store_errors():
            if not self.sqlite:
                with self.engine.begin() as connection:
                    yield connection
                return
            if not self._writer.acquire(timeout=BUSY_SECONDS):
                raise StoreError("the store is busy")
            try:
                with self.engine.connect() as connection:
                    connection = connection.execution_options(writes=True)
                    with connection.begin():
                        yield connection
            finally:
                self._writer.release()

    def lock(self, connection: Connection, key: int) -> None:
        """Waits until no other transaction holds `key`; SQLite has one writer at a time anyway."""
        if not self.sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    def migrate(self) -> None:
        """Brings the tables to the newest form. Two processes that start at once wait for each other."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with _migrating, self.writing() as connection:
            self.lock(connection, MIGRATION_LOCK)
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise StoreError(f"the store is not of this version: {one_line(error)}") from error

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _as_store_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(f"the store cannot do this: {one_line(error)}") from error
