"""What systems, criteria and sources are called on the pages and in downloads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from ppai.blinding import HASHED_RATER
from ppai.schema import StudyConfig

HUMAN = "human"
PEOPLE = "people"
SAW_NAMES = "saw names"
"""The warning on a judge that was not blinded."""
COMBINED_PREFIX = "combined:"
JUDGE_PREFIX = "judge:"
BASELINE_PREFIX = "judge:baseline:"
"""Of judges that read nothing: they are there to be beaten."""


ARMS = {"as_is": "as written", "plain": "with the format flattened", "live": "in a live chat"}
"""How an arm shows its responses, in words."""


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
    marks: Mapping[str, str] = field(default_factory=dict)
    """What must stand beside a judge's name wherever it is shown, by source; see `marks_of`."""

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

    def marked(self, summary: Mapping[str, Any]) -> Self:
        """With the warnings on the judges of a Summary."""
        return replace(self, marks=marks_of(summary))

    def mark(self, source: str) -> str:
        return self.marks.get(source, "")

    def source(self, source: str) -> str:
        """`people`, or a judge's name with its warning in brackets."""
        mark = self.mark(source)
        return f"{source_label(source)} ({mark})" if mark else source_label(source)

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


def is_baseline(source: str) -> bool:
    return source.startswith(BASELINE_PREFIX)


def combined_judge(source: str) -> str:
    """The judge that a combined source has beside the people."""
    return source.removeprefix(COMBINED_PREFIX)


def uncombined(by_source: Mapping[str, Any]) -> dict[str, Any]:
    """The sources of a criterion that answered by themselves: people and judges."""
    return {source: figures for source, figures in by_source.items() if not source.startswith(COMBINED_PREFIX)}


def answering_judges(sources: Iterable[str]) -> list[str]:
    """The judges among sources that read what they judge."""
    return [source for source in sources if source != HUMAN and not is_baseline(source)]


def source_label(source: str) -> str:
    """`people`, or the judge's name."""
    return PEOPLE if source == HUMAN else source.removeprefix(JUDGE_PREFIX)


def source_phrase(source: str) -> str:
    """`people`, `judge gpt-4o`, or `people with judge gpt-4o`."""
    if source.startswith(COMBINED_PREFIX):
        return f"people with judge {combined_judge(source)}"
    return PEOPLE if source == HUMAN else f"judge {source.removeprefix(JUDGE_PREFIX)}"


def sources_of(summary: Mapping[str, Any]) -> list[str]:
    """The sources of a Summary that answered anything, no two combined, in the order of `standing`."""
    found: dict[str, int] = {}
    for by_source in summary["criteria"].values():
        for source, figures in by_source.items():
            found[source] = found.get(source, 0) + figures["n"]
    return in_order(
        (source for source, n in found.items() if n and not source.startswith(COMBINED_PREFIX)), marks_of(summary)
    )


def standing(source: str, mark: str) -> tuple[bool, bool, bool]:
    """Sorts people first and baselines last; of the judges, those without a warning before the others."""
    return source != HUMAN, is_baseline(source), bool(mark)


def in_order(sources: Iterable[str], marks: Mapping[str, str]) -> list[str]:
    return sorted(sources, key=lambda source: standing(source, marks.get(source, "")))


def judges_of(summary: Mapping[str, Any]) -> list[str]:
    """Every judge of a Summary as a source, also one of which no verdict could be used; see `standing`."""
    return in_order(_judges(summary), marks_of(summary))


def _judges(summary: Mapping[str, Any]) -> list[str]:
    found = (source for by_source in summary["criteria"].values() for source in by_source)
    return list(dict.fromkeys(source for source in found if source.startswith(JUDGE_PREFIX)))


def marks_of(summary: Mapping[str, Any]) -> dict[str, str]:
    """In a few words what lessens each judge's word: that it saw names, read in one order only, or is several."""
    found = {}
    for judge in _judges(summary):
        rows = [by_source[judge] for by_source in summary["criteria"].values() if judge in by_source]
        named = any(row.get("n_named") for row in rows)
        one_order = any(row.get("both_orders") is False for row in rows)
        mixed = any(len(row.get(several) or ()) > 1 for row in rows for several in ("models", "prompt_versions"))
        marks = ((SAW_NAMES, named), ("one order", one_order), ("mixed prompts or models", mixed))
        words = [word for word, true in marks if true]
        if words:
            found[judge] = ", ".join(words)
    return found


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}%"


def interval(figures: Mapping[str, Any]) -> str:
    """`70% [60, 78]`, or why there is none."""
    if figures["estimate"] is None:
        return str(figures.get("reason") or "–")
    low, high = (apart(100 * figures[name], 0, 50) for name in ("low", "high"))
    return f"{percent(figures['estimate'])} [{low}, {high}]"


def apart(value: float, digits: int, even: float) -> str:
    """A number with so many digits, or with up to two more where it is near `even` and would be rounded to it.

    Else a bound that leaves out `even`, and with it decides something, would be shown as if it did not. Zero has no
    sign.
    """
    written = [f"{value:z,.{digits + more}f}" for more in range(3)]
    return next((text for text in written if float(text.replace(",", "")) != even), written[0])


def p_value(p: float | None) -> str:
    """`0.021`, or `< 0.001`; a dash where there is none."""
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def decimal(figures: Mapping[str, Any], digits: int = 2, even: float = 0.0) -> str:
    """`0.71 [0.65, 0.77]`, or why there is none; `even` as in `apart`, 0 for what is no share."""
    if figures["estimate"] is None:
        return str(figures.get("reason") or "–")
    estimate = f"{figures['estimate']:z,.{digits}f}"
    low, high = (apart(figures[name], digits, even) for name in ("low", "high"))
    return f"{estimate} [{low}, {high}]".replace("-", "−")


def counted(n: int, one: str, many: str | None = None) -> str:
    """`1 prompt`, `2 prompts`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(names: Sequence[str]) -> str:
    """`one, two and three`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def rater_label(rater: str) -> str:
    """A rater's id as screens show it: the first digits of a salted hash, any other id whole."""
    return rater[:8] if HASHED_RATER.fullmatch(rater) else rater
