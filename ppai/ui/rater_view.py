"""The results page's part on raters: their habits, what hangs on those with a flag, whether they were blind. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppai.ui.filters import UNFLAGGED, Filters
from ppai.ui.habit_figures import FLAGS, flag_name, rater_chart
from ppai.ui.labels import HUMAN, Labels, Matchup, counted, decimal, interval
from ppai.ui.records import csv_text, rater_records
from ppai.ui.sections import Section, level
from ppai.ui.sentences import Verdict, against_reference, verdict_of
from ppai.ui.table import Cell, Column, Notes, Table
from ppai.ui.tables import rater_table

Json = Mapping[str, Any]

STAYS = "Who only disagrees with the others stays in every figure."
MOST_TOLD = 3
"""Answers that are told to change."""


def rater_section(summary: Json, labels: Labels, filters: Filters) -> Section | None:
    """Over all topics and raters, as `summary` has it; None where nobody voted."""
    raters = summary["balance"]["raters"]
    if not raters:
        return None
    flagged = [rater for rater, habits in raters.items() if habits["flags"]]
    gone = [rater for rater in flagged if raters[rater]["left_out"]]
    tables, more = _compared(summary, labels, filters) if gone else ((), ())
    left_out = f", {len(gone):,} left out of the figures above" if filters.raters == UNFLAGGED and gone else ""
    return Section(
        "raters",
        rater_chart(raters),
        f"n = {counted(len(raters), 'rater')}, over all topics; {len(flagged):,} with a flag{left_out}. Shares are of "
        "each rater's own answers to the overall question: described, not estimated, so they carry no interval and "
        "nothing was resampled. Flags for sides, speed, ties and repeats rest on how somebody votes; who only "
        "disagrees with the others stays in every figure, since leaving out dissenters would strengthen the majority.",
        (rater_table(raters, _told(raters)), *tables),
        csv_text(rater_records(raters)),
        lead=tuple(_lead(summary, labels, filters, len(flagged), any_left_out=bool(gone))),
        more=more,
    )


def _told(raters: Mapping[str, Json]) -> tuple[str, ...]:
    """What each flag means that somebody carries."""
    raised = {flag for habits in raters.values() for flag in habits["flags"]}
    return tuple(f"{flag_name(flag)}: {FLAGS[flag]}." for flag in FLAGS if flag in raised)


def _lead(summary: Json, labels: Labels, filters: Filters, flagged: int, *, any_left_out: bool) -> list[str]:
    raters = len(summary["balance"]["raters"])
    said = [
        f"{flagged:,} of {counted(raters, 'rater')} {'carries' if flagged == 1 else 'carry'} a flag. "
        f"{_effect(summary, labels) if any_left_out else STAYS}"
        if flagged
        else f"None of {counted(raters, 'rater')} carries a flag."
        if raters > 1
        else "The one rater carries no flag."
    ]
    return [*said, *_repeated(summary, labels, filters), _blinded(summary["blinding"])]


def _effect(summary: Json, labels: Labels) -> str:
    """Which answers are others without the flagged raters."""
    changed, n = [], 0
    for key in labels.criteria:
        for matchup, rates in _both(summary, labels, key).items():
            n += 1
            before, after = (_answer(verdict_of(rate), matchup, labels) for rate in rates)
            if before != after:
                of = f" ({labels.versus(matchup)})" if len(labels.systems) > 2 else ""
                changed.append(f"on {labels.criterion(key)}{of} “{before}” becomes “{after}”")
    if not changed:
        return f"Without them {'the answer is' if n == 1 else f'all {n:,} answers are'} the same."
    more = [f"{len(changed) - MOST_TOLD:,} more, which the tables have"] if len(changed) > MOST_TOLD else []
    change = "changes" if len(changed) == 1 else "change"
    return f"Without them {len(changed):,} of {counted(n, 'answer')} {change}: {'; '.join(changed[:MOST_TOLD] + more)}."


def _answer(verdict: Verdict, matchup: Matchup, labels: Labels) -> str:
    """A win rate in a word or two."""
    if verdict in (Verdict.WINS, Verdict.LOSES):
        return f"{labels.system(matchup.x if verdict is Verdict.WINS else matchup.y)} wins"
    return verdict.value


def _repeated(summary: Json, labels: Labels, filters: Filters) -> list[str]:
    """Test-retest agreement of all, where there were hidden repeats."""
    agreement = summary["agreement"].get(filters.criterion, {}).get("human_human", {})
    again = agreement.get("test_retest")
    if again is None or again["estimate"] is None:
        return []
    return [
        f"Asked again without knowing, raters gave the same outcome on {labels.criterion(filters.criterion)} in "
        f"{interval(again)} of {counted(again['n'], 'hidden repeat')}."
    ]


def _blinded(blinding: Json) -> str:
    """Bang's index in words, of all guesses and by side, with what it rests on."""
    if blinding["estimate"] is None:
        return str(blinding["sentence"])
    asked = f"{blinding['right']:,} right, {blinding['wrong']:,} wrong, {blinding['unsure']:,} unsure"
    raters = counted(blinding["n_raters"], "rater")
    by_side = [
        f"{decimal(one)} where it stood at side {side.upper()} ({counted(one['n'], 'guess', 'guesses')} of "
        f"{counted(one['n_raters'], 'rater')})"
        for side, one in blinding["sides"].items()
    ]
    apart = f" By side, the index is {' and '.join(by_side)}." if by_side else ""
    return (
        f"{blinding['sentence']} Asked which of two responses came from the system under test, {raters} gave "
        f"{counted(blinding['n'], 'guess', 'guesses')}: {asked}.{apart} An index of 1 means that all can tell, 0 "
        "chance, below 0 that they take one system for the other."
    )


