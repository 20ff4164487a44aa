"""Several tests at once: Holm's adjustment of p values, so that any error among them has the chance one test had."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import TypeVar

from eval.statistics.win_rate import Rates

Test = TypeVar("Test", bound=Hashable)


def holm(p: Mapping[Test, float | None]) -> dict[Test, float | None]:
    """The adjusted p value of each test, in the order given; None where a test gave none, which then counts as no test.

    A difference may be called real where its adjusted p is below the level: the chance of one or more false calls is
    then at most that level, however the tests are related. Holm, S. (1979), "A simple sequentially rejective multiple
    test procedure", Scandinavian Journal of Statistics 6, 65-70. Raises ValueError for a p outside [0, 1].
    """
    known = {name: value for name, value in p.items() if value is not None}
    for name, value in known.items():
        if not 0 <= value <= 1:
            raise ValueError(f"p of {name}: {value} is not between 0 and 1")
    adjusted: dict[Test, float | None] = dict.fromkeys(p)
    reached = 0.0
    for place, (name, value) in enumerate(sorted(known.items(), key=lambda test: test[1])):
        reached = min(max(reached, value * (len(known) - place)), 1.0)
        adjusted[name] = reached
    return adjusted


def adjusted_over_criteria(by_criterion: Mapping[Test, Rates]) -> dict[Test, Rates]:
    """One source's rates by criterion, with each matchup's sign tests adjusted for the number of criteria.

    Where topics are told apart, the keys are criterion and topic: each of them is one more chance.
    """
    labels = dict.fromkeys(label for found in by_criterion.values() for label in found.sign_test)
    p_holm = {
        label: holm({key: found.sign_test[label].p for key, found in by_criterion.items() if label in found.sign_test})
        for label in labels
    }
    return {
        key: replace(
            found,
            sign_test={label: replace(test, p_holm=p_holm[label][key]) for label, test in found.sign_test.items()},
        )
        for key, found in by_criterion.items()
    }
