"""Reads all lines of a block at once with DuckDB's JSON reader, from memory.

Arrow's reader takes a quarter more time on lines of 60 fields, of which these are a few.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fsspec import AbstractFileSystem

from ppai.errors import MissingPackage

if TYPE_CHECKING:
    from pyarrow import ChunkedArray, Table

PROTOCOL = "blocks"
LONGEST = 8 << 20
"""Bytes of a line that the reader makes room for."""

_EXACT = 2.0**53
"""Below it fractions hold every whole number."""
_FLAGS = ("true", "false", None)


class _Block:
    """A block as a file: DuckDB asks for no more than this."""

    def __init__(self, block: memoryview) -> None:
        self._block, self._at = block, 0

    def read(self, count: int = -1) -> bytes:
        end = len(self._block) if count < 0 else self._at + count
        part = bytes(self._block[self._at : end])
        self._at += len(part)
        return part

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, len(self._block))[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        pass


class _Blocks(AbstractFileSystem):
    """The blocks that are being read, by name."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.blocks: dict[str, memoryview] = {}

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        name = str(self._strip_protocol(path))
        return {"name": name, "size": len(self.blocks[name]), "type": "file"}

    def glob(self, path: str, **_: Any) -> list[str]:
        return [str(self._strip_protocol(path))]

    def exists(self, path: str, **_: Any) -> bool:
        return self._strip_protocol(path) in self.blocks

    def open(self, path: str, mode: str = "rb", **_: Any) -> _Block:
        return _Block(self.blocks[str(self._strip_protocol(path))])


class AtOnce:
    """A context; `read` may be called from several threads."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        """`columns` are names with their Arrow types. Raises MissingPackage without duckdb."""
        try:
            import duckdb
        except ImportError:
            raise MissingPackage("duckdb", "curate") from None
        self._error = duckdb.Error
        self._connection = duckdb.connect(config={"threads": 1})
        self._files = _Blocks()
        self._names = itertools.count()
        self._columns = columns
        # As texts, since DuckDB would round 3.7 and take 1 for true.
        types = ", ".join(f"{name}: 'VARCHAR'" for name in columns)
        self._how = f"format='newline_delimited', maximum_object_size={LONGEST}, columns={{{types}}}"

    def __enter__(self) -> Self:
        self._connection.register_filesystem(self._files)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.unregister_filesystem(PROTOCOL)
        self._connection.close()

    def read(self, block: memoryview) -> Table | None:
        """A row for each line that is not blank, in order; None where one is bad or of other types."""
        name = str(next(self._names))
        self._files.blocks[name] = block
        try:
            query = f"SELECT * FROM read_json('{PROTOCOL}://{name}', {self._how})"
            return _typed(self._connection.cursor().sql(query).to_arrow_table(), self._columns)
        except self._error:
            return None
        finally:
            del self._files.blocks[name]


def _typed(table: Table, columns: Mapping[str, str]) -> Table | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    for number, (name, of) in enumerate(columns.items()):
        texts = table[name]
        if of == "int64":
            whole = _whole(texts)
            if whole is None:
                return None
            table = table.set_column(number, name, whole)
        elif of == "bool":
            if not pc.all(pc.is_in(texts, pa.array(_FLAGS, pa.string()))).as_py():
                return None
            table = table.set_column(number, name, pc.equal(texts, "true"))
    return table


def _whole(texts: ChunkedArray) -> ChunkedArray | None:
    """Fractions lose what follows the point, as times of some dumps have one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return pc.cast(texts, pa.int64())
    except pa.ArrowInvalid:
        pass
    try:
        numbers = pc.trunc(pc.cast(texts, pa.float64()))
        exact = pc.all(pc.less(pc.abs(numbers), _EXACT)).as_py()
        return pc.cast(numbers, pa.int64()) if exact else None
    except pa.ArrowInvalid:
        return None
