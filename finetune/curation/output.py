"""Writes the splits as JSON Lines and Parquet, all of them or none, row by row in the order of post ids."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import orjson

from ppai.errors import PPAIError

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 2000
"""Of a row group."""


class _Split:
    """One split's two files, beside their places until they are done."""

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        from pyarrow import parquet

        for left_by_a_killed_run in folder.glob(f".{name}-*.tmp"):
            left_by_a_killed_run.unlink(missing_ok=True)
        mark = secrets.token_hex(4)
        self.files = {
            folder / f".{name}-{mark}.{ending}.tmp": folder / f"{name}.{ending}" for ending in ("jsonl", "parquet")
        }
        lines, table = self.files
        self.rows = 0
        self._schema = schema
        self._waiting: list[Mapping[str, Any]] = []
        self._lines: BinaryIO = lines.open("xb")
        self._table = parquet.ParquetWriter(table, schema, compression="zstd")

    def add(self, row: Mapping[str, Any]) -> None:
        self._lines.write(orjson.dumps(row) + b"\n")
        self._waiting.append(row)
        self.rows += 1
        if len(self._waiting) >= ROWS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        self._table.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
        self._waiting.clear()

    def close(self) -> None:
        if self._waiting:
            self._flush()
        self._lines.close()
        self._table.close()


class Splits:
    """A context: its files appear at its end, where it ends well. Raises PPAIError where they cannot be written."""

    def __init__(self, folder: Path, schemas: Mapping[str, pa.Schema]) -> None:
        self._folder = folder
        self._schemas = schemas
        self._splits: dict[str, _Split] = {}

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for name, schema in self._schemas.items():
                self._splits[name] = _Split(self._folder, name, schema)
        except OSError as error:
            raise PPAIError(f"{self._folder}: cannot be written: {error.strerror or error}") from error
        return self

    def add(self, name: str, row: Mapping[str, Any]) -> None:
        self._splits[name].add(row)

    @property
    def sizes(self) -> dict[str, int]:
        return {name: split.rows for name, split in self._splits.items()}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        files = {beside: target for split in self._splits.values() for beside, target in split.files.items()}
        try:
            for split in self._splits.values():
                split.close()
            if kind is None:
                for beside, target in files.items():
                    beside.replace(target)
        except OSError as failure:
            raise PPAIError(f"{self._folder}: cannot be written: {failure.strerror or failure}") from failure
        finally:
            for beside in files:
                beside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise PPAIError(f"{self._folder}: cannot be written: {error.strerror or error}") from error


def pair_schema(preference: bool = False) -> pa.Schema:
    """Of a row of chat messages with its provenance; a set-aside one has its runners-up too."""
    import pyarrow as pa

    message = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    columns = [
        ("id", pa.string()),
        ("comment_id", pa.string()),
        ("subreddit", pa.string()),
        ("flair", pa.string()),
        ("score", pa.int64()),
        ("post_score", pa.int64()),
        ("created_utc", pa.int64()),
        ("tokens", pa.int32()),
        ("group", pa.string()),
        ("source", pa.string()),
        ("comment_source", pa.string()),
        ("messages", message),
    ]
    if preference:
        other = pa.struct([("comment_id", pa.string()), ("score", pa.int64()), ("text", pa.string())])
        columns.append(("runners_up", pa.list_(other)))
    return pa.schema(columns)


def preference_schema() -> pa.Schema:
    """Of TRL's preference rows."""
    import pyarrow as pa

    message = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    texts = [(name, pa.string()) for name in ("id", "chosen_id", "rejected_id")]
    scores = [(name, pa.int64()) for name in ("chosen_score", "rejected_score")]
    return pa.schema([*texts, *scores, *((name, message) for name in ("prompt", "chosen", "rejected"))])
