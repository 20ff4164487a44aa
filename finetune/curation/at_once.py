"""Reads all lines of a block at once with DuckDB's JSON reader.

Arrow's reader takes half as much time again on lines of 60 fields, of which these are a few.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from finetune.curation.block import Block
from ppai.errors import MissingPackage

if TYPE_CHECKING:
    from pyarrow import Table

LONGEST = 2 << 20
"""Bytes of a line that the reader makes room for."""

_TYPES = {"string": "VARCHAR", "int64": "BIGINT", "bool": "BOOLEAN"}


class AtOnce:
    """A context; `read` may be called from several threads."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        """`columns` are names with their Arrow types. Raises MissingPackage without duckdb."""
        try:
            import duckdb
        except ImportError:
            raise MissingPackage("duckdb", "curate") from None
        self._error = duckdb.Error
        # A block's file is written again and again: nothing of it may be kept.
        self._connection = duckdb.connect(config={"threads": 1, "enable_external_file_cache": False})
        types = ", ".join(f"{name}: '{_TYPES[of]}'" for name, of in columns.items())
        self._how = f"format='newline_delimited', columns={{{types}}}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def read(self, block: Block) -> Table | None:
        """A row for each line that is not blank, in order; None where one is bad, very long or of other types."""
        try:
            return self._read(block, f"maximum_object_size={LONGEST}")
        except self._error:
            return None

    def read_lines(self, lines: list[bytes]) -> Table:
        """A row for each of these, in order. What is of another type, and all of what is no JSON, is null."""
        longest = max(LONGEST, *map(len, lines), 0)
        return self._read(Block.of(b"\n".join([*lines, b""])), f"maximum_object_size={longest + 1}, ignore_errors=true")

    def _read(self, block: Block, how: str) -> Table:
        query = f"SELECT * FROM read_json('{block.path()}', {self._how}, {how})"
        return self._connection.cursor().sql(query).to_arrow_table()
