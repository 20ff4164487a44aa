"""Frames of votes and verdicts as arrays of integer codes, made once and read by every statistic.

A *matchup* is two systems, whatever the prompt, oriented as `win_rate["x>y"]` is: where one of them is the
reference it is y, else x stands before y among the study's systems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from ppai.frames import MISSING, outcome_column
from ppai.plain import flatten
from ppai.schema import Study, VoteStatus

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SUBMITTED, SKIPPED, VOID = range(3)
STATUSES = (VoteStatus.SUBMITTED.value, VoteStatus.SKIPPED.value, VoteStatus.VOID.value)


@lru_cache(maxsize=20_000)
def _flattened_length(text: str) -> int:
    return len(flatten(text))


@dataclass(frozen=True)
class StudyIndex:
    """What codes mean in one study: places in `prompts` and `systems`, and matchups as `lower * S + higher`."""

    prompts: tuple[str, ...]
    systems: tuple[str, ...]
    reference: int
    lengths: Floats
    """Characters of each response, shape (prompts, systems); NaN where there is none."""
    matchups: Ints
    """Sorted codes of the matchups that the study's pairs hold."""
    n_pairs: Ints
    """How many of the study's pairs each of them has."""

    @classmethod
    def of(cls, study: Study) -> Self:
        prompts = tuple(prompt.id for prompt in study.prompts)
        systems = study.config.system_ids
        row = {prompt: place for place, prompt in enumerate(prompts)}
        column = {system: place for place, system in enumerate(systems)}
        lengths = np.full((len(prompts), len(systems)), np.nan)
        for response in study.responses:
            lengths[row[response.prompt_id], column[response.system]] = len(response.text)
        pairs = Counter((column[pair.first], column[pair.second]) for pair in study.pairs)
        matchups: Counter[int] = Counter()
        for (a, b), n in pairs.items():
            matchups[min(a, b) * len(systems) + max(a, b)] += n
        return cls(
            prompts,
            systems,
            column[study.config.reference_id] if systems else 0,
            lengths,
            np.array(sorted(matchups), dtype=np.int64),
            np.array([matchups[code] for code in sorted(matchups)], dtype=np.int64),
        )

    def flattened(self, study: Study) -> Self:
        """The same index with the lengths that raters of the plain arm saw."""
        lengths = self.lengths.copy()
        row = {prompt: place for place, prompt in enumerate(self.prompts)}
        column = {system: place for place, system in enumerate(self.systems)}
        for response in study.responses:
            lengths[row[response.prompt_id], column[response.system]] = _flattened_length(response.text)
        return replace(self, lengths=lengths)

    def x_y(self, matchup: Ints) -> tuple[Ints, Ints]:
        """Codes of the systems x and y of each matchup."""
        lower, higher = np.divmod(matchup, max(len(self.systems), 1))
        turned = lower == self.reference
        return np.where(turned, higher, lower), np.where(turned, lower, higher)

    def x_is_lower(self, matchup: Ints) -> Bools:
        """Whether x stands before y in code-point order of their ids: agreement codes outcomes so."""
        rank = np.empty(len(self.systems), dtype=np.int64)
        rank[sorted(range(len(self.systems)), key=self.systems.__getitem__)] = np.arange(len(self.systems))
        x, y = self.x_y(matchup)
        return rank[x] < rank[y]

    def labels(self, matchup: Ints) -> list[str]:
        """`x>y` of each matchup."""
        x, y = self.x_y(matchup)
        return [f"{self.systems[a]}>{self.systems[b]}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]


@dataclass(frozen=True)
class Rows:
    """Votes or verdicts, all arrays of shape (rows,)."""

    index: StudyIndex
    prompt: Ints
    matchup: Ints
    x_is_a: Bools
    """Whether the matchup's x stood at side A (or was shown first)."""
    arm: Ints
    arms: tuple[str, ...]
    who: Ints
    """Rater or judge: place in `names`."""
    names: tuple[str, ...]
    outcomes: Mapping[str, Codes]
    """By criterion, as in the frame: 1 side A wins, 0 tie, -1 side B wins, -128 missing."""

    def __len__(self) -> int:
        return len(self.prompt)

    def take(self, chosen: Bools | Ints) -> Self:
        """The rows that a mask or positions choose; themselves where a mask chooses all."""
        if chosen.dtype == np.bool_ and chosen.all():
            return self
        changes: dict[str, Any] = {"outcomes": {key: codes[chosen] for key, codes in self.outcomes.items()}}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                changes[field.name] = value[chosen]
        return replace(self, **changes)

    def of_arm(self, arm: str) -> Self:
        if arm not in self.arms:
            return self.take(np.zeros(len(self), dtype=bool))
        return self.take(self.arm == self.arms.index(arm))

    def arms_present(self) -> list[str]:
        return [self.arms[code] for code in np.unique(self.arm).tolist()]

    def for_x(self, key: str) -> Codes:
        """Outcomes of a criterion as x sees them: 1 x wins, 0 tie, -1 y wins, -128 missing."""
        if key not in self._for_x:
            codes = self.outcomes[key]
            self._for_x[key] = np.where(self.x_is_a | (codes == MISSING), codes, -codes)
        return self._for_x[key]

    @cached_property
    def _for_x(self) -> dict[str, Codes]:
        return {}

    def pair_codes(self) -> Ints:
        """A code of each row's prompt and matchup."""
        return self.prompt * len(self.index.systems) ** 2 + self.matchup

    @cached_property
    def pairs(self) -> tuple[Ints, Ints]:
        """The place of each row's pair among the pairs of the rows, and the code of each of these, in their order."""
        place, codes = pd.factorize(self.pair_codes())
        return np.asarray(place, dtype=np.int64), np.asarray(codes, dtype=np.int64)

    def tally(self, key: str) -> Ints:
        """Of each of `pairs`, how often x won on a criterion, neither, and y; shape (pairs, 3)."""
        if key not in self._tallies:
            place, codes = self.pairs
            outcome = self.for_x(key)
            column = np.where(outcome == MISSING, 3, 1 - outcome)
            self._tallies[key] = np.bincount(place * 4 + column, minlength=4 * len(codes)).reshape(-1, 4)[:, :3]
        return self._tallies[key]

    @cached_property
    def _tallies(self) -> dict[str, Ints]:
        return {}

    @cached_property
    def longer(self) -> Floats:
        """1 where x's response is longer in characters, -1 where y's, 0 or NaN where neither is known to be."""
        x, y = self.index.x_y(self.matchup)
        return np.sign(self.index.lengths[self.prompt, x] - self.index.lengths[self.prompt, y])

    def sides_varied(self, rows: Bools) -> Bools:
        """Whether the systems of each row's matchup stood on both sides among the chosen rows."""
        at_a = np.zeros(len(self.index.systems) ** 2, dtype=bool)
        at_b = at_a.copy()
        at_a[self.matchup[rows & self.x_is_a]] = True
        at_b[self.matchup[rows & ~self.x_is_a]] = True
        return (at_a & at_b)[self.matchup]


@dataclass(frozen=True)
class VoteRows(Rows):
    """Current votes of every status: each rater's highest revision of a pair, arm and repeat."""

    repeat: Ints
    status: Ints
    seconds: Floats
    created_at: Floats
    """Seconds since 1970 (UTC), NaN where unknown."""


@dataclass(frozen=True)
class VerdictRows(Rows):
    """Verdicts, scored or not; those unscored have no outcome on any criterion."""

    named: Bools
    maker: Ints
    """Place in `makers` of the model and prompt version that gave a verdict."""
    makers: tuple[tuple[str | None, str | None], ...]

    def makers_present(self) -> list[tuple[str | None, str | None]]:
        """Models and prompt versions of the rows, each once."""
        return [self.makers[place] for place in np.unique(self.maker).tolist()]


def code_votes(index: StudyIndex, events: pd.DataFrame, keys: Sequence[str]) -> tuple[VoteRows, int]:
    """The current votes of a vote frame (see `ppai.frames`), and how many name what the study does not have.

    Such votes stay in a store when a prompt or a system leaves the study; they are counted nowhere else. The
    current votes are those of `ppai.frames.current_votes`.
    """
    common, inside = _common(index, events, "rater", keys)
    rows = VoteRows(
        **common,
        repeat=events["repeat"].to_numpy(dtype=np.int64)[inside],
        status=_places(events["status"], STATUSES)[inside],
        seconds=events["seconds"].to_numpy(dtype=float)[inside],
        created_at=events["first_at" if "first_at" in events else "created_at"].to_numpy(dtype=float)[inside],
    )
    revision = events["revision"].to_numpy(dtype=np.int64)[inside]
    repeat, repeats = pd.factorize(rows.repeat)
    code = (rows.pair_codes() * len(rows.names) + rows.who) * len(rows.arms) + rows.arm
    code = code * len(repeats) + repeat
    order = np.lexsort((revision, code))
    last = np.append(code[order][1:] != code[order][:-1], True)[: len(order)]
    if not last.all():
        rows = replace(rows, created_at=_first_times(rows, code, order))
    return rows.take(np.sort(order[last])), int(np.count_nonzero(~inside))


def _first_times(rows: VoteRows, code: Ints, order: Ints) -> Floats:
    """When each showing was first answered, on every row of it; `order` sorts by `code` and revision."""
    answered = pd.Series(np.where(rows.status == SUBMITTED, rows.created_at, np.nan)[order])
    times = np.empty(len(order))
    times[order] = answered.groupby(code[order]).transform("first").to_numpy()
    return np.where(np.isnan(times), rows.created_at, times)


def code_verdicts(index: StudyIndex, frame: pd.DataFrame, keys: Sequence[str]) -> tuple[VerdictRows, int]:
    """The verdicts of a verdict frame, and how many name what the study does not have."""
    common, inside = _common(index, frame, "judge", keys)
    made = [
        (model or None, version or None) for model, version in zip(frame["model"], frame["prompt_version"], strict=True)
    ]
    makers = tuple(dict.fromkeys(made))
    place = {maker: number for number, maker in enumerate(makers)}
    rows = VerdictRows(
        **common,
        named=frame["named"].to_numpy(dtype=bool)[inside],
        maker=np.array([place[maker] for maker in made], dtype=np.int64)[inside],
        makers=makers,
    )
    unscored = frame["unscored"].notna().to_numpy()[inside]
    for codes in rows.outcomes.values():
        codes[unscored] = MISSING
    return rows, int(np.count_nonzero(~inside))


def code_assignments(index: StudyIndex, frame: pd.DataFrame) -> Rows:
    """Showings from a frame with `prompt_id`, `system_a`, `system_b`, `rater` and `arm`."""
    return Rows(**_common(index, frame, "rater", ())[0])


def _common(index: StudyIndex, frame: pd.DataFrame, who: str, keys: Sequence[str]) -> tuple[dict[str, Any], Bools]:
    """The fields that votes and verdicts share, and which rows of the frame they keep."""
    prompt = _places(frame["prompt_id"], index.prompts)
    a, b = (_places(frame[column], index.systems) for column in ("system_a", "system_b"))
    inside = (prompt >= 0) & (a >= 0) & (b >= 0) & (a != b)
    a, b = a[inside], b[inside]
    matchup = np.minimum(a, b) * len(index.systems) + np.maximum(a, b)
    arm, arms = pd.factorize(frame["arm"])
    names = sorted(map(str, pd.unique(frame[who])))
    outcomes = {}
    for key in keys:
        column = outcome_column(key)
        known = column in frame.columns
        codes = frame[column].to_numpy(dtype=np.int8) if known else np.full(len(frame), MISSING, np.int8)
        outcomes[key] = codes[inside]
    fields = {
        "index": index,
        "prompt": prompt[inside],
        "matchup": matchup,
        "x_is_a": index.x_y(matchup)[0] == a,
        "arm": arm[inside],
        "arms": tuple(map(str, arms)),
        "who": _places(frame[who], names)[inside],
        "names": tuple(names),
        "outcomes": outcomes,
    }
    return fields, inside


def _places(column: pd.Series[Any], known: Sequence[str]) -> Ints:
    """The place of each value in `known`, -1 where it is not there."""
    codes, found = pd.factorize(column)
    place = {value: number for number, value in enumerate(known)}
    places = np.array([*(place.get(value, -1) for value in found), -1], dtype=np.int64)
    return places[codes]
