"""What systems, criteria and sources are called on the pages and in downloads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from ppai.blinding import HASHED_RATER
from ppai.schema import StudyConfig

HUMAN = "human"
PEOPLE = "people"
JUDGE_PREFIX = "judge:"


ARMS = {"as_is": "as written", "plain": "format flattened", "live": "live chat"}
"""Arms in words."""


@dataclass(frozen=True)
class Matchup:
    """Two systems as a Summary orients them: `key` is its `x>y`."""

    key: str
    x: str
    y: str


@dataclass(frozen=True)
class Labels:
    """Names by id; a name that two systems share is followed by the id."""

    systems: Mapping[str, str]
    criteria: Mapping[str, str]
    """In the study's order, the overall one last."""
    primary: str

    @classmethod
    def of(cls, config: StudyConfig) -> Self:
        names = [system.label for system in config.systems]
        return cls(
            systems={
                system.id: system.label if names.count(system.label) == 1 else f"{system.label} ({system.id})"
                for system in config.systems
            },
            criteria={key: key.replace("_", " ") for key in config.keys},
            primary=config.primary_key,
        )

    def system(self, key: str) -> str:
        return self.systems.get(key, key)

    def criterion(self, key: str) -> str:
        return self.criteria.get(key, key.replace("_", " "))

    def title(self, key: str) -> str:
        """A criterion's name where it stands alone."""
        name = self.criterion(key)
        return name[:1].upper() + name[1:]

    def matchups(self, keys: Iterable[str]) -> list[Matchup]:
        """The pairs of systems behind the keys `x>y` of a Summary's win rates, whatever characters ids hold."""
        wanted = list(keys)
        known = {f"{x}>{y}": Matchup(f"{x}>{y}", x, y) for x in self.systems for y in self.systems if x != y}
        return [known[key] for key in wanted if key in known]

    def versus(self, matchup: Matchup) -> str:
        return f"{self.system(matchup.x)} against {self.system(matchup.y)}"


def source_label(source: str) -> str:
    """`people`, or the judge's name."""
    return PEOPLE if source == HUMAN else source.removeprefix(JUDGE_PREFIX)


def source_phrase(source: str) -> str:
    """`people`, or `judge gpt-4o`."""
    return PEOPLE if source == HUMAN else f"judge {source.removeprefix(JUDGE_PREFIX)}"


def sources_of(summary: Mapping[str, Any]) -> list[str]:
    """The sources of a Summary that answered anything: people first, then judges as they come."""
    found: dict[str, int] = {}
    for by_source in summary["criteria"].values():
        for source, figures in by_source.items():
            found[source] = found.get(source, 0) + figures["n"]
    return [source for source, n in found.items() if n]


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}%"


def interval(figures: Mapping[str, Any]) -> str:
    """`70% [60, 78]`, or why there is none."""
    if figures["estimate"] is None:
        return str(figures.get("reason") or "–")
    return f"{percent(figures['estimate'])} [{100 * figures['low']:.0f}, {100 * figures['high']:.0f}]"


def counted(n: int, one: str, many: str | None = None) -> str:
    """`1 prompt`, `2 prompts`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def rater_label(rater: str) -> str:
    """A rater's id as screens show it: the first digits of a salted hash, any other id whole."""
    return rater[:8] if HASHED_RATER.fullmatch(rater) else rater
