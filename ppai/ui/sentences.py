"""The answer of a study in words, one sentence a criterion, from a Summary's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ppai.ui.labels import HUMAN, Labels, Matchup, counted, interval, judges_of, source_label, source_phrase, sources_of

Json = Mapping[str, Any]


class Verdict(StrEnum):
    """What an interval says of a win rate."""

    WINS = "wins"
    LOSES = "loses"
    UNDECIDED = "undecided"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """One sentence in two parts: what is found, and what it rests on."""

    criterion: str
    verdict: Verdict
    claim: str
    """`finetuned wins on empathy tone: 70% [60, 78]`."""
    basis: str
    """`100 prompts, judge gpt-4o only, judge saw the names, one order`."""

    @property
    def text(self) -> str:
        return f"{self.claim}, {self.basis}"


def answers(summary: Json, labels: Labels) -> list[Answer]:
    """An answer for each criterion and each system against the reference, in the study's order.

    People answer where they voted, and judges are set beside them; else each judge answers alone. Nothing is said
    of a criterion on which nobody answered.
    """
    found = []
    for key in labels.criteria:
        by_source = summary["criteria"].get(key, {})
        for matchup in against_reference(summary, labels, key):
            sources = [
                source
                for source in sources_of(summary)
                if by_source.get(source, {}).get("win_rate", {}).get(matchup.key, {}).get("estimate") is not None
            ]
            if sources:
                found.append(_answer(by_source, labels, key, matchup, sources, len(summary["systems"]) > 2))
    return found


def against_reference(summary: Json, labels: Labels, key: str) -> list[Matchup]:
    """The pairs of a criterion in which one system is the reference."""
    by_source = summary["criteria"].get(key, {})
    keys = dict.fromkeys(name for figures in by_source.values() for name in figures["win_rate"])
    return [matchup for matchup in labels.matchups(keys) if matchup.y == summary["reference"]]


def verdict_of(win_rate: Json) -> Verdict:
    if win_rate["estimate"] is None:
        return Verdict.UNKNOWN
    if win_rate["low"] > 0.5:
        return Verdict.WINS
    if win_rate["high"] < 0.5:
        return Verdict.LOSES
    return Verdict.UNDECIDED


def turned(win_rate: Json) -> dict[str, Any]:
    """The same win rate as the other system sees it."""
    if win_rate["estimate"] is None:
        return dict(win_rate)
    return {
        **win_rate,
        "estimate": 1 - win_rate["estimate"],
        "low": 1 - win_rate["high"],
        "high": 1 - win_rate["low"],
    }


def _answer(by_source: Json, labels: Labels, key: str, matchup: Matchup, sources: list[str], several: bool) -> Answer:
    lead = sources[0]
    rate = by_source[lead]["win_rate"][matchup.key]
    found = verdict_of(rate)
    against = f" against {labels.system(matchup.y if found is not Verdict.LOSES else matchup.x)}" if several else ""
    on = f"on {labels.criterion(key)}"
    if found is Verdict.UNDECIDED:
        pair = f", {labels.versus(matchup)}" if several else ""
        claim = f"undecided {on}{pair}: {labels.system(matchup.x)} wins {interval(rate)}"
    else:
        winner = matchup.x if found is Verdict.WINS else matchup.y
        shown = rate if found is Verdict.WINS else turned(rate)
        claim = f"{labels.system(winner)} wins {on}{against}: {interval(shown)}"
    basis = [_size(rate, by_source[lead], lead, several)]
    others = sources[1:]
    if lead != HUMAN and not others:
        basis.append(f"{source_phrase(lead)} only")
    elif lead != HUMAN:
        basis.append(source_phrase(lead))
    basis += caveats(by_source[lead], lead)
    basis += [_beside(by_source[other], labels, matchup, found, other) for other in others]
    return Answer(key, found, claim, ", ".join(basis))


def _size(rate: Json, figures: Json, source: str, several: bool) -> str:
    size = counted(rate["n"], "pair" if several else "prompt")
    if source != HUMAN:
        return size
    people = counted(figures["n_raters"], "person", "people")
    return f"{size}, {people}" if several else f"{size}, {counted(figures['n_votes'], 'vote')} by {people}"


def _beside(figures: Json, labels: Labels, matchup: Matchup, lead: Verdict, source: str) -> str:
    """A judge beside the people: whether it finds the same."""
    rate = figures["win_rate"][matchup.key]
    found = verdict_of(rate)
    shown = turned(rate) if found is Verdict.LOSES else rate
    winner = labels.system(matchup.y if found is Verdict.LOSES else matchup.x)
    if found is Verdict.UNDECIDED:
        says = f"is undecided ({winner} {interval(shown)})"
    elif found is lead:
        says = f"agrees ({interval(shown)})"
    else:
        says = f"says {winner} ({interval(shown)})"
    parts = [f"{source_phrase(source)} {says}", *caveats(figures, source)]
    return ", ".join(parts)


def caveats(figures: Json, source: str) -> list[str]:
    """What lessens a judge's word, in a few words each."""
    if source == HUMAN:
        return []
    found = []
    named = figures.get("n_named") or 0
    if named:
        every = named >= figures["n_verdicts"]
        found.append("judge saw the names" if every else f"judge saw the names in {named:,} verdicts")
    if figures.get("both_orders") is False:
        found.append("one order")
    if figures.get("n_one_order"):
        found.append(f"{counted(figures['n_one_order'], 'pair')} left out for a missing order")
    return found


@dataclass(frozen=True)
class Caution:
    """Something that a reader must know before she believes a figure."""

    title: str
    text: str


def cautions(summary: Json) -> list[Caution]:
    """On the judges of a Summary: names seen, one order, unscored verdicts."""
    found = []
    for source in judges_of(summary):
        rows = [figures[source] for figures in summary["criteria"].values() if source in figures]
        judge = source_label(source)
        named = max((row.get("n_named") or 0 for row in rows), default=0)
        if named:
            answered = max(row["n_verdicts"] for row in rows)
            found.append(
                Caution(
                    f"Judge {judge} was not blinded",
                    f"It saw the systems' names in {named:,} of {counted(answered, 'verdict')}. "
                    "What it knew of a system may have decided instead of the text.",
                )
            )
        if any(row.get("both_orders") is False for row in rows):
            found.append(
                Caution(
                    f"Judge {judge} read each pair in one order only",
                    "A liking for the response that stands first or second cannot be told from a liking for a system.",
                )
            )
        unscored = max((row["n_unscored"] for row in rows), default=0)
        if unscored:
            found.append(
                Caution(
                    f"Judge {judge} left {counted(unscored, 'verdict')} unscored",
                    "They are counted here and are in no share: not as ties, and not as losses.",
                )
            )
    return found


def human_votes(summary: Json) -> int:
    """The most votes that people gave on any criterion."""
    return max(
        (by_source[HUMAN]["n_votes"] for by_source in summary["criteria"].values() if HUMAN in by_source), default=0
    )
