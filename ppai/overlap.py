"""How much of one text stands in another: the share of its runs of three words.

Exact rather than by MinHash, whose error (some .04 at 128 permutations) is too large for shares as small as `LIMIT`: a
set of test posts is small, and what it is compared with is passed over once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

RUN = 3
LIMIT = 0.25
"""Two posts that share this much are near-duplicates: of a copy, some three words in eight were replaced at random.
Among the 4,950 pairs of the published study's prompts the highest share is .18."""
SMALLEST = 30
"""Runs that a shorter text is taken to have, so that a title of five words is no near-duplicate of what quotes it."""
COPY = 0.8
"""Where both texts have fewer runs than `SMALLEST`, which holds even the share of an exact copy down, they are compared
by their words: of those of the text that has more, this share makes the other a copy of it."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

Runs = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Nearest:
    """The text that shares most with a post."""

    share: float
    where: str
    """Which text, in words for a message."""


def words_of(text: str) -> list[str]:
    """In lower case and without punctuation."""
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


def runs_of(text: str) -> Runs:
    """Each run of three words in the text, once; a text of fewer words is one run."""
    words = words_of(text)
    if 0 < len(words) < RUN:
        return frozenset([tuple(words)])
    return frozenset(zip(*(words[start:] for start in range(RUN)), strict=False))


def share(one: Runs, other: Runs) -> float:
    """Common runs, as a share of those of the shorter text (overlap coefficient, Szymkiewicz 1934), 0 to 1.

    Of two short texts, one of which copies the other, the share of common words is given, `COPY` to 1.
    """
    return _share(len(one & other), one, other)


def nearest(posts: Mapping[int, Runs], texts: Iterable[tuple[str, str]]) -> dict[int, Nearest]:
    """For each post by id the text that shares most with it, where one shares anything: the first of equals.

    `texts` are pairs of (where it stands, text). They are passed over once and none is kept.
    """
    found: dict[int, Nearest] = {}
    for where, shares in shared_with(posts, texts):
        for key, value in shares.items():
            if key not in found or value > found[key].share:
                found[key] = Nearest(value, where)
    return found


def shared_with(
    posts: Mapping[int, Runs], texts: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, Mapping[int, float]]]:
    """For each text in turn where it stands, and its share with each post by id with which it shares anything."""
    by_run: dict[tuple[str, ...], list[int]] = {}
    for key, runs in posts.items():
        for run in runs:
            by_run.setdefault(run, []).append(key)
    for where, text in texts:
        runs = runs_of(text)
        common: dict[int, int] = {}
        for run in by_run.keys() & runs:
            for key in by_run[run]:
                common[key] = common.get(key, 0) + 1
        yield where, {key: _share(count, posts[key], runs) for key, count in common.items()}


def _share(common: int, one: Runs, other: Runs) -> float:
    if common and max(len(one), len(other)) < SMALLEST and (copied := _common_words(one, other)) >= COPY:
        return copied
    return common / max(SMALLEST, min(len(one), len(other)))


def _common_words(one: Runs, other: Runs) -> float:
    words, others = ({word for run in runs for word in run} for runs in (one, other))
    return len(words & others) / max(len(words), len(others))
