"""Tables of win rates told several ways, and of people combined with a judge. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppai.ui.labels import (
    COMBINED_PREFIX,
    HUMAN,
    JUDGE_PREFIX,
    Labels,
    Matchup,
    combined_judge,
    interval,
    p_value,
    sources_of,
)
from ppai.ui.table import Cell, Column, Notes, Table
from ppai.ui.tables import source_cell

Json = Mapping[str, Any]
Names = tuple[str | Cell, ...]

EXTRAPOLATED = "extrapolated"
"""Of a rate at equal length where one system is nearly always longer."""


def rate_table(summary: Json, labels: Labels, criteria: Sequence[str], matchups: Sequence[Matchup]) -> Table:
    """A row a source, as often as there are criteria and matchups; a column a way to tell the win rate."""
    notes, people = Notes(), HUMAN in sources_of(summary)
    rows: list[Names] = []
    for criterion in criteria:
        for matchup in matchups:
            for source in sources_of(summary):
                figures = summary["criteria"].get(criterion, {}).get(source, {})
                if matchup.key in figures.get("win_rate", {}):
                    names: Names = (
                        *_named(labels, criteria, matchups, criterion, matchup),
                        source_cell(source, labels),
                    )
                    told = _cells(figures, labels, matchup, notes)
                    two_way = (_two_way(figures, matchup, source, notes),) if people else ()
                    rows.append((*names, *told, *two_way))
    on = labels.criterion(criteria[0]) if len(criteria) == 1 else "every criterion"
    against = f"{labels.versus(matchups[0])}, " if len(matchups) == 1 else ""
    return Table(
        f"Win rates on {on}, {against}with {100 * summary['confidence']:.0f}% intervals; under the p of "
        "the exact sign test, how many prompts favour the first system and how many the other",
        (
            *_columns(criteria, matchups),
            Column("results.column.source"),
            Column("results.rate.raw", number=True),
            Column("results.rate.equal", number=True),
            Column("results.rate.longer", number=True),
            Column("results.rate.sign_test", number=True),
            *([Column("results.rate.holm", number=True)] if len(labels.criteria) > 1 else []),
            *([Column("results.rate.two_way", number=True)] if people else []),
        ),
        tuple(rows),
        headers=len(_columns(criteria, matchups)) + 1,
        notes=notes.texts,
    )


def combined_table(summary: Json, labels: Labels, criteria: Sequence[str], matchups: Sequence[Matchup]) -> Table:
    """A row a judge, as often as there are criteria and matchups; without rows where nobody voted."""
    notes = Notes()
    rows: list[Names] = []
    for criterion in criteria:
        for matchup in matchups:
            for source, figures in summary["criteria"].get(criterion, {}).items():
                rate = figures["win_rate"].get(matchup.key)
                if not source.startswith(COMBINED_PREFIX) or rate is None:
                    continue
                own = figures["matchups"][matchup.key]
                warned = (notes.number(str(own["warning"])),) if own["warning"] else ()
                tuned, saved = own["lambda"], own["votes_saved"]
                rows.append(
                    (
                        *_named(labels, criteria, matchups, criterion, matchup),
                        source_cell(f"{JUDGE_PREFIX}{combined_judge(source)}", labels),
                        _rate(rate, notes, warned),
                        f"{own['n_labelled']:,}",
                        f"{own['n']:,}",
                        "–" if tuned is None else f"{tuned:.2f}",
                        "–" if saved is None else f"{saved:,}",
                    )
                )
    return Table(
        "People's votes and a judge's verdicts combined: people on some prompts, the judge on all",
        (
            *_columns(criteria, matchups),
            Column("results.rate.judge"),
            Column("results.rate.combined", number=True),
            Column("results.rate.labelled", number=True),
            Column("results.rate.judged", number=True),
            Column("results.rate.lambda", number=True),
            Column("results.rate.saved", number=True),
        ),
        tuple(rows),
        headers=len(_columns(criteria, matchups)) + 1,
        notes=notes.texts,
    )


def _columns(criteria: Sequence[str], matchups: Sequence[Matchup]) -> tuple[Column, ...]:
    criterion = (Column("results.column.criterion"),) if len(criteria) > 1 else ()
    return (*criterion, *((Column("results.column.matchup"),) if len(matchups) > 1 else ()))


def _named(
    labels: Labels, criteria: Sequence[str], matchups: Sequence[Matchup], criterion: str, matchup: Matchup
) -> tuple[str, ...]:
    first = (labels.title(criterion),) if len(criteria) > 1 else ()
    return (*first, *((labels.versus(matchup),) if len(matchups) > 1 else ()))


def _cells(figures: Json, labels: Labels, matchup: Matchup, notes: Notes) -> Names:
    key = matchup.key
    test = figures["sign_test"][key]
    why = (notes.number(str(test["reason"])),) if test.get("reason") else ()
    counts = f"{test['x_prompts']:,} to {test['y_prompts']:,}"
    adjusted = figures["length_controlled"].get(key)
    return (
        _rate(figures["win_rate"][key], notes),
        _rate(adjusted, notes),
        _longer(
            figures["length_overlap"].get(key), labels, matchup, bool(adjusted and adjusted["estimate"] is not None)
        ),
        Cell(p_value(test["p"]), under=() if why else (counts,), notes=why),
        *([Cell(p_value(test.get("p_holm")))] if len(labels.criteria) > 1 else []),
    )


def _two_way(figures: Json, matchup: Matchup, source: str, notes: Notes) -> Cell:
    """Over prompts and raters; a judge has no raters."""
    return _rate(figures.get("win_rate_two_way", {}).get(matchup.key) if source == HUMAN else None, notes)


def _rate(rate: Json | None, notes: Notes, more: tuple[int, ...] = ()) -> Cell:
    """With its n below; a dash with the note that says why there is none."""
    if rate is None:
        return Cell("–")
    if rate["estimate"] is None:
        return Cell("–", notes=(notes.number(str(rate.get("reason") or "unknown")),))
    return Cell(interval(rate), under=(f"n {rate['n']:,}",), notes=more)


def _longer(overlap: Json | None, labels: Labels, matchup: Matchup, adjusted: bool) -> Cell:
    """In how many pairs each system's response is the longer one; marked where a rate is extrapolated from them."""
    if overlap is None:
        return Cell("–")
    x, y = (
        f"{labels.system(matchup.x)} {overlap['x_longer']:.0%}",
        f"{labels.system(matchup.y)} {overlap['y_longer']:.0%}",
    )
    return Cell(x, under=(y,), mark=EXTRAPOLATED if adjusted and overlap["extrapolated"] else "")
