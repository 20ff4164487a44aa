"""What integer codes mean in one study: its prompts, its systems, and the matchups of two systems.

A *matchup* is two systems, whatever the prompt, oriented as `win_rate["x>y"]` is: where one of them is the
reference it is y, else x stands before y among the study's systems.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

import numpy as np

from eval.statistics.arrays import Bools, Floats, Ints
from ppai.plain import flatten
from ppai.schema import Study


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
