"""Divides posts among train, validation and preference so that what belongs together stays together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from finetune.curation.funnel import Step
from finetune.curation.recipe import Curation
from ppai.errors import PPAIError

if TYPE_CHECKING:
    import pyarrow as pa

    from finetune.curation.duplicates import Links

TRAIN, VALIDATION, QUICK, PREFERENCE = "train", "validation", "quick", "preference"
_NOBODY = ("", "[deleted]", "[removed]")


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


def groups_of(count: int, links: Links) -> npt.NDArray[np.intp]:
    """For each of `count` rows the lowest row that it hangs together with by links, itself where there is none."""
    if not len(links):
        return np.arange(count)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(links), dtype=np.bool_), tuple(links.T)), shape=(count, count))
    _, parts = connected_components(graph, directed=False)
    _, lowest = np.unique(parts, return_index=True)
    return np.asarray(lowest[parts], dtype=np.intp)


def author_links(authors: pa.Array) -> Links:
    """A link from each row to an earlier one by its author; those whose account is gone are nobody's."""
    encoded = authors.dictionary_encode()
    nobody = [number for number, name in enumerate(encoded.dictionary.to_pylist()) if name in _NOBODY]
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero((codes >= 0) & ~np.isin(codes, nobody))
    by_author = rows[np.argsort(codes[rows], kind="stable")]
    again = np.flatnonzero(codes[by_author][1:] == codes[by_author][:-1]) + 1
    return np.stack([by_author[again - 1], by_author[again]], axis=1).astype(np.int64)


def divide(groups: npt.NDArray[np.intp], recipe: Curation) -> Division:
    """Whole groups in an order that the seed draws: first for preferences, then for training, the rest for validation.

    A group that would not fit any more waits for the next part, so that sizes come out exactly where there are enough
    small ones. Raises PPAIError where nothing is left for training.
    """
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(recipe.seed).permutation(len(sizes))
    notes: list[str] = []
    preference, rest = _take(order, sizes, round(recipe.preference_share * len(groups)))
    left = len(groups) - int(sizes[preference].sum())
    wanted = train_size(left, recipe)
    if left and wanted % recipe.train_multiple:
        notes.append(
            f"{recipe.train_share:.0%} of {left:,} pairs are fewer than {recipe.train_multiple:,}, "
            "so the size of the training set is not rounded down to a multiple of it"
        )
    train, validation = _take(rest, sizes, wanted)
    size = int(sizes[train].sum())
    if not size:
        raise PPAIError(_nothing_to_train_on(len(groups), int(sizes.max(initial=0)), wanted))
    if size < wanted:
        notes.append(f"the training set has {size:,} pairs rather than {wanted:,}, since groups stay whole")
    drawn = np.argsort(np.concatenate([preference, train, validation]), kind="stable")
    rows = {name: np.flatnonzero(np.isin(group_of, part)) for name, part in (
        (PREFERENCE, preference), (TRAIN, train), (VALIDATION, validation)
    )}  # fmt: skip
    by_draw = rows[VALIDATION][np.argsort(drawn[group_of[rows[VALIDATION]]], kind="stable")]
    return Division(
        rows[TRAIN], rows[VALIDATION], np.sort(by_draw[: recipe.quick]), rows[PREFERENCE], tuple(notes)
    )  # fmt: skip


def _nothing_to_train_on(pairs: int, largest: int, wanted: int) -> str:
    if not wanted:
        return f"{pairs} pair{'s' * (pairs != 1)} cannot be divided into a training and a validation set"
    return (
        f"nothing is left to train on: {largest:,} of {pairs:,} pairs hang together and stay on one side of the split; "
        "--no-by-author or --near-duplicates 0 parts them"
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


Groups = npt.NDArray[np.intp]
"""Numbers of groups, in a drawn order."""


def _take(groups: Groups, sizes: npt.NDArray[np.intp], wanted: int) -> tuple[Groups, Groups]:
    """Groups in their order as long as they fit, and those that were not taken."""
    fits = np.zeros(len(groups), dtype=np.bool_)
    for place, size in enumerate(sizes[groups].tolist()):
        if size <= wanted:
            fits[place] = True
            wanted -= size
    return groups[fits], groups[~fits]
