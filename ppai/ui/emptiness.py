"""Which parts of a page have nothing to show while nobody has answered, such as tables without figures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ppai.ui.sections import Section
from ppai.ui.table import Table


def with_figures(tables: Sequence[Table]) -> tuple[Table, ...]:
    """Those with a cell beside the names of a row."""
    return tuple(table for table in tables if any(len(row) > table.headers for row in table.rows))


def without_empty_tables(section: Section) -> Section:
    return replace(section, tables=with_figures(section.tables), more=with_figures(section.more))


def shows_something(section: Section) -> bool:
    """Whether more is under its heading than that there is nothing; its tables are those of `without_empty_tables`."""
    drawn = section.chart is not None and section.chart.figure is not None
    return bool(drawn or section.tables or section.more or section.lead)


def that_show_something(sections: Iterable[Section]) -> tuple[Section, ...]:
    """The page says once that nobody has answered, and not under each heading."""
    return tuple(section for section in map(without_empty_tables, sections) if shows_something(section))
