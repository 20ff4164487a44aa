"""The answer of a study in words, one sentence a criterion, from a Summary's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ppai.ui.labels import (
    COMBINED_PREFIX,
    HUMAN,
    Labels,
    Matchup,
    combined_judge,
    counted,
    interval,
    is_baseline,
    source_phrase,
    sources_of,
)

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
    """`finetuned wins on empathy tone: 70% [60, 78]`, or with the warning first, as `source_with_mark` says it."""
    basis: str
    """`100 prompts, 300 votes by 12 people`."""
    qualified: bool = False
    """Whether it is the word of judges with a warning alone: then a system is preferred, but has not won."""

    @property
    def text(self) -> str:
        return f"{self.claim}, {self.basis}"


def answers(summary: Json, labels: Labels) -> list[Answer]:
    """An answer for each criterion and each system against the reference, in the study's order.

    People answer where they voted, and judges are set beside them; else judges answer, those without a warning first.
    Baselines answer nothing. Nothing is said of a criterion on which nobody else answered.
    """
    labels = labels if labels.marks else labels.marked(summary)
    found = []
    for key in labels.criteria:
        by_source = summary["criteria"].get(key, {})
        for matchup in against_reference(summary, labels, key):
            sources = answering(summary, by_source, matchup)
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


def answering(summary: Json, by_source: Json, matchup: Matchup) -> list[str]:
    """Who has a win rate of a matchup, baselines apart, the leading source first."""
    return [
        source
        for source in sources_of(summary)
        if not is_baseline(source)
        and by_source.get(source, {}).get("win_rate", {}).get(matchup.key, {}).get("estimate") is not None
    ]


def _answer(by_source: Json, labels: Labels, key: str, matchup: Matchup, sources: list[str], several: bool) -> Answer:
    lead, *others = sources
    rate = by_source[lead]["win_rate"][matchup.key]
    found, qualified = verdict_of(rate), bool(labels.mark(lead))
    who = source_with_mark(lead, labels) if qualified else ""
    basis = [_size(rate, by_source[lead], lead, several), *_judge_words(by_source[lead], lead, not others, qualified)]
    basis += _left_out(by_source[lead])
    basis += _combined(by_source, labels, matchup, found) if lead == HUMAN else []
    basis += [_beside(by_source[other], labels, matchup, found, other) for other in others]
    return Answer(key, found, _claim(rate, labels, key, matchup, who, several), ", ".join(basis), qualified)


def _claim(rate: Json, labels: Labels, key: str, matchup: Matchup, who: str, several: bool) -> str:
    """Who wins, or whom the judge named in `who`, with its warning, prefers."""
    found, on = verdict_of(rate), f"on {labels.criterion(key)}"
    if found is Verdict.UNDECIDED:
        pair = f", {labels.versus(matchup)}" if several else ""
        verb = f"{who} is undecided" if who else "undecided"
        return f"{verb} {on}{pair}: {labels.system(matchup.x)} {'' if who else 'wins '}{interval(rate)}"
    winner, loser = (matchup.x, matchup.y) if found is Verdict.WINS else (matchup.y, matchup.x)
    against = f" against {labels.system(loser)}" if several else ""
    name = labels.system(winner)
    shown = rate if found is Verdict.WINS else turned(rate)
    return f"{f'{who} prefers {name}' if who else f'{name} wins'} {on}{against}: {interval(shown)}"


def source_with_mark(source: str, labels: Labels) -> str:
    """`judge gpt-4o (saw names, one order)`."""
    mark = labels.mark(source)
    return f"{source_phrase(source)} ({mark})" if mark else source_phrase(source)


def _judge_words(figures: Json, lead: str, alone: bool, qualified: bool) -> list[str]:
    """That a judge answers and no person, and whether it was blinded; its name where the claim has none."""
    if lead == HUMAN:
        return []
    words = [f"{source_phrase(lead)}{' only' if alone else ''}"] if not qualified else ["judge only"] if alone else []
    named = figures.get("n_named") or 0
    if named:
        every = named >= figures["n_verdicts"]
        words.append("judge not blinded" if every else f"judge saw the names in {named:,} verdicts")
    return words


def _size(rate: Json, figures: Json, source: str, several: bool) -> str:
    size = counted(rate["n"], "pair" if several else "prompt")
    if source != HUMAN:
        return size
    people = counted(figures["n_raters"], "person", "people")
    return f"{size}, {people}" if several else f"{size}, {counted(figures['n_votes'], 'vote')} by {people}"


def _combined(by_source: Json, labels: Labels, matchup: Matchup, lead: Verdict) -> list[str]:
    """What people and a judge say together, where their combination may be computed."""
    said = []
    for source, figures in by_source.items():
        rate = figures["win_rate"].get(matchup.key) if source.startswith(COMBINED_PREFIX) else None
        if rate is not None and rate["estimate"] is not None:
            found = verdict_of(rate)
            turn = (lead if found is Verdict.UNDECIDED else found) is Verdict.LOSES
            shown, system = (turned(rate), matchup.y) if turn else (rate, matchup.x)
            says = "undecided, " if found is Verdict.UNDECIDED else "wins " if found is not lead else ""
            name = "" if found is lead else f"{labels.system(system)} "
            said.append(f"combined with judge {combined_judge(source)}: {name}{says}{interval(shown)}")
    return said


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
    return ", ".join([f"{source_with_mark(source, labels)} {says}", *_left_out(figures)])


def _left_out(figures: Json) -> list[str]:
    missing = figures.get("n_one_order")
    return [f"{counted(missing, 'pair')} left out for a missing order"] if missing else []


def human_votes(summary: Json) -> int:
    """The most votes that people gave on any criterion."""
    return max(
        (by_source[HUMAN]["n_votes"] for by_source in summary["criteria"].values() if HUMAN in by_source), default=0
    )
