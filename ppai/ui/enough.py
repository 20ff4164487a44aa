"""Which rows of a chart have enough pairs to be drawn, and the words for those that have not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ppai.ui.chart_layout import Group
from ppai.ui.labels import listed

ENOUGH_PAIRS = 5
"""Fewer pairs are named in words and not drawn."""
MOST_NAMED = 6
"""Rows left out that are named one by one."""


def drawn_groups(groups: Iterable[Group]) -> tuple[list[Group], tuple[str, ...]]:
    """The groups without rows of too few pairs, and a sentence that names those rows."""
    kept = []
    few: dict[str, list[str]] = {}
    for group in groups:
        enough = tuple(row for row in group.rows if row.figures["n"] >= ENOUGH_PAIRS)
        for row in group.rows:
            if 0 < row.figures["n"] < ENOUGH_PAIRS:
                few.setdefault(group.heading, []).append(row.label)
        if enough:
            kept.append(Group(group.heading, enough))
    if not few:
        return kept, ()
    names = [f"{heading} ({', '.join(rows)})" for heading, rows in few.items()]
    more = [f"{len(names) - MOST_NAMED:,} more, which the table has"] if len(names) > MOST_NAMED else []
    return kept, (f"Not drawn, with fewer than {ENOUGH_PAIRS} pairs: {listed(names[:MOST_NAMED] + more)}.",)


def nothing_drawn(what: str, left_out: Sequence[str]) -> str:
    if not left_out:
        return f"There are no {what} yet."
    return f"Too few {what} for a chart: none has {ENOUGH_PAIRS} pairs yet. The table below has what there is."
