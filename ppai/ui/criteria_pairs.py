"""Every two criteria of a study, and what a Summary has of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppai.ui.labels import Labels, decimal

Json = Mapping[str, Any]
Pair = tuple[str, str]


def pairs_of(labels: Labels) -> list[Pair]:
    """Every two criteria in the study's order."""
    keys = list(labels.criteria)
    return [(one, other) for place, one in enumerate(keys) for other in keys[place + 1 :]]


def pair_of(one: Json, x: str, y: str) -> Json | None:
    found: Json | None = one.get(f"{x}|{y}")
    return found


def correlation_words(pair: Json) -> str:
    """`0.71 [0.65, 0.77]`; nothing where there is none."""
    return "" if pair["correlation"] is None else decimal(pair["correlation_interval"])
