"""Divides posts among train, validation and preference so that what belongs together stays together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetune.curation.funnel import Step
from finetune.curation.recipe import Curation

TRAIN, VALIDATION, QUICK, PREFERENCE = "train", "validation", "quick", "preference"


@dataclass(frozen=True)
class Division:
    """Which rows are where, as numbers of rows in rising order."""

    train: npt.NDArray[np.intp]
    validation: npt.NDArray[np.intp]
    quick: npt.NDArray[np.intp]
    """Of the validation set."""
    preference: npt.NDArray[np.intp]
    notes: tuple[str, ...]
    """What did not come out as the recipe wants it."""


def groups_of(count: int, links: Iterable[tuple[int, int]]) -> npt.NDArray[np.intp]:
    """For each of `count` rows the lowest row that it hangs together with by links, itself where there is none."""
    parent = list(range(count))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for one, other in links:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return np.array([root(row) for row in range(count)], dtype=np.intp)


def author_links(authors: Sequence[str | None]) -> Iterable[tuple[int, int]]:
    """A link from each row to an earlier one by its author; those whose account is gone are nobody's."""
    last: dict[str, int] = {}
    for row, author in enumerate(authors):
        if author is None or author in ("", "[deleted]", "[removed]"):
            continue
        if author in last:
            yield last[author], row
        last[author] = row


def divide(groups: npt.NDArray[np.intp], recipe: Curation) -> Division:
    """Whole groups in an order that the seed draws: first for preferences, then for training, the rest for validation.

    A group that would not fit any more waits for the next part, so that sizes come out exactly where there are enough
    small ones.
    """
    order = _shuffled(groups, recipe.seed)
    notes: list[str] = []
    wanted = round(recipe.preference_share * len(groups))
    preference, rest = _take(order, wanted)
    left = len(groups) - sum(map(len, preference))
    wanted = train_size(left, recipe)
    if left and wanted % recipe.train_multiple:
        notes.append(
            f"{recipe.train_share:.0%} of {left:,} pairs are fewer than {recipe.train_multiple:,}, "
            "so the size of the training set is not rounded down to a multiple of it"
        )
    train, validation = _take(rest, wanted)
    size = sum(map(len, train))
    if size < wanted:
        notes.append(f"the training set has {size:,} pairs rather than {wanted:,}, since groups stay whole")
    quick = [row for group in validation for row in group][: recipe.quick]
    return Division(
        _rows(train), _rows(validation), np.sort(np.array(quick, dtype=np.intp)), _rows(preference), tuple(notes)
    )


def train_size(pairs: int, recipe: Curation) -> int:
    """The share of the pairs, rounded down to a multiple; below one multiple, rounded down to a whole number."""
    share = int(recipe.train_share * pairs + 1e-9)
    return share // recipe.train_multiple * recipe.train_multiple or share


def steps_of_division(division: Division) -> list[Step]:
    """Each part as a row of the funnel: what there was to divide, and how much it took."""
    sizes = {name: len(getattr(division, name)) for name in (PREFERENCE, TRAIN, VALIDATION, QUICK)}
    left = sizes[PREFERENCE] + sizes[TRAIN] + sizes[VALIDATION]
    steps = []
    if sizes[PREFERENCE]:
        steps.append(Step("preference_share", "pairs", "set aside for preference data", left, sizes[PREFERENCE]))
        left -= sizes[PREFERENCE]
    steps.append(Step("train_share", "pairs", "for training", left, sizes[TRAIN]))
    steps.append(Step(VALIDATION, "pairs", "for validation: what is left", left - sizes[TRAIN], sizes[VALIDATION]))
    steps.append(Step(QUICK, "pairs", "of those for quick checks", sizes[VALIDATION], sizes[QUICK]))
    return steps


Groups = list[npt.NDArray[np.intp]]


def _shuffled(groups: npt.NDArray[np.intp], seed: int) -> Groups:
    """The rows of each group, the groups in a drawn order."""
    by_group = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[by_group], prepend=-1))
    members = np.split(by_group, starts[1:]) if len(groups) else []
    return [members[number] for number in np.random.default_rng(seed).permutation(len(members))]


def _take(groups: Groups, wanted: int) -> tuple[Groups, Groups]:
    """Groups in their order as long as they fit, and those that were not taken."""
    taken, rest = [], []
    for group in groups:
        if len(group) <= wanted:
            taken.append(group)
            wanted -= len(group)
        else:
            rest.append(group)
    return taken, rest


def _rows(groups: Groups) -> npt.NDArray[np.intp]:
    return np.sort(np.concatenate(groups)) if groups else np.empty(0, dtype=np.intp)
