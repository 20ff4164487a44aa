"""The engine that runs the expressions: DuckDB in this process, or Spark; both keep their results as Parquet."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.curation.master import check_reached, master_of
from ppai.errors import MissingPackage, PPAIError

if TYPE_CHECKING:
    from ibis.expr.types import Table

DUCKDB = "duckdb"
SPARK = "pyspark://"
LOG = "spark.log"
STOPPED = "stopped SparkContext"
"""All that Spark raises where it has given its master up."""
MEMORY = "512MB"
"""What DuckDB may hold before it writes to disk."""
_WIDE_ROWS = 4096
"""Of a row group of texts. DuckDB's writer holds one a thread, whatever its memory is: its own 122,880 are too many."""
_LITTLE = "20MB"
_LEAST = 64
"""Of these megabytes DuckDB needs some for itself."""
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([MGT])i?B", re.IGNORECASE)


@dataclass(frozen=True)
class Engine:
    """A connection, and where its dialect of regular expressions differs."""

    connection: Any
    first_group: str
    """What stands for the first group of a match in its replacement."""
    wide: Mapping[str, Any] = field(default_factory=dict)
    """Options of its Parquet writer for rows with texts."""

    memory: str | None = None
    """What it may hold, where it runs in this process."""

    def release(self) -> None:
        """Gives back to the system what it holds while nothing is asked of it, and what Arrow does."""
        import pyarrow as pa

        if self.memory is not None:
            self.connection.raw_sql(f"SET memory_limit = '{_LITTLE}'")
            self.connection.raw_sql(f"SET memory_limit = '{self.memory}'")
        pa.default_memory_pool().release_unused()

    def read_files(self, paths: Sequence[str | Path]) -> Table:
        """Parquet files of one schema as one table, with the number of each one's file, from 0, as `file`."""
        import ibis

        tables = [
            self.connection.read_parquet(str(path)).mutate(file=ibis.literal(number, "int32"))
            for number, path in enumerate(paths)
        ]
        return reduce(lambda one, other: one.union(other), tables)

    def read(self, paths: Sequence[str | Path]) -> Table:
        """Parquet files, or folders of them, of one schema, as one table."""
        tables = [self.connection.read_parquet(str(path)) for path in paths]
        return reduce(lambda one, other: one.union(other), tables)

    def keep(self, table: Table, path: Path, *, texts: bool = False) -> Table:
        """Computes the table into Parquet at `path`, which appears whole or not at all, and reads it from there.

        `texts` says that its rows have some. Raises PPAIError where the engine fails.
        """
        beside = path.with_name(f".{path.name}.tmp")
        remove(beside)
        try:
            self.connection.to_parquet(table, beside, **(self.wide if texts else {}))
            remove(path)
            beside.replace(path)
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            if "Out of Memory" in reason:
                reason += "; allow more: --memory 2GB"
            raise PPAIError(f"{path.parent}: {path.name} cannot be made: {reason}") from error
        finally:
            remove(beside)
        return self.read([path])


def connect(engine: str, folder: Path, *, memory: str = MEMORY, threads: int | None = None) -> Engine:
    """`duckdb`, or `pyspark://MASTER` with a master as Spark names it (`local[2]`, `yarn`, `host:7077`).

    DuckDB writes what does not fit into `memory` below `folder`. Raises MissingPackage, and PPAIError where the
    engine is not known or does not start.
    """
    try:
        import ibis
    except ImportError:
        raise MissingPackage("ibis-framework", "curate") from None
    if engine == DUCKDB:
        _check_memory(memory)
        try:
            connection = ibis.duckdb.connect(
                memory_limit=memory,
                threads=threads or os.cpu_count() or 1,
                temp_directory=str(folder / "spilled"),
                preserve_insertion_order=False,
                # It would keep what was read of a file up to the last byte of its memory; the system does so anyway.
                enable_external_file_cache=False,
            )
            # The first question imports what all take, some of it slowly: now, while files are being read.
            connection.to_pyarrow(ibis.literal(0))
        except Exception as error:
            raise PPAIError(f"duckdb does not start: {str(error).splitlines()[0]}") from error
        return Engine(connection, r"\1", {"row_group_size": _WIDE_ROWS}, memory)
    if engine.startswith(SPARK):
        with _errors_to(folder / LOG):
            return Engine(_spark(master_of(engine.removeprefix(SPARK)), folder / LOG), "$1")
    raise PPAIError(f"--engine: {engine!r} is neither duckdb nor pyspark://MASTER, as in pyspark://local[2]")


def _check_memory(memory: str) -> None:
    """DuckDB takes a negative amount for any, and one that is too small fails wherever it is asked something."""
    found = _AMOUNT.fullmatch(memory.strip())
    if not found:
        raise PPAIError(f"--memory: {memory!r} is no amount such as 512MB or 2GB")
    if float(found[1]) * 1000 ** "MGT".index(found[2].upper()) < _LEAST:
        raise PPAIError(f"--memory: must be at least {_LEAST}MB, not {memory}")


def _spark(master: str, log: Path) -> Any:
    """Ibis's own reading of such an address sets what a started session no longer takes."""
    import ibis

    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        told = "pyspark is not installed: pip install 'pyspark>=4.3,<4.4'; it needs Java 17 or newer"
        raise PPAIError(told) from None
    check_reached(master)
    builder = SparkSession.builder.master(master)
    settings: dict[str, Any] = {
        "spark.app.name": "ppai curate",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
    }
    if master.startswith("local"):
        # The default of 200 parts is meant for a cluster.
        settings["spark.sql.shuffle.partitions"] = str(os.cpu_count() or 1)
    try:
        session = builder.config(map=settings).getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        return ibis.pyspark.connect(session)
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        reason = next((line.removeprefix(": ") for line in lines if line.startswith(": ")), lines[0])
        if STOPPED in reason:
            reason = "what is reached there does not answer as a master does"
        raise PPAIError(f"--engine: Spark at {master} does not start; {log} says why: {reason}") from error


@contextmanager
def _errors_to(file: Path) -> Iterator[None]:
    """What is started within writes to this file what it would write on standard error, for as long as it runs."""
    kept = os.dup(2)
    with file.open("ab") as log:
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def remove(path: Path) -> None:
    """A file or a folder, where there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
