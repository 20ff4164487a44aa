"""Turns a block of JSON lines into a table of the columns that curation needs, and names the lines that are bad."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import orjson

from finetune.curation.at_once import AtOnce

if TYPE_CHECKING:
    from pyarrow import Table

_NEWLINE = ord("\n")
_PART = 1 << 18
SHOWN = 80
"""Characters of a bad line that are quoted."""
TEXT, WHOLE, FLAG = "string", "int64", "bool"
"""Types of columns, by their names in Arrow."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Kind:
    """Which columns a dump's lines have; all others are left out."""

    name: str
    columns: Mapping[str, str] = field(hash=False)
    required: tuple[str, ...]
    """A line without one of these is bad."""
    only: tuple[str, str] | None = None
    """A column, and how it must begin for a row to be kept; the others are counted."""


POSTS = Kind(
    "posts",
    {
        "id": TEXT,
        "title": TEXT,
        "selftext": TEXT,
        "author": TEXT,
        "subreddit": TEXT,
        "link_flair_text": TEXT,
        "distinguished": TEXT,
        "is_self": FLAG,
        "stickied": FLAG,
        "score": WHOLE,
        "num_comments": WHOLE,
        "created_utc": WHOLE,
    },
    ("id",),
)
COMMENTS = Kind(
    "comments",
    {
        "id": TEXT,
        "parent_id": TEXT,
        "author": TEXT,
        "distinguished": TEXT,
        "body": TEXT,
        "stickied": FLAG,
        "is_submitter": FLAG,
        "score": WHOLE,
        "created_utc": WHOLE,
    },
    ("id", "parent_id"),
    # What answers a comment answers no post, and is more than half of most dumps.
    ("parent_id", "t3_"),
)


@dataclass(frozen=True)
class Parsed:
    """What one block holds."""

    table: Table
    """The kind's columns."""
    numbers: Numbers
    """Of each row's line in the block, from 0."""
    rows: int
    """Good lines, with those that are not kept."""
    lines: int
    """Of the block; those that are blank count here, and neither as rows nor as bad."""
    bad: tuple[tuple[int, str], ...]
    """(number, what is wrong) of each line that is left out."""


def parse(block: memoryview, kind: Kind, reader: AtOnce) -> Parsed:
    """Reads all lines at once where all are good and as most dumps have them; else each by itself."""
    lines = count_lines(block)
    table = reader.read(block)
    if table is not None and table.num_rows == lines and _complete(table, kind):
        return _kept(table, np.arange(lines), kind, lines, ())
    return _one_by_one(block, lines, kind, reader)


def _complete(table: Table, kind: Kind) -> bool:
    import pyarrow.compute as pc

    return all(not table[name].null_count and not pc.any(pc.equal(table[name], "")).as_py() for name in kind.required)


def _kept(table: Table, numbers: Numbers, kind: Kind, lines: int, bad: tuple[tuple[int, str], ...]) -> Parsed:
    import pyarrow.compute as pc

    rows = table.num_rows
    if kind.only is not None:
        column, start = kind.only
        mask = pc.starts_with(table[column], start)
        table, numbers = table.filter(mask), numbers[mask.to_numpy()]
    return Parsed(table, numbers, rows, lines, bad)


def count_lines(block: memoryview) -> int:
    """Part by part: of the whole block the comparisons would take memory that is new each time."""
    signs = np.frombuffer(block, np.uint8)
    return sum(int(np.count_nonzero(signs[at : at + _PART] == _NEWLINE)) for at in range(0, len(signs), _PART))


def _one_by_one(block: memoryview, lines: int, kind: Kind, at_once: AtOnce) -> Parsed:
    import pyarrow as pa

    columns: dict[str, list[Any]] = {name: [] for name in kind.columns}
    numbers: list[int] = []
    bad: list[tuple[int, str]] = []
    read = [(name, _READERS[of]) for name, of in kind.columns.items()]
    for number, line in enumerate(bytes(block).split(b"\n")[:lines]):
        if not line.strip():
            continue
        row = _row(line, kind, at_once)
        if isinstance(row, str):
            bad.append((number, f"{row}, in: {_shown(line)}"))
            continue
        for name, reader in read:
            columns[name].append(reader(row.get(name)))
        numbers.append(number)
    table = pa.table(columns, schema=pa.schema(list(kind.columns.items())))
    return _kept(table, np.array(numbers, dtype=np.int64), kind, lines, tuple(bad))


def _row(line: bytes, kind: Kind, at_once: AtOnce) -> dict[str, Any] | str:
    """The object on a line, or what is wrong with it."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        # DuckDB allows such a comma, and a line is not to be bad only where a neighbour is.
        table = at_once.read(memoryview(line + b"\n")) if _COMMA in error.msg else None
        if table is None or table.num_rows != 1:
            return f"is not JSON: {error.msg}"
        row = table.to_pylist()[0]
    if not isinstance(row, dict):
        return "is not a JSON object"
    for name in kind.required:
        if _text(row.get(name)) in (None, ""):
            return f"has no {name}"
    return row


def _text(value: object) -> str | None:
    """What is no text stands as JSON has it."""
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _whole(value: object) -> int | None:
    """Older dumps write times as texts, newer ones as fractions."""
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        try:
            number = int(float(value))
        except (ValueError, OverflowError):
            return None
    return number if -(2**63) <= number < 2**63 else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else _FLAGS.get(value) if isinstance(value, str) else None


def _shown(line: bytes) -> str:
    """The beginning of a line, without signs that a terminal would act on."""
    text = line[: 4 * SHOWN].decode(errors="replace").strip()
    start = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:SHOWN])
    return start + "…" * (len(text) > SHOWN)


_FLAGS = {"true": True, "false": False}
_COMMA = "trailing comma"
"""In orjson's words."""
_READERS: dict[str, Callable[[object], Any]] = {TEXT: _text, WHOLE: _whole, FLAG: _flag}
