"""Writes a run's files: splits as JSON Lines and Parquet, row by row, and texts beside them; all of them or none."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import orjson

from finetune.curation.split import PREFERENCE, QUICK, TRAIN, VALIDATION
from ppai.errors import PPAIError

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 2000
"""Of a row group."""
PREFERENCE_PAIRS = "preference_pairs"
SPLITS = (TRAIN, VALIDATION, QUICK, PREFERENCE, PREFERENCE_PAIRS)
MARK = "funnel.json"
"""Is there only where all other files are, and of the same run: it goes first and comes last."""
_ENDINGS = ("jsonl", "parquet")
_BESIDE = ".unfinished-"


class _Split:
    """One split's two files."""

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        from pyarrow import parquet

        lines, table = (folder / f"{name}.{ending}" for ending in _ENDINGS)
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


class Output:
    """A context: its files appear at its end, together, where it ends well, and those of an earlier run go.

    Until then they are in a folder beside, so that nothing can fail for want of room once the first is moved. Raises
    PPAIError where they cannot be written.
    """

    def __init__(self, folder: Path, schemas: Mapping[str, pa.Schema]) -> None:
        """`schemas` are those of the splits that this run has."""
        self._folder = folder
        self._beside = folder / f"{_BESIDE}{secrets.token_hex(4)}"
        self._schemas = schemas
        self._splits: dict[str, _Split] = {}

    def __enter__(self) -> Self:
        with self._told():
            for left_by_a_killed_run in self._folder.glob(f"{_BESIDE}*"):
                shutil.rmtree(left_by_a_killed_run, ignore_errors=True)
            self._beside.mkdir(parents=True)
            for name, schema in self._schemas.items():
                self._splits[name] = _Split(self._beside, name, schema)
        return self

    def add(self, name: str, row: Mapping[str, Any]) -> None:
        self._splits[name].add(row)

    def write(self, name: str, text: str) -> None:
        (self._beside / name).write_text(text, "utf-8", newline="\n")

    @property
    def sizes(self) -> dict[str, int]:
        return {name: split.rows for name, split in self._splits.items()}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._told():
                for split in self._splits.values():
                    split.close()
                if kind is None:
                    self._appear()
                elif isinstance(error, OSError):
                    raise error
        finally:
            shutil.rmtree(self._beside, ignore_errors=True)

    def _appear(self) -> None:
        (self._folder / MARK).unlink(missing_ok=True)
        for name in set(SPLITS) - set(self._splits):
            for ending in _ENDINGS:
                (self._folder / f"{name}.{ending}").unlink(missing_ok=True)
        for file in sorted(self._beside.iterdir(), key=lambda file: (file.name == MARK, file.name)):
            file.replace(self._folder / file.name)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
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
