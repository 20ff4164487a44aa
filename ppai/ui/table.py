"""A table as the pages show it: cells with their intervals and footnotes, as accessible HTML. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ppai.ui.markup import english, escape, said

MOST_ROWS = 500
"""Rows that a page shows of one table; a file has all."""
DENSE = 8
"""Columns past which a table stands closer."""
NARROW = 3
"""Columns of a table that need not fill the page: its numbers would stand far from their names."""


@dataclass(frozen=True)
class Column:
    """A column's heading: a text of the interface by key, or a name as it is."""

    key: str = ""
    name: str = ""
    number: bool = False
    mark: str = ""
    """A warning that stands with the name."""

    def html(self, *, beside: bool = False) -> str:
        """`beside` says that its cells stand under the row's first name where there is little room."""
        text = said(self.key, name=self.name) if self.key and self.name else said(self.key) if self.key else None
        return f'<th scope="col"{_looks(self, beside)}>{text or escape(self.name)}{_mark(self.mark)}</th>'


@dataclass(frozen=True)
class Cell:
    """More than a text: what stands with it, and under it."""

    text: str = ""
    key: str = ""
    """Of a text of the interface, instead of `text`."""
    mark: str = ""
    """A warning."""
    under: tuple[str, ...] = ()
    """Lines in small letters, such as the n."""
    notes: tuple[int, ...] = ()
    """Numbers of the table's notes."""

    def html(self) -> str:
        text = said(self.key) if self.key else escape(self.text)
        notes = f"<sup>{' '.join(str(number) for number in self.notes)}</sup>" if self.notes else ""
        under = "".join(f'<span class="ppai-under">{escape(line)}</span>' for line in self.under)
        return f"{text}{notes}{_mark(self.mark)}{under}"


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first `headers` cells of each name the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    headers: int = 1
    notes: tuple[str, ...] = ()
    """What the cells' numbers 1, 2, ... stand for."""
    warning: str = ""
    """Told above it, where its figures must not be taken as they stand."""
    remarks: tuple[str, ...] = ()
    """Sentences under it."""
    how: tuple[str, ...] = ()
    """How its figures were computed, folded under it."""


class Notes:
    """The notes of a table that is being made: each text once, numbered from 1."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(self._numbers)


def table_html(table: Table, name: str, under: str = "") -> str:
    """A table in a region that scrolls sideways by itself, also by keyboard.

    `under` is the id of a heading that its name goes on with, where a page has a table of the same caption elsewhere.
    """
    body = "".join(f"<tr>{_cells(table, row)}</tr>" for row in table.rows[:MOST_ROWS])
    head = "".join(column.html(beside=0 < place < table.headers) for place, column in enumerate(table.columns))
    more = len(table.rows) - MOST_ROWS
    note = said("results.more_rows", "p", 'class="ppai-muted"', shown=f"{MOST_ROWS:,}", of=f"{len(table.rows):,}")
    label = f"table-{escape(name)}"
    text = f'<span class="ppai-caption" id="{label}" lang="en">{escape(table.caption)}</span>'
    caption = f"<caption>{text}</caption>"
    shape = " is-narrow" if len(table.columns) <= NARROW else " is-dense" if len(table.columns) > DENSE else ""
    warning = f'<p class="ppai-warning" lang="en">{escape(table.warning)}</p>' if table.warning else ""
    remarks = "".join(f'<p class="ppai-remark" lang="en">{escape(text)}</p>' for text in table.remarks)
    return (
        f'{warning}<div class="ppai-scroll" role="region" tabindex="0" aria-labelledby="{f"{label} {under}".strip()}">'
        f'<table class="ppai-table{shape}">{caption}'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>{_foot(table)}</table></div>{note if more > 0 else ''}"
        f"{remarks}{_how(table.how, name)}"
    )


def _how(lines: Sequence[str], name: str) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    summary = said("results.how", "summary")
    return f'<details class="ppai-how" data-keep="{escape(name)}-how">{summary}<ul lang="en">{items}</ul></details>'


def _foot(table: Table) -> str:
    """The notes inside of the table, so that they stay with it in a file."""
    if not table.notes:
        return ""
    notes = "".join(f"<li>{escape(text)}</li>" for text in table.notes)
    return (
        f'<tfoot><tr><td colspan="{len(table.columns)}"><ol class="ppai-caption ppai-footnotes" lang="en">{notes}</ol>'
        "</td></tr></tfoot>"
    )


def _cells(table: Table, row: Sequence[str | Cell]) -> str:
    """A row's first name has the others as an attribute too, which a narrow screen shows in their place."""
    others = "\n".join(_plain(cell) for cell in row[1 : table.headers])
    also = f' data-also="{escape(others)}"' if others else ""
    cells = []
    for number, (column, cell) in enumerate(zip(table.columns, row, strict=True)):
        text = cell.html() if isinstance(cell, Cell) else escape(cell)
        if number < table.headers:
            looks = _looks(column, beside=number > 0)
            cells.append(f'<th scope="row"{looks}{"" if number else also}>{text}</th>')
        else:
            cells.append(f"<td{_looks(column)}>{text}</td>")
    return "".join(cells)


def _looks(column: Column, beside: bool = False) -> str:
    names = [name for name, has in (("is-number", column.number), ("is-beside", beside)) if has]
    return f' class="{" ".join(names)}"' if names else ""


def _plain(cell: str | Cell) -> str:
    """What a name says."""
    if isinstance(cell, str):
        return cell
    text = english(cell.key) if cell.key else cell.text
    return "\n".join([text, *([_warning(cell.mark)] if cell.mark else []), *cell.under])


def _mark(mark: str) -> str:
    return f' <span class="ppai-mark" lang="en">{escape(_warning(mark))}</span>' if mark else ""


def _warning(mark: str) -> str:
    return f"⚠ {mark}"
