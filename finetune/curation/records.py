"""Turns a block of JSON lines into a table of the columns that curation needs, and names the lines that are bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import orjson

from finetune.curation.at_once import AtOnce
from finetune.curation.block import Block

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


def parse(block: Block, kind: Kind, reader: AtOnce) -> Parsed:
    """Reads all lines at once where all are good and as most dumps have them; else looks at each by itself first.

    Either way DuckDB makes the values: where a whole number is wanted a fraction is rounded, a text is taken for the
    number or the flag that it says, and what is no text stands as JSON has it.
    """
    lines = count_lines(block.view)
    table = reader.read(block)
    if table is not None and table.num_rows == lines and _complete(table, kind).all():
        return _kept(table, np.arange(lines), kind, lines, ())
    return _one_by_one(block, lines, kind, reader)


def _complete(table: Table, kind: Kind) -> npt.NDArray[np.bool_]:
    """For each row whether it has all that is required."""
    import pyarrow.compute as pc

    complete = np.ones(table.num_rows, dtype=np.bool_)
    for name in kind.required:
        complete &= pc.fill_null(pc.not_equal(table[name], ""), False).to_numpy()
    return complete


def _kept(table: Table, numbers: Numbers, kind: Kind, lines: int, bad: tuple[tuple[int, str], ...]) -> Parsed:
    import pyarrow.compute as pc

    rows = table.num_rows
    if kind.only is not None:
        column, start = kind.only
        mask = pc.starts_with(table[column], start)
        table, numbers = table.filter(mask), numbers[mask.to_numpy()]
    return Parsed(table, numbers, rows, lines, bad)


def count_lines(text: memoryview) -> int:
    """Part by part: of the whole text the comparisons would take memory that is new each time."""
    signs = np.frombuffer(text, np.uint8)
    return sum(int(np.count_nonzero(signs[at : at + _PART] == _NEWLINE)) for at in range(0, len(signs), _PART))


def _one_by_one(block: Block, lines: int, kind: Kind, reader: AtOnce) -> Parsed:
    good: list[bytes] = []
    numbers: list[int] = []
    bad: list[tuple[int, str]] = []
    for number, line in enumerate(bytes(block).split(b"\n")[:lines]):
        if not line.strip():
            continue
        if wrong := _wrong(line):
            bad.append((number, f"{wrong}, in: {_shown(line)}"))
        else:
            good.append(line)
            numbers.append(number)
    table = reader.read_lines(good)
    complete = _complete(table, kind)
    for row in np.flatnonzero(~complete).tolist():
        lacks = next(name for name in kind.required if table[name][row].as_py() in (None, ""))
        bad.append((numbers[row], f"has no {lacks}, in: {_shown(good[row])}"))
    found = np.array(numbers, dtype=np.int64)[complete]
    return _kept(table.filter(complete), found, kind, lines, tuple(sorted(bad)))


def _wrong(line: bytes) -> str | None:
    """Why a line is no JSON object; None where it is one."""
    try:
        return None if isinstance(orjson.loads(line), dict) else "is not a JSON object"
    except orjson.JSONDecodeError as error:
        # DuckDB allows such a comma, and a line is not to be bad only where a neighbour is.
        return None if _COMMA in error.msg else f"is not JSON: {error.msg}"


def _shown(line: bytes) -> str:
    """The beginning of a line, without signs that a terminal would act on."""
    text = line[: 4 * SHOWN].decode(errors="replace").strip()
    start = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:SHOWN])
    return start + "…" * (len(text) > SHOWN)


_COMMA = "trailing comma"
"""In orjson's words."""