def _both(summary: Json, labels: Labels, key: str) -> dict[Matchup, tuple[Json, Json]]:
    """By pair of systems against the reference, people's win rate with all raters and without flagged ones."""
    kept = (summary["without_flagged"] or {}).get(key)
    everyone = summary["criteria"].get(key, {}).get(HUMAN)
    if kept is None or everyone is None:
        return {}
    return {
        matchup: (everyone["win_rate"][matchup.key], kept["win_rate"][matchup.key])
        for matchup in against_reference(summary, labels, key)
        if matchup.key in everyone["win_rate"] and matchup.key in kept["win_rate"]
    }


def _compared(summary: Json, labels: Labels, filters: Filters) -> tuple[tuple[Table, ...], tuple[Table, ...]]:
    """Of two systems every criterion; of more the chosen one, and folded every criterion of the chosen pair."""
    every = list(labels.criteria)
    if len(summary["systems"]) <= 2:
        return (headline_table(summary, labels, every),), ()
    chosen = headline_table(summary, labels, [filters.criterion])
    more = (headline_table(summary, labels, every, filters.matchup),) if len(every) > 1 else ()
    return (chosen,), more


def headline_table(summary: Json, labels: Labels, criteria: Sequence[str], matchup: str | None = None) -> Table:
    """Win rates against the reference with all raters and without flagged ones; `matchup` limits them to one pair."""
    notes = Notes()
    rows: list[tuple[str | Cell, ...]] = []
    for key in criteria:
        for one, (everyone, kept) in _both(summary, labels, key).items():
            if matchup is None or one.key == matchup:
                names = [labels.title(key)] if len(criteria) > 1 else []
                moved = summary["without_flagged"][key]["moved"].get(one.key)
                rows.append(
                    (
                        *names,
                        labels.versus(one),
                        _rate(everyone, one, labels, notes),
                        _rate(kept, one, labels, notes),
                        "–" if moved is None else points(moved),
                    )
                )
    several = (Column("results.column.criterion"),) if len(criteria) > 1 else ()
    on = "" if several else f" on {labels.criterion(criteria[0])}"
    return Table(
        f"Win rates{on} with and without flagged raters, with {level(summary)} intervals",
        (
            *several,
            Column("results.column.matchup"),
            Column("results.habit.all", number=True),
            Column("results.habit.without", number=True),
            Column("results.habit.moved", number=True),
        ),
        tuple(rows),
        headers=1 + len(several),
        notes=notes.texts,
    )


def points(difference: float) -> str:
    """`+3.4 points`, of a difference of two shares."""
    size = f"{abs(100 * difference):.1f}"
    sign = "" if float(size) == 0 else "+" if difference > 0 else "−"
    return f"{sign}{size} points"


def _rate(rate: Json, matchup: Matchup, labels: Labels, notes: Notes) -> Cell:
    """With its n and what it says below."""
    if rate["estimate"] is None:
        return Cell("–", notes=(notes.number(str(rate.get("reason") or "unknown")),))
    return Cell(interval(rate), under=(f"n {rate['n']:,}", _answer(verdict_of(rate), matchup, labels)))
