"""Finds the marks of lists that run on inside a paragraph, telling them from the numbers of normal prose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"(?<!\S)(?P<open>\(?)(?P<number>\d{1,2})(?P<close>[.)])(?=\s|$)")
_BULLET = re.compile(r"(?<!\S)(?:[•◦▪‣●○■]\s*(?=\S)|[*-](?=\s+\S))")
_PAUSE = re.compile(r"(?:^|\n|[.!?:;,…)\]\"'”’*–—-])[ \t]*$")
_STOP = re.compile(r"(?:^|\n|[.!?:;…)\"”])[ \t]*$")
_COLON = re.compile(r":\s*$")
_WORD_BEFORE = re.compile(r"[A-Za-z]\s*$")
_BEFORE_AMOUNT = re.compile(
    r"\b(?:a|about|above|after|ages?|aged|an|and|are|around|as|at|be|before|below|between|by|chapter|class|day|"
    r"exactly|for|from|grade|has|have|hour|in|is|just|least|less|level|line|month|more|most|nearly|no|number|of|"
    r"on|only|or|over|page|part|phase|question|room|since|size|stage|step|than|the|then|through|till|times|to|"
    r"turned|turning|turns|under|until|version|was|week|were|with|within|year)\s*$",
    re.IGNORECASE,
)
"""Words after which a number ends a sentence rather than opens a point: "he stopped at 2. Then"."""


@dataclass(frozen=True)
class _Candidate:
    start: int
    end: int
    number: int
    after_pause: bool


def run_on_marks(text: str, after: int = 0) -> list[tuple[int, int, int]]:
    """The list marks inside a paragraph, as (start, end, number); a bullet's number is 0.

    Numbers count when they make a run 1, 2, ... in one style ("1.", "1)" or "(1)"), each one more than the one
    before, none right after a word that calls for an amount ("at 2. Then"). A run of two must begin the paragraph
    or follow a punctuation mark; one of three need not. `after` says that the text continues a list whose
    last number it is. Bullets ("*", "-") count when two follow a colon or the paragraph's beginning; signs that are
    nothing but bullets ("•") always do.
    """
    return _numbers(text, after) or _bullets(text)


def _numbers(text: str, after: int) -> list[tuple[int, int, int]]:
    by_style: dict[str, list[_Candidate]] = {}
    for match in _NUMBER.finditer(text):
        before = text[max(0, match.start() - 40) : match.start()]
        pause = bool((_STOP if after else _PAUSE).search(before))
        if pause or (_WORD_BEFORE.search(before) and not _BEFORE_AMOUNT.search(before)):
            candidate = _Candidate(match.start(), match.end(), int(match["number"]), pause)
            by_style.setdefault(match["open"] + match["close"], []).append(candidate)
    runs = (run for candidates in by_style.values() for run in _runs(candidates, after))
    return sorted((mark.start, mark.end, mark.number) for run in runs for mark in run)


def _runs(candidates: Iterable[_Candidate], after: int) -> Iterator[list[_Candidate]]:
    """Ascending runs among marks of one style; a new 1 after a pause begins the next."""
    run: list[_Candidate] = []
    continues = after
    for mark in candidates:
        if mark.number == 1 and (mark.after_pause or not run):
            if _is_list(run, continues):
                yield run
            run, continues = [mark], 0
        elif mark.number == (run[-1].number if run else continues) + 1 and (run or continues):
            run.append(mark)
    if _is_list(run, continues):
        yield run


def _is_list(run: Sequence[_Candidate], continues: int) -> bool:
    if not run:
        return False
    needed = 3 - run[0].after_pause - bool(continues)
    return len(run) >= needed


def _bullets(text: str) -> list[tuple[int, int, int]]:
    found = list(_BULLET.finditer(text))
    marks = [match for match in found if match[0][0] not in "*-"]
    for sign in "*-":
        run = [match for match in found if match[0] == sign]
        openings = (n for n, match in enumerate(run) if _opens_bullets(text, match.start()))
        opening = next(openings, None)
        if opening is not None and len(run) - opening >= 2:
            marks += run[opening:]
    return sorted((match.start(), match.end(), 0) for match in marks)


def _opens_bullets(text: str, start: int) -> bool:
    return start == 0 or bool(_COLON.search(text[max(0, start - 10) : start]))
