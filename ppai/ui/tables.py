"""The tables under the charts of shares, topics, votes and raters. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppai.ui.habit_figures import flag_name
from ppai.ui.labels import (
    Labels,
    Matchup,
    counted,
    in_order,
    interval,
    percent,
    rater_label,
    source_label,
    sources_of,
)
from ppai.ui.table import Cell, Column, Table

Json = Mapping[str, Any]


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
                        source_cell(source, labels),
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
                    source_cell(source, labels),
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
            *(source_column(source, labels) for source in sources),
        ),
        tuple(rows),
    )


def topic_table(found: Sequence[tuple[str, str, Json]], matchup: Matchup, labels: Labels, caption: str) -> Table:
    """Win rate of one system by topic, from `(topic, source, Rates as JSON)`."""
    sources = in_order(dict.fromkeys(source for _, source, rates in found if rates["n"]), labels.marks)
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
            source_column(source, labels),
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


def rater_table(raters: Mapping[str, Json], remarks: Sequence[str] = ()) -> Table:
    """`remarks` say what the flags mean."""
    rows = []
    for rater, habits in sorted(raters.items(), key=lambda item: (-len(item[1]["flags"]), -item[1]["n"], item[0])):
        seconds = habits["median_seconds"]
        rows.append(
            (
                rater_label(rater),
                Cell(f"{habits['n']:,}", under=(f"{habits['n_skipped']:,} skipped",) if habits["n_skipped"] else ()),
                percent(habits["share_a"]),
                "–" if seconds is None else f"{seconds:.0f}",
                _of(habits["repeat_agreement"], habits["n_repeats"], "repeat"),
                _of(habits["agreement"], habits["n_shared"], "pair"),
                percent(habits["others_agreement"]),
                ", ".join(map(flag_name, habits["flags"])) or "none",
            )
        )
    return Table(
        "Raters, the flagged ones first; agreement on the overall question, ties counted",
        (
            Column("results.column.rater"),
            Column("results.column.votes", number=True),
            Column("results.column.side_a", number=True),
            Column("results.column.seconds", number=True),
            Column("results.column.repeats", number=True),
            Column("results.habit.agreement", number=True),
            Column("results.habit.others_agreement", number=True),
            Column("results.column.flags"),
        ),
        tuple(rows),
        remarks=tuple(remarks),
    )


def _of(share: float | None, n: int, what: str) -> str | Cell:
    """A share with what it is of, or a dash."""
    return "–" if share is None else Cell(percent(share), under=(f"of {counted(n, what)}",))


def source_cell(source: str, labels: Labels) -> Cell:
    """Who answered, with what a reader must know of a judge beside its name."""
    return Cell(source_label(source), mark=labels.mark(source))


def source_column(source: str, labels: Labels) -> Column:
    return Column(name=source_label(source), number=True, mark=labels.mark(source))


def _level(summary: Json) -> str:
    return f"{100 * summary['confidence']:.0f}%"
