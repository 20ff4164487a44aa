"""Looks for each number of a results page in what `ppai report --json` says of the same study.

A number in a table is looked for under the criterion, source, systems, topic or rater that its row and column name.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from page_texts import Said, drawn, tidy

from ppai.ui.labels import Labels, rater_label, source_label
from ppai.ui.markup import ENGLISH

Json = Mapping[str, Any]
Path = tuple[str, ...]

NUMBER = r"[+−]?(?:\d[\d,]*)(?:\.\d+)?%?"
UNITS = "prompt|pair|decisive outcome|case|comparison|hidden repeat|completed prompt"
SIZE = rf"(?:,? n (?P<n>[\d,]+)|[;,]? (?P<counted>[\d,]+) (?:{UNITS})s?\b)"
INTERVAL = re.compile(rf"(?P<estimate>{NUMBER})(?: points)? \[(?P<low>{NUMBER}), (?P<high>{NUMBER})\]{SIZE}?")
TOKEN = re.compile(rf"(?P<under><\s)?(?P<number>{NUMBER})(?P<points>[ -]points?\b(?P<less> less\b)?)?")

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ")

SCOPE = {
    "lead": ("criteria", "n_prompts", "n_outside", "n_outdated", "balance"),
    "answers": ("criteria", "agreement"),
    "shares": ("criteria",),
    "reference": ("criteria",),
    "appearances": ("criteria",),
    "forest": ("criteria",),
    "leaderboard": ("criteria",),
    "agreement": ("criteria", "agreement"),
    "trust": ("criteria", "agreement", "judge_counts"),
    "topics": ("topics",),
    "sequence": ("sequence",),
    "raters": ("balance", "criteria", "without_flagged", "agreement", "blinding"),
    "correlation": ("correlations",),
    "texts": ("texts", "criteria"),
    "metrics": ("scores",),
    "time": ("votes_by_time",),
}
"""What of the JSON each part of the page may show; the confidence besides."""

ALLOWED = {
    r"(?:side of|[Aa]t|near|around) 50%|50% is (?:a guess|no preference)": "where both are equal, by definition",
    r"(?:fewer than|none has) (?:5 pairs|10 prompts)(?: yet)?": "thresholds of the page itself",
    r"Undecided against .*?: [\d,]+ of [\d,]+ answers?(?: \([^)]*\))?, which the tables have": "a count of answers",
    r"with 75% or more": "the accuracy from which a trait is warned of",
    r"0 on average: a difference of 0\.7 is odds": "the unit of a strength, by definition",
    r"the index is 1 where .* below 0 where": "the range of Bang's index, by definition",
    r"(?:p below 0\.01|at least \d+ |below 10 seconds|99% interval|below 0,)": "thresholds of the flags",
    r"Of \d+ intervals about \d+ may miss": "topics times one less the confidence",
    r"\d+ of \d+ topics have": "a count of the study's own prompts by topic",
    r"and \d+ more, which the tables? ha(?:s|ve)|So are \d+ more": "a count of what a sentence leaves to a table",
    r"to \d{4}-\d\d-\d\d \d\d:\d\d UTC": "where the last hour ends, whose start is in the JSON",
}
"""Constants in words, each with its reason; no number from a study."""
CONSTANTS = re.compile("|".join(ALLOWED))
T = TypeVar("T")


NAMES = frozenset({"arm", "topic", "criterion", "source", "of", "prompt", "prompts", "rater", "start_utc", "scoring"})
"""Columns of a file that say what a number is of."""


def leaves(found: Any, path: Path = ()) -> Iterator[tuple[Path, float]]:
    """Every number of a JSON value with its path."""
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(found, list | tuple):
        for value in found:
            yield from leaves(value, path)
    elif isinstance(found, int | float) and not isinstance(found, bool):
        yield path, found


def strings(found: Any) -> Iterator[str]:
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from strings(value)
            yield str(key)
    elif isinstance(found, list | tuple):
        for value in found:
            yield from strings(value)
    elif isinstance(found, str):
        yield found


@dataclass(frozen=True)
class Triple:
    """An estimate between its bounds, and its n where it says one."""

    estimate: float
    low: float
    high: float
    n: int | None = None

    @property
    def values(self) -> tuple[float, float, float]:
        return self.estimate, self.low, self.high

    @property
    def turned(self) -> tuple[float, float, float]:
        """The same rate as the other system sees it."""
        return 1 - self.estimate, 1 - self.high, 1 - self.low


def triples(found: Any, path: Path = ()) -> Iterator[tuple[Path, Triple]]:
    """Every interval of a JSON value, those of a sequence's looks too."""
    if isinstance(found, Mapping):
        if isinstance(found.get("estimate"), int | float) and found.get("low") is not None:
            yield path, Triple(found["estimate"], found["low"], found["high"], found.get("n"))
        if "mean" in found and "low" in found:
            looks = zip(found["mean"], found["low"], found["high"], strict=True)
            yield from ((path, Triple(*look)) for look in looks)
        for key, value in found.items():
            yield from triples(value, (*path, str(key)))
    elif isinstance(found, list | tuple):
        for value in found:
            yield from triples(value, path)


