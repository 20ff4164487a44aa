"""Several tests at once: Holm's adjustment of p values, so that any error among them has the chance one test had."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def holm(p: Mapping[str, float | None]) -> dict[str, float | None]:
    """The adjusted p value of each test, in the order given; None where a test gave none, which then counts as no test.

    A difference may be called real where its adjusted p is below the level: the chance of one or more false calls is
    then at most that level, however the tests are related. Holm, S. (1979), "A simple sequentially rejective multiple
    test procedure", Scandinavian Journal of Statistics 6, 65-70. Raises ValueError for a p outside [0, 1].
    """
    known = {name: value for name, value in p.items() if value is not None}
    for name, value in known.items():
        if not 0 <= value <= 1:
            raise ValueError(f"p of {name}: {value} is not between 0 and 1")
    values = np.array(list(known.values()), dtype=float)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)), 1.0)
    found: dict[str, float | None] = dict.fromkeys(p)
    return found | dict(zip(known, adjusted.tolist(), strict=True))
