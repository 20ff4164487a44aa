"""Finds the ages that a post speaks of, by rules for English; other words than these are not understood."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_WORDS = _NUMBERS.split()
_VALUES = {word: value for value, word in enumerate(_WORDS)}
_N = rf"(?<![\w:.$£€])(\d{{1,2}}|{'|'.join(_WORDS[1:])})(?![\w:%]|\.\d)"
_GLUED = rf"(?<![\w:.$£€])(\d{{1,2}}|{'|'.join(_WORDS[1:])})"
"""A number that its unit may follow without a space."""

_YEARS_OLD = rf"{_GLUED}(?:(?: and a half|\.5|½)?[\s-]*(?:years?|yrs?)[\s-]*old\b|[\s-]*(?:yo|y/o|y)\b)"
_CHILD = (
    r"\b(?:sons?|daughters?|child(?:ren)?|kids?|boys?|girls?|twins|teen(?:ager)?s?|eldest|oldest|youngest|toddler|niece|"
    r"nephew|(?:step|grand)(?:son|daughter|child)s?)\b"
)
_ADULT = r"(?:mother|mom|mum|father|dad|husband|wife|partner|ex|sister|brother|parent|house|car|dog|cat)\b"
_NO_UNIT = (
    r"(?![\s-]*(?:minutes?|mins?|hours?|days?|weeks?|months?|nights?|times?|am|pm|a\.m|p\.m|o['’]clock|of|or|more|"
    r"kinds?|sorts?|things?|people)\b)"
)

_MONTHS = re.compile(rf"{_GLUED}[\s-]*(?:months?|mos?|m/o)\b", re.IGNORECASE)
_UNDER_ONE = re.compile(rf"{_GLUED}[\s-]*(?:days?|weeks?)[\s-]*old\b|\b(?:newborn|baby|infant)\b", re.IGNORECASE)
_NUMBER = re.compile(_N, re.IGNORECASE)
_OWN = re.compile(
    rf"\b(?:my|our)\s+{_YEARS_OLD}(?!\s+{_ADULT})"
    rf"|{_CHILD},?\s*(?:\(|(?:who['’]?s?|is|are|['’]s|now|just|turn(?:s|ed)|aged?|ages)\s+)*{_N}{_NO_UNIT}",
    re.IGNORECASE,
)
_STATED = re.compile(
    rf"(?:\b(?:is|are|was|were|be|turn(?:s|ed|ing)?|aged?|ages|now)|\b(?:he|she|they)['’](?:s|re))\s+"
    rf"(?:(?:now|only|just|nearly|almost|about)\s+)*{_N}{_NO_UNIT}|{_YEARS_OLD}",
    re.IGNORECASE,
)


def says_age(text: str, age: int) -> bool:
    """Whether the number of years stands in the text, in figures or as a word, or months that make as many.

    Any such number counts, so that "he is 4" and "(4)" do, and "4 blocks" too. For 0, weeks, days and "baby" do.
    """
    if any(months // 12 == age for months in _values(_MONTHS, text)):
        return True
    if age == 0:
        return _UNDER_ONE.search(text) is not None
    return age in {*_values(_NUMBER, text), *_values(_STATED, text)}


def ages_said(text: str) -> list[int]:
    """The ages in whole years that the text gives in a usual form ("6-year-old", "6yo", "20 months", "our son, 6,",
    "she's four"), in rising order, each once; those of 18 and more, most of them adults', are left out."""
    years = {*_values(_STATED, text), *_values(_OWN, text)} | {months // 12 for months in _values(_MONTHS, text)}
    return sorted(age for age in years if age < 18)


def grown_up_children(text: str) -> list[int]:
    """Ages of 18 and more that the text gives to a child of the person who asks ("our 19-year-old", "my son, 20,")."""
    return sorted({age for age in _values(_OWN, text) if age >= 18})


def _values(pattern: re.Pattern[str], text: str) -> Iterator[int]:
    for match in pattern.finditer(text):
        if found := next((group for group in match.groups() if group), None):
            yield int(found) if found.isdigit() else _VALUES[found.lower()]
