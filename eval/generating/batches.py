"""Which responses are written together: prompts of like length, so that little is padded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eval.generating.decoding import Row


@dataclass(frozen=True)
class BatchLimits:
    """How large a batch may be. A single row may be larger."""

    rows: int
    tokens: int
    """Of all rows: the longest prompt and the most new tokens, times the rows."""


def plan(rows: Iterable[Row], limits: BatchLimits, *, mixed: bool) -> list[list[Row]]:
    """Batches of neighbours by length, the longest first, which shows at once whether they fit into memory.

    Rows with the adapter and without it stand in one batch only where that is `mixed` at a border.
    """
    batches: list[list[Row]] = []
    for row in sorted(rows, key=lambda row: (row.adapted, -len(row.prompt))):
        last = batches[-1] if batches else None
        if last and (mixed or last[0].adapted == row.adapted) and _fits([*last, row], limits):
            last.append(row)
        else:
            batches.append([row])
    return batches


def halved(batches: Iterable[Sequence[Row]], rows: int) -> list[list[Row]]:
    """The same in batches of at most so many `rows`."""
    return [list(batch[at : at + rows]) for batch in batches for at in range(0, len(batch), rows)]


def _fits(rows: Sequence[Row], limits: BatchLimits) -> bool:
    width = max(len(row.prompt) for row in rows) + max(row.settings.max_new_tokens for row in rows)
    return len(rows) <= limits.rows and len(rows) * width <= limits.tokens
