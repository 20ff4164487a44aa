"""Reads a table from a CSV or TSV file, with the line on which each row starts."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from ppai.studyfiles.lines import read_text, storable
from ppai.studyfiles.problems import Problem

DELIMITERS = ",;\t|"
MAX_CELL = 16_000_000
"""Characters; the csv module's own limit is below the longest response allowed."""


@dataclass(frozen=True)
class Table:
    """A table's column names, and its rows as (1-based line, cell of each column)."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]


def read_table(path: Path, problems: list[Problem], delimiter: str | None = ",") -> Table | None:
    """A table; None, and problems, where it is not one.

    A row of fewer cells than the header is empty in the last columns; empty rows are passed over. Without a
    delimiter, that of `DELIMITERS` which splits the header into the most columns is taken.
    """
    text = read_text(path, problems)
    if text is None:
        return None
    if not storable(text):
        problems.append(Problem(path.name, 0, "", "holds a NUL character, which cannot be stored"))
        return None
    csv.field_size_limit(MAX_CELL)
    found = len(problems)
    rows = _rows(path.name, text, delimiter or _delimiter(text), problems)
    if not rows:
        if len(problems) == found:
            problems.append(Problem(path.name, 0, "", "the table is empty"))
        return None
    (line, header), body = rows[0], rows[1:]
    columns = tuple(name.strip() for name in header)
    for name in sorted({name for name in columns if name and columns.count(name) > 1}):
        problems.append(Problem(path.name, line, name, "the column stands twice"))
    for line, cells in body:
        if len(cells) > len(columns):
            message = f"the row has {len(cells)} cells and the header {len(columns)}"
            problems.append(Problem(path.name, line, "", message))
    if len(problems) > found:
        return None
    named = tuple((line, dict(zip_longest(columns, cells, fillvalue=""))) for line, cells in body)
    return Table(path.name, columns, named)


def _rows(file: str, text: str, delimiter: str, problems: list[Problem]) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        problems.append(Problem(file, start, "", f"is not a table: {error}"))
    return rows


def _delimiter(text: str) -> str:
    header = next((line for line in text.split("\n") if line.strip()), "")
    counts = {mark: len(next(csv.reader([header], delimiter=mark), [])) for mark in DELIMITERS}
    return max(DELIMITERS, key=counts.__getitem__)
