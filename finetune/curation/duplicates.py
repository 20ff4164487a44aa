"""Finds near-duplicate texts by MinHash (Broder 1997) over runs of three words, in bands (Leskovec et al., ch. 3)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ppai.overlap import RUN, words_of

HASHES = 128
BAND = 4
"""Hashes of a band: 32 bands of 4 find a pair of similarity .7 with a probability of .9998."""

Signatures = npt.NDArray[np.uint16]
"""The lower half of each hash (Li and Koenig 2010): two that differ agree in it once in 65,536 times."""
Links = npt.NDArray[np.int64]
"""Pairs of rows."""

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
        return np.stack(rows) if rows else np.empty((0, HASHES), dtype=np.uint16)

    def _signature(self, text: str) -> Signatures:
        values = self._factors[:, None] * self._runs(text)[None, :] + self._added[:, None]
        return (values >> _HALF).min(axis=1).astype(np.uint16)

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


def similar_pairs(signatures: Signatures, least: float) -> Links:
    """Pairs of rows of at least this similarity (Jaccard, estimated: standard error at most .044), each once.

    Of the rows that agree in a band each is compared with the one before it and with the first of them: as many
    comparisons as rows, and what is alike still hangs together.
    """
    found = [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, HASHES, BAND):
        keys = np.ascontiguousarray(signatures[:, start : start + BAND]).view(np.uint64)[:, 0]
        order = np.argsort(keys, kind="stable")
        same = np.concatenate([[False], keys[order][1:] == keys[order][:-1]])
        first = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
        places = np.flatnonzero(same)
        for before in (places - 1, first[places]):
            found.append(_alike(signatures, np.stack([order[before], order[places]], axis=1), least))
    return np.unique(np.concatenate(found), axis=0)


def _alike(signatures: Signatures, pairs: Links, least: float) -> Links:
    """Those of the pairs; a stable order has put the lower row first."""
    good = [np.empty(0, dtype=np.bool_)]
    for start in range(0, len(pairs), _AT_ONCE):
        one, other = pairs[start : start + _AT_ONCE].T
        good.append((signatures[one] == signatures[other]).mean(axis=1) >= least)
    return pairs[np.concatenate(good)]
