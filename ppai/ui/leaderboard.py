"""The leaderboard of three systems and more: ranks that the data allow, Bradley-Terry strengths, differences. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppai.ui.chart_layout import DOT_ROW, Chart, Group, Row, laid_out
from ppai.ui.chart_marks import SYMBOLS, half_line, look, sources_drawn, whiskers
from ppai.ui.chart_names import plain
from ppai.ui.filters import Filters
from ppai.ui.labels import Labels, decimal, is_baseline, listed, percent, source_label, source_phrase, sources_of
from ppai.ui.records import Record, csv_text
from ppai.ui.sections import Section, level
from ppai.ui.table import Cell, Column, Notes, Table
from ppai.ui.tables import source_column

Json = Mapping[str, Any]

MOST_ROWS = 60
"""Rows of the chart; beyond them the strongest systems of the first source alone are drawn."""
MOST_TOLD = 5
"""Systems that a sentence on ranks names; the table has all."""
COLUMNS = ("arm", "topic", "criterion", "source", "figure", "of", "estimate", "low", "high", "rank_low", "rank_high")


def leaderboard_section(strengths: Json, summary: Json, labels: Labels, filters: Filters) -> Section | None:
    """Of the SOURCEs of one criterion, `strengths`, by source; None for two systems."""
    if len(summary["systems"]) < 3:
        return None
    criterion = labels.criterion(filters.criterion)
    asked = {source: strengths[source] for source in sources_of(summary) if source in strengths}
    found = {source: one for source, one in asked.items() if one["bradley_terry"]}
    missing = tuple(not_ranked(source, one, labels) for source, one in asked.items() if source not in found)
    if not found:
        words = " ".join(missing) or f"There are no comparisons on {criterion} yet."
        return Section("leaderboard", Chart(None, words), f"Criterion: {criterion}.", (), "")
    return Section(
        "leaderboard",
        leaderboard_chart(found, labels, criterion, missing),
        f"Criterion: {criterion}. {_note(found, summary, labels)}",
        (leaderboard_table(found, summary, labels, criterion),),
        csv_text(leaderboard_records(found, filters), COLUMNS),
        open=True,
        more=(differences_table(found, summary, labels, criterion),),
        more_key="results.differences",
    )


def not_ranked(source: str, one: Json, labels: Labels) -> str:
    """Why a source ranks nothing."""
    return f"Not ranked by {labels.source(source)}: {one['reasons'].get('bradley_terry')}."


def ranks_in_words(strengths: Json, summary: Json, labels: Labels, criterion: str) -> list[str]:
    """For people and each judge, who ranks where on a criterion, the strongest first, or why nobody is ranked."""
    sentences = []
    for source in sources_of(summary):
        one = strengths.get(source)
        if one is None or is_baseline(source):
            continue
        if not one["bradley_terry"]:
            sentences.append(not_ranked(source, one, labels))
            continue
        told = [f"{row.label} {_ranks(row)}" for row in _rows(source, one, labels)]
        more = len(told) - MOST_TOLD
        names = f"{', '.join(told[:MOST_TOLD])} and {more:,} more, which the table has" if more > 0 else listed(told)
        sentences.append(f"Ranks on {labels.criterion(criterion)} by {labels.source(source)}: {names}.")
    return sentences


def leaderboard_chart(found: Json, labels: Labels, criterion: str, missing: Sequence[str] = ()) -> Chart:
    """Each source's systems, the strongest first, with the ranks that each may have."""
    groups = [Group(labels.source(source), _rows(source, one, labels)) for source, one in found.items()]
    left_out = list(missing)
    if sum(len(group.rows) for group in groups) > MOST_ROWS:
        first = groups[0]
        of_first = f", the {MOST_ROWS} strongest" if len(first.rows) > MOST_ROWS else ""
        others = " and what other sources say" if len(groups) > 1 else ""
        left_out.append(f"Drawn for {first.heading} alone{of_first}; the table has every system{others}.")
        groups = [Group(first.heading, first.rows[:MOST_ROWS])]
    rows, layout = laid_out(groups, DOT_ROW, top=8, beside=_ranks)
    drawn = sources_drawn(groups)
    data: list[dict[str, Any]] = [half_line([0.0, 0.0], layout["yaxis"]["range"])]
    for source in drawn:
        number = look(drawn, source)
        own = [(place, row) for place, _, row in rows if row.source == source]
        colour = f"--ppai-chart-{number % 5}"
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": plain(source_label(source)),
                "x": [row.figures["estimate"] for _, row in own],
                "y": [place for place, _ in own],
                "marker": {"color": colour, "size": 11, "symbol": SYMBOLS[number % len(SYMBOLS)]},
                "error_x": whiskers([row.figures for _, row in own]) | {"color": colour},
                "hovertext": [
                    f"<b>{plain(row.label)}</b>, {plain(labels.source(source))}<br>strength {decimal(row.figures)}"
                    f"<br>{_ranks(row)}"
                    for _, row in own
                ],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
    layout["showlegend"] = False
    layout["xaxis"] = {
        **{name: layout["xaxis"][name] for name in ("gridcolor", "fixedrange", "side", "zeroline")},
        "nticks": 5,
        "title": {"text": "strength (log odds)", "font": {"size": 12}},
    }
    words = (
        f"Strength of each system on {criterion}, the strongest first, for "
        f"{listed([labels.source(source) for source in drawn])}; beside each the ranks that it may have. "
        "The table below has the same numbers."
    )
    return Chart({"data": data, "layout": layout}, words, tuple(left_out))


