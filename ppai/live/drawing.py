"""Which two systems answer a question, and on which sides: comparisons even out, chance decides the rest. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ppai.schema import Pair, StudyConfig

Matchup = frozenset[str]
SEEDS = 2**31


@dataclass(frozen=True)
class Drawn:
    """Who answers a question."""

    system_a: str
    system_b: str
    seed: int
    """Of the sampling of both answers."""
    rule: str
    """How it was drawn, for the assignment log."""

    @property
    def matchup(self) -> Matchup:
        return frozenset((self.system_a, self.system_b))


def matchups(config: StudyConfig, pairs: Iterable[Pair], able: Sequence[str]) -> list[Matchup]:
    """The two systems that the study compares, of those that can answer; with a file of pairs those that it names."""
    if config.pairs in ("all", "reference"):
        found = [frozenset(two) for two in combinations(config.system_ids, 2)]
        found = [two for two in found if config.pairs == "all" or config.reference_id in two]
    else:
        found = list(dict.fromkeys(frozenset((pair.first, pair.second)) for pair in pairs))
    return [two for two in found if two <= set(able)]


def draw(choices: Sequence[Matchup], counts: Mapping[Matchup, int], rng: random.Random) -> Drawn:
    """One of the matchups with the fewest comparisons, ties and sides at random.

    `counts` holds the comparisons made so far and those under way; what is missing has none.
    """
    fewest = min(counts.get(two, 0) for two in choices)
    tied = [two for two in choices if counts.get(two, 0) == fewest]
    first, second = sorted(rng.choice(tied))
    if rng.random() < 0.5:
        first, second = second, first
    rule = f"live, random: 1 of {len(tied)} matchups at {fewest} comparisons"
    return Drawn(first, second, rng.randrange(SEEDS), rule)
