"""What each judge was asked, what of it cannot be used and why, and what it cost. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ppai.ui.filters import Filters
from ppai.ui.labels import JUDGE_PREFIX, Labels, counted, judges_of, source_phrase
from ppai.ui.records import Record
from ppai.ui.table import Cell, Column, Table
from ppai.ui.tables import source_column

Json = Mapping[str, Any]

MOST_REASONS = 5
"""Reasons that are told one by one."""
LONGEST_REASON = 60


@dataclass(frozen=True)
class JudgeCounts:
    """One judge's verdicts in one arm."""

    verdicts: int
    unscored: int
    """On every criterion."""
    reasons: tuple[tuple[str, int], ...]
    """Why, the most frequent first."""
    named: int
    """Verdicts of a judge that saw the systems' names."""
    samples: int
    """How often the same was asked, at the most."""
    cost: float
    """US dollars, of those verdicts whose price is known."""
    unpriced: int
    """Verdicts whose price is not."""


def counts_of(verdicts: pd.DataFrame) -> dict[str, JudgeCounts]:
    """By source (`judge:<judge>`), from a verdict frame of one arm."""
    return {f"{JUDGE_PREFIX}{judge}": _counts(own) for judge, own in verdicts.groupby("judge", sort=False)}


def _counts(own: pd.DataFrame) -> JudgeCounts:
    reasons = Counter(str(reason) for reason in own["unscored"] if reason is not None)
    return JudgeCounts(
        verdicts=len(own),
        unscored=reasons.total(),
        reasons=tuple(reasons.most_common()),
        named=int(own["named"].sum()),
        samples=int(own["sample"].nunique()),
        cost=float(own["cost"].sum()),
        unpriced=int(own["cost"].isna().sum()),
    )


def count_table(summary: Json, verdicts: pd.DataFrame, labels: Labels, criterion: str) -> Table:
    """A row a count, a column a judge."""
    judges, counts = judges_of(summary), counts_of(verdicts)
    known = [judge for judge in judges if judge in counts]
    on = {judge: summary["criteria"].get(criterion, {}).get(judge, {}) for judge in known}
    rows: list[tuple[str | Cell, ...]] = [
        (Cell(key="results.count.verdicts"), *(f"{counts[judge].verdicts:,}" for judge in known)),
        (Cell(key="results.count.unscored"), *(_unscored(counts[judge]) for judge in known)),
        (Cell(key="results.count.unanswered"), *(f"{on[judge].get('n_unscored', 0):,}" for judge in known)),
        (Cell(key="results.count.orders"), *(_orders(on[judge]) for judge in known)),
        (Cell(key="results.count.named"), *(_named(counts[judge]) for judge in known)),
        (Cell(key="results.count.models"), *(_names(summary, judge, "models") for judge in known)),
        (Cell(key="results.count.prompt_versions"), *(_names(summary, judge, "prompt_versions") for judge in known)),
        (Cell(key="results.count.samples"), *(f"{counts[judge].samples:,}" for judge in known)),
        (Cell(key="results.count.cost"), *(_cost(counts[judge]) for judge in known)),
    ]
    return Table(
        f"What each judge was asked; answers and orders are those on {labels.criterion(criterion)}",
        (Column("results.column.figure"), *(source_column(judge, labels) for judge in known)),
        tuple(rows),
    )


def _unscored(counts: JudgeCounts) -> Cell:
    told = [f"{n:,} {_shortened(reason)}" for reason, n in counts.reasons[:MOST_REASONS]]
    more = sum(n for _, n in counts.reasons[MOST_REASONS:])
    return Cell(f"{counts.unscored:,}", under=(*told, *([f"{more:,} for other reasons"] if more else [])))


def _shortened(reason: str) -> str:
    return reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"


def _orders(figures: Json) -> Cell:
    both, missing = figures.get("both_orders"), figures.get("n_one_order") or 0
    if both is None:
        return Cell("–")
    left_out = (f"{counted(missing, 'pair')} left out for a missing order",) if missing else ()
    return Cell(key="results.count.both_orders" if both else "results.count.one_order", under=left_out)


def _named(counts: JudgeCounts) -> Cell:
    if not counts.named:
        return Cell(key="results.count.not_named")
    of = () if counts.named == counts.verdicts else (f"{counts.named:,} of {counts.verdicts:,}",)
    return Cell(key="results.count.is_named", under=of)


def _names(summary: Json, judge: str, kind: str) -> Cell:
    """How many models answered, or prompt versions were asked, and which; a dash where verdicts do not say."""
    rows = (by_source.get(judge, {}) for by_source in summary["criteria"].values())
    names = tuple(dict.fromkeys(name for row in rows for name in row.get(kind) or ()))
    return Cell(f"{len(names):,}", under=names) if names else Cell("–")


def _cost(counts: JudgeCounts) -> Cell:
    if counts.unpriced == counts.verdicts:
        return Cell(key="results.count.unknown")
    if counts.unpriced:
        known = f"{counted(counts.verdicts - counts.unpriced, 'verdict')}: {dollars(counts.cost)}"
        return Cell(key="results.count.unknown", under=(known, f"{counts.unpriced:,} without a known price"))
    return Cell(dollars(counts.cost))


def dollars(amount: float) -> str:
    """`$1.23`; small sums with more digits, since a small study costs cents."""
    return f"${amount:,.2f}" if amount >= 0.1 or amount == 0 else f"${amount:.4f}"


def count_records(verdicts: pd.DataFrame, filters: Filters) -> list[Record]:
    """Every count, a row each; the cost is empty where any price is unknown."""
    records: list[Record] = []
    for judge, counts in counts_of(verdicts).items():
        common = {"arm": filters.arm, "topic": filters.topic or "", "criterion": "", "source": source_phrase(judge)}
        cost = counts.cost if not counts.unpriced else None
        values = {
            "n_verdicts": counts.verdicts,
            "n_unscored": counts.unscored,
            "n_named": counts.named,
            "n_samples": counts.samples,
            "cost_usd": cost,
        }
        records += [common | {"figure": name, "of": "", "estimate": value} for name, value in values.items()]
        records += [common | {"figure": "unscored", "of": reason, "estimate": n} for reason, n in counts.reasons]
    return records