Signature = tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Source:
    """What the JSON has of one arm, by the part of the page that may show it."""

    summary: Json
    labels: Labels
    topics: tuple[str, ...]
    whole: Json
    """The whole file."""

    def numbers(self, part: str, around: tuple[str, ...]) -> list[float]:
        """Those that a part may show beside these texts."""
        return [value for held, values in self._numbers[part].items() if self._fits(held, around) for value in values]

    def intervals(self, part: str, around: tuple[str, ...]) -> list[Triple]:
        return [value for held, values in self._intervals[part].items() if self._fits(held, around) for value in values]

    @cached_property
    def _numbers(self) -> dict[str, dict[Signature, list[float]]]:
        counted = [((), float(n)) for n in self._counts()]
        at = [((), self.summary["confidence"])]
        return {part: self._signed([*leaves(self._of(part)), *counted, *at, *self._places(part)]) for part in SCOPE}

    @cached_property
    def _intervals(self) -> dict[str, dict[Signature, list[Triple]]]:
        return {part: self._signed(triples(self._of(part))) for part in SCOPE}

    def _of(self, part: str) -> dict[str, Any]:
        return {key: self.summary[key] for key in SCOPE[part]}

    def _places(self, part: str) -> Iterator[tuple[Path, float]]:
        """The looks of a sequence, which are places in its lists."""
        if part == "sequence" and self.summary["sequence"]:
            looks = max(len(one["mean"]) for one in self.summary["sequence"]["matchups"].values())
            yield from (((), float(look)) for look in range(1, looks + 1))

    def _counts(self) -> list[int]:
        """How many there are of what the JSON lists."""
        raters = self.summary["balance"]["raters"].values()
        systems, criteria = len(self.summary["systems"]), len(self.summary["criteria"])
        flagged = sum(bool(habits["flags"]) for habits in raters)
        judges = sum(source.startswith("judge:") for source in self.sources)
        pairs_of_systems, answers = systems * (systems - 1) // 2, (systems - 1) * criteria
        return [systems, criteria, len(raters), flagged, judges, pairs_of_systems, answers, len(self.topics)]

    def strip(self, text: str) -> str:
        """Without names and sentences that the JSON has as they are, and without constants."""
        for name in self._words:
            if name in text:
                text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "·", text)
        return CONSTANTS.sub("·", text)

    @cached_property
    def _words(self) -> list[str]:
        """Those with digits, the longest first."""
        names = [*strings(self.whole), *self.labels.systems.values(), *self.labels.criteria.values(), *self.topics]
        names += [source_label(source) for source in self.sources] + [rater_label(rater) for rater in self.raters]
        names += [text for text in ENGLISH.values() if "{" not in text]
        times = [name.replace("T", " ").removesuffix("Z") for name in names if TIME.fullmatch(name)]
        names += [*times, *(time.removesuffix(" 00:00") for time in times)]  # A day has no time.
        held = {tidy(name) for name in names if any(sign.isdigit() for sign in name)}
        return sorted((name for name in held if not re.fullmatch(NUMBER, name)), key=len, reverse=True)

    @cached_property
    def sources(self) -> list[str]:
        return list(dict.fromkeys(source for found in self.summary["criteria"].values() for source in found))

    @property
    def raters(self) -> list[str]:
        return list(self.summary["balance"]["raters"])

    @cached_property
    def _dimensions(self) -> list[dict[str, set[str]]]:
        """What a number may be of, by names: a criterion, a source, a topic, a rater; and systems last."""
        criteria, sources, raters = {}, {"people": {"human", "human_human"}}, {}
        for key in self.labels.criteria:
            criteria |= {self.labels.title(key): {key}, self.labels.criterion(key): {key}}
        for source in self.sources:
            if source.startswith("judge:"):
                sources[source_label(source)] = {source, source.replace("judge:", "combined:", 1)}
        for rater in self.raters:
            raters.setdefault(rater_label(rater), set()).add(rater)
        topics = {topic: {topic} for topic in self.topics}
        return [criteria, sources, topics, raters, {name: {key} for key, name in self.labels.systems.items()}]

    def _signed(self, found: Iterable[tuple[Path, T]]) -> dict[Signature, list[T]]:
        """By what each path names of every dimension."""
        known = [set[str]().union(*names.values()) for names in self._dimensions]
        by_signature: dict[Signature, list[T]] = {}
        for path, value in found:
            parts = {part for key in path for part in (key, *key.split("|"), *key.split(">"))}
            by_signature.setdefault(tuple(frozenset(parts & own) for own in known), []).append(value)
        return by_signature

    def _fits(self, held: Signature, around: tuple[str, ...]) -> bool:
        """Whether what a path names is what stands around a number; of two systems, both or the one that is named."""
        *named, systems = self._named(around)
        if any(own and said and not own & said for own, said in zip(held, named, strict=False)):
            return False
        return not held[-1] or not systems or (held[-1] <= systems if len(systems) > 1 else bool(held[-1] & systems))

    def _named(self, around: tuple[str, ...]) -> list[set[str]]:
        if around not in self._cache:
            self._cache[around] = [_nearest(around, names) for names in self._dimensions]
        return self._cache[around]

    @cached_property
    def _cache(self) -> dict[tuple[str, ...], list[set[str]]]:
        return {}


