"""The part of the results page on when people may stop voting: the primary criterion's confidence sequence. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppai.ui.chart_layout import Chart
from ppai.ui.filters import Filters
from ppai.ui.labels import HUMAN, Labels, Matchup, counted, interval, sources_of
from ppai.ui.records import Record, csv_text
from ppai.ui.sections import Section, level
from ppai.ui.sequence_chart import looks_drawn, sequence_chart
from ppai.ui.table import Cell, Column, Notes, Table

Json = Mapping[str, Any]

MOST_LOOKS = 20
"""Rows of the table of looks, about."""
BEYOND = "more than the study has: out of reach"
UNENDING = "not in sight at the present rate"
BY_TIME = "completion"
"""How the Summary says that prompts stand in the order in which they were completed."""


def sequence_section(summary: Json, labels: Labels, filters: Filters) -> Section | None:
    """The chosen matchup drawn, all of them in the table; None where nobody voted or there is nothing to compare.

    `summary` is that of all topics and raters: a sequence is followed over the whole study, whatever is chosen.
    """
    found = summary.get("sequence") or {}
    matchups = labels.matchups(found.get("matchups", ()))
    if not matchups or HUMAN not in sources_of(summary):
        return None
    chosen = next((one for one in matchups if one.key == filters.matchup), matchups[0])
    one, criterion = found["matchups"][chosen.key], labels.criterion(found["criterion"])
    records = sequence_records(found, chosen, labels, filters)
    chart = sequence_chart(one, chosen, labels, criterion)
    looks = (look_table(one, chosen, labels),) if one["mean"] else ()
    return Section(
        "sequence",
        chart,
        f"Criterion: {criterion}, the study's primary one. {_sides(chart, chosen, labels)}"
        f"{_note(found, one, len(matchups), summary)}",
        (state_table(found, labels, matchups, criterion), *looks),
        csv_text(records) if records else "",
        lead=_lead(chart, one),
        fixed="the primary criterion, all topics and all raters",
    )


def _lead(chart: Chart, one: Json) -> tuple[str, ...]:
    """What the chart shows, unless words stand in its place already."""
    return (str(one["sentence"]),) if chart.figure is not None else ()


def _sides(chart: Chart, chosen: Matchup, labels: Labels) -> str:
    """Whose is which half of the chart, which has the win rate of one system, whoever the sentence above it names."""
    if chart.figure is None:
        return ""
    return f"Above the dotted line {labels.system(chosen.x)} wins more often, below it {labels.system(chosen.y)}. "


def state_table(found: Json, labels: Labels, matchups: Sequence[Matchup], criterion: str) -> Table:
    """A row a matchup: where it stands now and what it takes to decide it."""
    notes = Notes()
    rows = tuple(
        (labels.versus(matchup), *_state(found["matchups"][matchup.key], labels, matchup, notes))
        for matchup in matchups
    )
    return Table(
        f"When the votes on {criterion} decide",
        (
            Column("results.column.matchup"),
            Column("results.sequence.state"),
            Column("results.sequence.now", number=True),
            Column("results.sequence.decided_at", number=True),
            Column("results.sequence.needed", number=True),
            Column("results.sequence.equality_at", number=True),
            Column("results.sequence.prompts", number=True),
        ),
        rows,
        notes=notes.texts,
    )


def _state(one: Json, labels: Labels, matchup: Matchup, notes: Notes) -> tuple[str | Cell, ...]:
    now, decided = one["interval"], one["decided_at"]
    if now["estimate"] is None:
        known = Cell("–", notes=(notes.number(str(now.get("reason"))),))
    else:
        known = Cell(interval(now), under=(f"n {now['n']:,}",))
    return (
        _decision(one, labels, matchup),
        known,
        *(_prospects(one, notes) if decided is None else (f"{decided:,}", "–", "–")),
        f"{one['n_prompts']:,}",
    )


def _decision(one: Json, labels: Labels, matchup: Matchup) -> str:
    if one["decision"] != "decided":
        return str(one["decision"])
    return f"decided: {labels.system(matchup.x if one['low'][-1] > 0.5 else matchup.y)} wins more often"


def _prospects(one: Json, notes: Notes) -> tuple[str | Cell, ...]:
    """What an undecided matchup still takes, to be decided and to be called equal."""
    return (
        "–",
        _prospect(one, one["needed"], notes, in_reach=one["in_reach"]),
        _prospect(one, one["equality_at"], notes, in_reach=(one["equality_at"] or 0) <= one["n_prompts"]),
    )


def _prospect(one: Json, prompts: int | None, notes: Notes, *, in_reach: bool) -> str | Cell:
    """How many prompts it takes; whether that is too many."""
    if one["interval"]["estimate"] is None:
        return "–"
    if prompts is None:
        return Cell("–", notes=(notes.number(UNENDING),))
    return f"{prompts:,}" if in_reach else Cell(f"{prompts:,}", notes=(notes.number(BEYOND),))


def look_table(one: Json, matchup: Matchup, labels: Labels) -> Table:
    """Some looks of one matchup, evenly apart, with the decision's and the last."""
    n = len(one["mean"])
    places = looks_drawn(n, one["decided_at"], MOST_LOOKS)
    some = f"{len(places):,} of its {n:,} looks" if len(places) < n else "every look"
    return Table(
        f"Win rate of {labels.versus(matchup)} so far, with its band, at {some}",
        (Column("results.sequence.completed", number=True), Column("results.sequence.now", number=True)),
        tuple((f"{place + 1:,}", _band(one, place)) for place in places),
    )


def _band(one: Json, place: int) -> str:
    return interval({"estimate": one["mean"][place], "low": one["low"][place], "high": one["high"][place]})


def _note(found: Json, one: Json, matchups: int, summary: Json) -> str:
    order = (
        "in the order in which they were completed"
        if one["order"] == BY_TIME
        else "in the study's order, since votes have no time"
    )
    complete = f"n is the number of completed prompts, those with {counted(found['overlap'], 'vote')}"
    if not one["mean"]:
        return f"{complete}: none yet, so nothing is estimated."
    method = f" ({one['interval']['method']})" if one["interval"]["estimate"] is not None else ""
    together = f" and for all {matchups:,} pairs of systems together" if matchups > 1 else ""
    return (
        f"{complete}; they stand {order}, each as one look. At {level(summary)} the band{method} holds over all looks "
        f"at once{together}: however often anybody looks and whenever voting stops. That makes it wider than an "
        "interval that is computed once, and voting may stop as soon as it is decided. More votes on a complete "
        "prompt change no look."
    )


def sequence_records(found: Json, chosen: Matchup, labels: Labels, filters: Filters) -> list[Record]:
    """Every look of the chosen matchup, and the last one of each other."""
    records: list[Record] = []
    for matchup in labels.matchups(found["matchups"]):
        one = found["matchups"][matchup.key]
        n = len(one["mean"])
        common = {"arm": filters.arm, "criterion": found["criterion"], "of": matchup.key}
        for place in range(n) if matchup == chosen else range(n)[-1:]:
            bounds = {"estimate": one["mean"][place], "low": one["low"][place], "high": one["high"][place]}
            last = {name: one[name] for name in ("decision", "decided_at", "needed", "equality_at", "n_prompts")}
            look = {"prompts": place + 1, "prompt": one["prompts"][place]}
            records.append(common | look | bounds | (last if place == n - 1 else {}))
    return records
