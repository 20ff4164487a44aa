"""The answer of a study in words, one sentence a criterion, from a Summary's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ppai.ui.labels import (
    COMBINED_PREFIX,
    HUMAN,
    SAW_NAMES,
    Labels,
    Matchup,
    combined_judge,
    counted,
    interval,
    is_baseline,
    p_value,
    source_phrase,
    sources_of,
)
from ppai.ui.usability import NOT_USABLE, WORDS, Usability, usability, why

Json = Mapping[str, Any]

NOTHING = 0.005
"""How near to 0 and to 1 an interval that reaches both says nothing: it is shown as [0, 100]."""


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
    """`100 prompts, 300 votes by 12 people`, and what lessens it: a judge's warning, Holm's adjustment."""
    qualified: bool = False
    """Whether it is the word of judges with a warning alone: then a system is preferred, but has not won."""
    withdrawn: bool = False
    """Whether the winner is none once all criteria are taken together."""
    on_usability: bool = False
    """Whether it says of a judge if it is usable."""
    reasons: tuple[str, ...] = ()
    """Why a judge is not usable, a sentence each; what a mark beside its name tells is none."""

    @property
    def decided(self) -> bool:
        """Whether it names a system, also where `qualified` or `withdrawn` lessens that."""
        return self.verdict in (Verdict.WINS, Verdict.LOSES)

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
                found.append(_answer(summary, labels, key, matchup, sources))
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


def adjusted(summary: Json, key: str, source: str, matchup: Matchup) -> float | None:
    """The sign test's p of a win with all criteria taken together (Holm); None with one criterion."""
    if len(summary["criteria"]) < 2:
        return None
    p: float | None = summary["criteria"][key][source]["sign_test"][matchup.key]["p_holm"]
    return p


def _answer(summary: Json, labels: Labels, key: str, matchup: Matchup, sources: list[str]) -> Answer:
    lead, *others = sources
    by_source, several = summary["criteria"][key], len(summary["systems"]) > 2
    rate = by_source[lead]["win_rate"][matchup.key]
    usable = {source: usability(summary, key, source) for source in sources}
    found, qualified = verdict_of(rate), bool(labels.mark(lead)) or usable[lead].word == NOT_USABLE
    p = adjusted(summary, key, lead, matchup)
    withdrawn = found is not Verdict.UNDECIDED and p is not None and p >= 1 - summary["confidence"]
    basis = [f"not after Holm's adjustment (p {p_value(p)})"] if withdrawn else []
    basis += [_size(rate, by_source[lead], lead, several)]
    basis += _judge_words(by_source[lead], labels, lead, usable[lead], not others) + _left_out(by_source[lead])
    basis += _combined(by_source, labels, matchup, found) if lead == HUMAN else []
    basis += [_beside(by_source[other], labels, matchup, found, other, usable[other]) for other in others]
    claim = _claim(by_source[lead], labels, key, matchup, several, qualified)
    reasons = tuple(filter(None, (why(source, one, labels.criterion(key)) for source, one in usable.items())))
    on_usability = any(one.word in WORDS for one in usable.values())
    return Answer(key, found, claim, ", ".join(basis), qualified, withdrawn, on_usability, reasons)


def _claim(figures: Json, labels: Labels, key: str, matchup: Matchup, several: bool, qualified: bool) -> str:
    """Who wins, or, by judges with a warning alone, is preferred."""
    rate = figures["win_rate"][matchup.key]
    found, on = verdict_of(rate), f"on {labels.criterion(key)}"
    if found is Verdict.UNDECIDED:
        between = f" between {labels.system(matchup.x)} and {labels.system(matchup.y)}" if several else ""
        if rate["low"] < NOTHING and rate["high"] > 1 - NOTHING:
            return f"Too few answers to say anything {on}{between}: {interval(rate)}"
        if figures["tie_share"]["estimate"] == 1:
            size = counted(rate["n"], "pair" if several else "prompt")
            return f"Undecided {on}{between}: {size if rate['n'] == 1 else f'all {size}'} ended in a tie"
        return f"Undecided {on}{between}: {_win_rate(rate, labels.system(matchup.x))}"
    winner, loser = (matchup.x, matchup.y) if found is Verdict.WINS else (matchup.y, matchup.x)
    against = f" against {labels.system(loser)}" if several else ""
    shown = rate if found is Verdict.WINS else turned(rate)
    verb = "preferred" if qualified else "wins"
    return f"{labels.system(winner)} {verb} {on}{against}: {interval(shown)}"


def _win_rate(rate: Json, system: str) -> str:
    """`new's win rate 43% [27, 61]`: of an undecided rate nobody may read that a system wins."""
    return f"{system}'s win rate {interval(rate)}"


def _with_marks(source: str, labels: Labels, usable: Usability) -> str:
    """`judge gpt-4o (saw names, one order, not usable)`."""
    marks = ", ".join(filter(None, (labels.mark(source), usable.word)))
    return f"{source_phrase(source)} ({marks})" if marks else source_phrase(source)


def _judge_words(figures: Json, labels: Labels, lead: str, usable: Usability, alone: bool) -> list[str]:
    """That a judge answers and no person, and each warning on it: `judge gpt-4o only`, `not blinded`, `one order`."""
    if lead == HUMAN:
        return []
    words = [f"{source_phrase(lead)}{' only' if alone else ''}"]
    named = figures.get("n_named") or 0
    if named:
        every = named >= figures["n_verdicts"]
        words.append("not blinded" if every else f"saw the names in {named:,} verdicts")
    marks = [mark for mark in labels.mark(lead).split(", ") if mark and mark != SAW_NAMES]
    return words + marks + [usable.word] * bool(usable.word)


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
            name = labels.system(system)
            if found is Verdict.UNDECIDED:
                says = f"undecided, {_win_rate(shown, name)}"
            else:
                says = interval(shown) if found is lead else f"{name} wins {interval(shown)}"
            said.append(f"combined with judge {combined_judge(source)}: {says}")
    return said


def _beside(figures: Json, labels: Labels, matchup: Matchup, lead: Verdict, source: str, usable: Usability) -> str:
    """A judge beside the people: whether it finds the same."""
    rate = figures["win_rate"][matchup.key]
    found = verdict_of(rate)
    shown = turned(rate) if found is Verdict.LOSES else rate
    winner = labels.system(matchup.y if found is Verdict.LOSES else matchup.x)
    if found is Verdict.UNDECIDED:
        says = f"is undecided ({_win_rate(shown, winner)})"
    elif found is lead:
        says = f"agrees ({interval(shown)})"
    else:
        says = f"says {winner} ({interval(shown)})"
    return ", ".join([f"{_with_marks(source, labels, usable)} {says}", *_left_out(figures)])


def _left_out(figures: Json) -> list[str]:
    missing = figures.get("n_one_order")
    return [f"{counted(missing, 'pair')} left out for a missing order"] if missing else []


def human_votes(summary: Json) -> int:
    """The most votes that people gave on any criterion."""
    return max(
        (by_source[HUMAN]["n_votes"] for by_source in summary["criteria"].values() if HUMAN in by_source), default=0
    )