def _nearest(layers: Iterable[str], names: Mapping[str, set[str]]) -> set[str]:
    """What the nearest text names that names any."""
    ordered = sorted(names, key=len, reverse=True)
    for layer in layers:
        found = set[str]()
        for name in ordered:
            if name in layer:
                without = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "·", layer)
                found |= names[name] if without != layer else set()
                layer = without
        if found:
            return found
    return set()


def unexplained(page: Iterable[Said], source: Source) -> list[str]:
    """The texts of a page with a number that is no rounding of one in the JSON, with that number."""
    return [f"{number} in {said}" for said in page for number in _unknown(said, source)]


def _unknown(said: Said, source: Source) -> list[str]:
    text = source.strip(said.text)
    triples_here = source.intervals(said.part, said.around) if INTERVAL.search(text) else []
    missing = [
        found.group()
        for found in INTERVAL.finditer(text)
        if not any(_is_interval(found, triple) for triple in triples_here)
    ]
    text = INTERVAL.sub("·", text)
    numbers = source.numbers(said.part, said.around) if TOKEN.search(text) else []
    return missing + [
        found.group() for found in TOKEN.finditer(text) if not any(_is_number(found, value) for value in numbers)
    ]


def _is_interval(found: re.Match[str], triple: Triple) -> bool:
    """As it is or turned, with the n that stands beside it."""
    size = found["n"] or found["counted"]
    if size and triple.n is not None and triple.n != int(size.replace(",", "")):
        return False
    parts = [found[name] for name in ("estimate", "low", "high")]
    scale = 100 if "%" in parts[0] or "points" in found.group() else 1
    return any(
        all(_rounds(part.rstrip("%"), scale * value) for part, value in zip(parts, values, strict=True))
        for values in (triple.values, triple.turned)
    )


def _is_number(found: re.Match[str], value: float) -> bool:
    number = found["number"]
    if found["under"]:
        return 0 <= value < float(number)
    if number.endswith("%") or (found["points"] and abs(value) < 1):
        return _rounds(number.rstrip("%"), (-100 if found["less"] else 100) * value)
    counts = "." not in number
    return _rounds(number, value) and (not counts or value == int(value) or abs(value) >= 1)


def _rounds(written: str, value: float) -> bool:
    plain = written.replace(",", "").replace("+", "").replace("−", "-")
    digits = len(plain.partition(".")[2])
    return math.isfinite(value) and float(plain) == float(f"{value:.{digits}f}")


def unexplained_points(part: str, figure: Json, criterion: str, source: Source) -> list[str]:
    """Points of a figure that are no number, and no interval, of the JSON; a bar of nothing is where no share is."""
    missing = []
    for around, values in drawn(part, figure, criterion):
        if len(values) > 1:
            known = any(_same(values, triple.values) for triple in source.intervals(part, around))
        else:
            known = any(_same(values, (number,)) for number in source.numbers(part, around))
        if not known and any(values):
            missing.append(f"{values} at {around[0]!r} in the figure of {part}")
    return missing


def _same(values: Iterable[float], others: Iterable[float]) -> bool:
    return all(math.isclose(one, other, abs_tol=1e-12) for one, other in zip(values, others, strict=True))


def unexplained_cells(part: str, text: str, source: Source) -> list[str]:
    """Cells of a file, which have all digits, that are no number of the JSON; a yes is written as 1."""
    known = {*source.numbers(part, ()), 0.0, 1.0}
    return [
        f"{cell} under {column} in the file of {part}"
        for row in csv.DictReader(io.StringIO(text))
        for column, cell in row.items()
        if column not in NAMES and re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", cell) and float(cell) not in known
    ]
