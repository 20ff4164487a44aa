"""The tables under the charts, as accessible HTML. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppai.ui.labels import HUMAN, Labels, Matchup, interval, percent, rater_label, source_label, sources_of
from ppai.ui.markup import escape, said

Json = Mapping[str, Any]

MOST_ROWS = 500
"""Rows that a page shows of one table; a file has all."""


@dataclass(frozen=True)
class Column:
    """A column's heading: a text of the interface by key, or a name as it is."""

    key: str = ""
    name: str = ""
    number: bool = False

    def html(self) -> str:
        align = ' class="is-number"' if self.number else ""
        text = said(self.key, name=self.name) if self.key and self.name else said(self.key) if self.key else None
        return f'<th scope="col"{align}>{text or escape(self.name)}</th>'


@dataclass(frozen=True)
class Table:
    """Rows of text; the first `headers` cells of each name the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    headers: int = 1


def table_html(table: Table, name: str) -> str:
    """A table in a region that scrolls sideways by itself, also by keyboard."""
    body = "".join(f"<tr>{_cells(table, row)}</tr>" for row in table.rows[:MOST_ROWS])
    head = "".join(column.html() for column in table.columns)
    more = len(table.rows) - MOST_ROWS
    note = said("results.more_rows", "p", 'class="ppai-muted"', shown=f"{MOST_ROWS:,}", of=f"{len(table.rows):,}")
    label = f"table-{escape(name)}"
    text = f'<span class="ppai-caption" id="{label}" lang="en">{escape(table.caption)}</span>'
    caption = f"<caption>{text}</caption>"
    return (
        f'<div class="ppai-scroll" role="region" tabindex="0" aria-labelledby="{label}">'
        f'<table class="ppai-table">{caption}'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{note if more > 0 else ''}"
    )


def _cells(table: Table, row: Sequence[str]) -> str:
    cells = []
    for number, (column, text) in enumerate(zip(table.columns, row, strict=True)):
        align = ' class="is-number"' if column.number else ""
        if number < table.headers:
            cells.append(f'<th scope="row"{align}>{escape(text)}</th>')
        else:
            cells.append(f"<td{align}>{escape(text)}</td>")
    return "".join(cells)


def share_table(summary: Json, labels: Labels) -> Table:
    """For two systems: what each criterion and source says."""
    reference = summary["reference"]
    other = next(system for system in summary["systems"] if system != reference)
    key = f"{other}>{reference}"
    rows = []
    for criterion in labels.criteria:
        for source in sources_of(summary):
            figures = summary["criteria"].get(criterion, {}).get(source)
            if figures is not None:
                rows.append(
                    (
                        labels.title(criterion),
                        source_label(source),
                        interval(figures["shares"][other]),
                        interval(figures["tie_share"]),
                        interval(figures["shares"][reference]),
                        interval(figures["win_rate"][key]),
                        f"{figures['n']:,}",
                        f"{figures.get('n_votes', figures.get('n_verdicts', 0)):,}",
                        f"{figures['n_unscored']:,}",
                    )
                )
    return Table(
        f"Shares of pairs won, with {_level(summary)} intervals",
        (
            Column("results.column.criterion"),
            Column("results.column.source"),
            Column("results.column.won", labels.system(other), number=True),
            Column("results.column.tie", number=True),
            Column("results.column.won", labels.system(reference), number=True),
            Column("results.column.win_rate", labels.system(other), number=True),
            Column("results.column.pairs", number=True),
            Column("results.column.answers", number=True),
            Column("results.column.unscored", number=True),
        ),
        tuple(rows),
        headers=2,
    )


def appearance_table(summary: Json, labels: Labels, criterion: str) -> Table:
    """For three systems and more: shares and win rates against the reference, one criterion."""
    by_source = summary["criteria"].get(criterion, {})
    reference = summary["reference"]
    rows = []
    for system in summary["systems"]:
        for source in sources_of(summary):
            figures = by_source.get(source)
            if figures is None:
                continue
            rate = figures["win_rate"].get(f"{system}>{reference}")
            share = figures["shares"][system]
            rows.append(
                (
                    labels.system(system),
                    source_label(source),
                    interval(share),
                    f"{share['n']:,}",
                    "–" if rate is None else interval(rate),
                    "–" if rate is None else f"{rate['n']:,}",
                )
            )
    return Table(
        f"Systems on {labels.criterion(criterion)}, with {_level(summary)} intervals",
        (
            Column("results.column.system"),
            Column("results.column.source"),
            Column("results.column.won_own", number=True),
            Column("results.column.pairs", number=True),
            Column("results.column.win_rate_against", labels.system(reference), number=True),
            Column("results.column.pairs", number=True),
        ),
        tuple(rows),
        headers=2,
    )


def matchup_table(summary: Json, labels: Labels, criterion: str) -> Table:
    """For three systems and more: every pair of systems, one criterion."""
    by_source = summary["criteria"].get(criterion, {})
    sources = sources_of(summary)
    keys = dict.fromkeys(key for figures in by_source.values() for key in figures["win_rate"])
    rows = [
        (
            labels.versus(matchup),
            *(
                f"{interval(rate)}, n {rate['n']:,}" if rate is not None else "–"
                for source in sources
                for rate in (by_source.get(source, {}).get("win_rate", {}).get(matchup.key),)
            ),
        )
        for matchup in labels.matchups(keys)
    ]
    return Table(
        f"Win rates of every pair of systems on {labels.criterion(criterion)}, with {_level(summary)} intervals",
        (
            Column("results.column.matchup"),
            *(Column(name=source_label(source), number=True) for source in sources),
        ),
        tuple(rows),
    )


def topic_table(found: Sequence[tuple[str, str, Json]], matchup: Matchup, labels: Labels, caption: str) -> Table:
    """Win rate of one system by topic, from `(topic, source, Rates as JSON)`."""
    sources = list(dict.fromkeys(source for _, source, rates in found if rates["n"]))
    sources.sort(key=lambda source: source != HUMAN)
    cells = {(topic, source): rates["win_rate"].get(matchup.key) for topic, source, rates in found}
    rows = []
    for topic in dict.fromkeys(topic for topic, _, _ in found):
        row = [topic]
        for source in sources:
            rate = cells.get((topic, source))
            row += ["–", "0"] if rate is None else [interval(rate) if rate["n"] else "–", f"{rate['n']:,}"]
        rows.append(tuple(row))
    columns = [Column("results.column.topic")]
    for source in sources:
        columns += [
            Column(name=source_label(source), number=True),
            Column("results.column.pairs_of", source_label(source), number=True),
        ]
    return Table(caption, tuple(columns), tuple(rows))


def time_table(starts: Sequence[str], counts: Sequence[int], unit: str) -> Table:
    rows = tuple((start, f"{count:,}") for start, count in zip(starts, counts, strict=True) if count)
    return Table(
        f"Votes by {unit}, UTC; {unit}s without votes are left out",
        (Column("results.column.time"), Column("results.column.votes", number=True)),
        rows,
    )


def rater_table(raters: Mapping[str, Json]) -> Table:
    rows = []
    for rater, habits in sorted(raters.items(), key=lambda item: (-len(item[1]["flags"]), -item[1]["n"], item[0])):
        seconds = habits["median_seconds"]
        repeats = habits.get("n_repeats") or 0
        rows.append(
            (
                rater_label(rater),
                f"{habits['n']:,}",
                percent(habits["share_a"]),
                "–" if seconds is None else f"{seconds:.0f}",
                f"{percent(habits.get('repeat_agreement'))} of {repeats}" if repeats else "–",
                ", ".join(flag.replace("_", " ") for flag in habits["flags"]) or "none",
            )
        )
    return Table(
        "Raters, the flagged ones first",
        (
            Column("results.column.rater"),
            Column("results.column.votes", number=True),
            Column("results.column.side_a", number=True),
            Column("results.column.seconds", number=True),
            Column("results.column.repeats", number=True),
            Column("results.column.flags"),
        ),
        tuple(rows),
    )


def _level(summary: Json) -> str:
    return f"{100 * summary['confidence']:.0f}%"
