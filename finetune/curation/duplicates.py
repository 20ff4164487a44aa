"""Finds near-duplicate texts by MinHash (Broder 1997) over runs of three words, in bands (Leskovec et al., ch. 3)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from ppai.overlap import RUN, words_of

HASHES = 128
BAND = 4
"""Hashes of a band: 32 bands of 4 find a pair of similarity .7 with a probability of .9998."""

Signatures = npt.NDArray[np.uint32]

_SEED = 20_011
"""Of the hash functions. It has nothing to do with a recipe's seed: which posts are alike is no matter of chance."""
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_AT_ONCE = 65_536
"""Pairs that are compared together."""


class Hashing:
    """Hash functions h -> (a h + b) mod 2^64, of which the upper half counts (Dietzfelbinger 1996)."""

    def __init__(self) -> None:
        random = np.random.default_rng(_SEED)
        self._factors = random.integers(0, 2**64, HASHES, dtype=np.uint64) | np.uint64(1)
        self._added = random.integers(0, 2**64, HASHES, dtype=np.uint64)
        self._of_place = random.integers(0, 2**64, RUN, dtype=np.uint64) | np.uint64(1)

    def signatures(self, texts: Iterable[str]) -> Signatures:
        """One row of `HASHES` a text; equal texts have equal rows, always."""
        rows = [self._signature(text) for text in texts]
        return np.stack(rows) if rows else np.empty((0, HASHES), dtype=np.uint32)

    def _signature(self, text: str) -> Signatures:
        values = self._factors[:, None] * self._runs(text)[None, :] + self._added[:, None]
        return (values >> _HALF).min(axis=1).astype(np.uint32)

    def _runs(self, text: str) -> npt.NDArray[np.uint64]:
        """A number for each run of three words; a text of fewer has one run."""
        words = [zlib.crc32(word.encode()) for word in words_of(text)]
        words += [0] * (RUN - len(words))
        hashed = np.array(words, dtype=np.uint64)
        count = len(words) - RUN + 1
        runs = np.zeros(count, dtype=np.uint64)
        for place, factor in enumerate(self._of_place):
            runs = (runs ^ (hashed[place : place + count] + np.uint64(1)) * factor) * _ODD
            runs ^= runs >> _HALF
        return np.unique(runs)


def similar_pairs(signatures: Signatures, least: float) -> Iterator[tuple[int, int]]:
    """Pairs of rows of at least this similarity (Jaccard, estimated: standard error at most .044); some come twice.

    Of the rows that agree in a band each is compared with the one before it and with the first of them: as many
    comparisons as rows, and what is alike still hangs together.
    """
    for start in range(0, HASHES, BAND):
        keys = _keys(signatures[:, start : start + BAND])
        order = np.argsort(keys, kind="stable")
        same = np.concatenate([[False], keys[order][1:] == keys[order][:-1]])
        first = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
        places = np.flatnonzero(same)
        for before in (places - 1, first[places]):
            yield from _alike(signatures, order[before], order[places], least)


def _keys(band: Signatures) -> npt.NDArray[np.uint64]:
    keys = np.zeros(len(band), dtype=np.uint64)
    for column in band.T:
        keys = (keys ^ column) * _ODD
        keys ^= keys >> _HALF
    return keys


def _alike(
    signatures: Signatures, one: npt.NDArray[np.intp], other: npt.NDArray[np.intp], least: float
) -> Iterator[tuple[int, int]]:
    for start in range(0, len(one), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        similarity = (signatures[one[part]] == signatures[other[part]]).mean(axis=1)
        found = np.flatnonzero(similarity >= least) + start
        yield from zip(one[found].tolist(), other[found].tolist(), strict=True)