def _rows(source: str, one: Json, labels: Labels) -> tuple[Row, ...]:
    ordered = sorted(one["bradley_terry"].items(), key=lambda item: (-item[1]["estimate"], item[0]))
    return tuple(Row(labels.system(system), figures, source) for system, figures in ordered)


def _ranks(row: Row) -> str:
    return rank(row.figures)


def rank(strength: Json) -> str:
    """`rank 1`, or `rank 2–4`."""
    low, high = strength["rank_low"], strength["rank_high"]
    return f"rank {low}" if low == high else f"rank {low}–{high}"


def leaderboard_table(found: Json, summary: Json, labels: Labels, criterion: str) -> Table:
    """A row a system, strongest first by the first source; a column of ranks and one of strengths a source."""
    first = next(iter(found.values()))["bradley_terry"]
    order = sorted(summary["systems"], key=lambda name: -first[name]["estimate"] if name in first else float("inf"))
    rows = []
    for system in order:
        cells: list[str | Cell] = [labels.system(system)]
        for one in found.values():
            strength = one["bradley_terry"].get(system)
            cells += ["–", "–"] if strength is None else [rank(strength).removeprefix("rank "), decimal(strength)]
        rows.append(tuple(cells))
    columns = [Column("results.column.system")]
    for source in found:
        columns += [Column("results.rank.of", source_label(source), number=True), source_column(source, labels)]
    return Table(
        f"Systems on {criterion}: the ranks that each may have, and its strength with a {level(summary)} interval",
        tuple(columns),
        tuple(rows),
    )


def differences_table(found: Json, summary: Json, labels: Labels, criterion: str) -> Table:
    """A row two systems; a column of differences and one of P(better) a source."""
    keys = dict.fromkeys(key for one in found.values() for key in one["bradley_terry_differences"])
    notes = Notes()
    rows = []
    for matchup in labels.matchups(keys):
        cells: list[str | Cell] = [labels.versus(matchup)]
        for one in found.values():
            difference = one["bradley_terry_differences"].get(matchup.key)
            if difference is None or difference["estimate"] is None:
                reason = (difference or {}).get("reason")
                cells += [Cell("–", notes=(notes.number(str(reason)),) if reason else ()), Cell("–")]
            else:
                cells += [decimal(difference), percent(one["p_better"].get(matchup.key))]
        rows.append(tuple(cells))
    columns = [Column("results.column.matchup")]
    for source in found:
        columns += [source_column(source, labels), Column("results.rank.better", source_label(source), number=True)]
    return Table(
        f"Differences of strength on {criterion}, each with a {level(summary)} interval of its own, and how often the "
        "first system is the stronger one when the prompts are resampled",
        tuple(columns),
        tuple(rows),
        notes=notes.texts,
    )


def _note(found: Json, summary: Json, labels: Labels) -> str:
    methods = dict.fromkeys(
        strength["method"] for one in found.values() for strength in one["bradley_terry"].values() if strength["method"]
    )
    sizes = [
        f"{max(s['n'] for s in one['bradley_terry'].values()):,} of {labels.source(name)}"
        for name, one in found.items()
    ]
    lent = [f"{one['n_degenerate']:,} of {labels.source(name)}" for name, one in found.items() if one["n_degenerate"]]
    degenerate = (
        f" Resamples in which a system won or lost all, kept under a small prior: {', '.join(lent)}." if lent else ""
    )
    return (
        "A strength is the natural logarithm of a system's odds, 0 on average: a difference of 0.7 is odds of two to "
        f"one. n is the number of prompts: {', '.join(sizes)}. "
        f"Intervals are at {level(summary)} ({'; '.join(methods)}), each by itself; ranks follow from intervals of all "
        f"differences that hold at once, at {level(summary)}.{degenerate}"
    )


def leaderboard_records(found: Json, filters: Filters) -> list[Record]:
    records: list[Record] = []
    for source, one in found.items():
        common = {
            "arm": filters.arm,
            "topic": filters.topic or "",
            "criterion": filters.criterion,
            "source": source_phrase(source),
        }
        records += [
            common | {"figure": "strength", "of": system} | dict(strength)
            for system, strength in one["bradley_terry"].items()
        ]
        for key, difference in one["bradley_terry_differences"].items():
            better = {"p_better": one["p_better"].get(key)}
            records.append(common | {"figure": "difference", "of": key} | dict(difference) | better)
    return records
