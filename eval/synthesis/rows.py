"""The rows of a set of pairs: the columns of the shipped set, and how each pair was made."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.synthesis.pair import Pair
from eval.synthesis.plan import Item

SYSTEM = Path(__file__).parents[1] / "prompts" / "generate_fellow_parent_v1.txt"
"""What a model that learns from the pairs is told, in training and when it is asked."""


def row(item: Item, pair: Pair, split: str, made: dict[str, Any]) -> dict[str, Any]:
    """One line of the file."""
    return {
        "id": item.name,
        "topic": item.topic,
        "split": split,
        "title": pair.title,
        "body": pair.body,
        "response": pair.response,
        "messages": messages(pair),
        "made": made,
    }


def messages(pair: Pair) -> list[dict[str, str]]:
    """The pair as a conversation; the post has the form of the test prompts."""
    system = SYSTEM.read_text(encoding="utf-8").strip()
    said = (("system", system), ("user", pair.post), ("assistant", pair.response))
    return [{"role": role, "content": content} for role, content in said]


def validation_ids(items: Sequence[Item], share: float, seed: int) -> set[int]:
    """Ids of the pairs that are kept for validation: `share` of them, rounded, drawn with `seed`.

    The topics are gone through in a random order, a pair each, so that they are spread; none loses its last pair.
    """
    drawn = random.Random(seed)
    topics: dict[str, list[int]] = {}
    for item in items:
        topics.setdefault(item.topic, []).append(item.id)
    for ids in topics.values():
        drawn.shuffle(ids)
    order = list(topics.values())
    drawn.shuffle(order)
    deepest = max((len(ids) for ids in order), default=1)
    in_turn = [ids[place] for place in range(deepest) for ids in order if place < len(ids) - 1]
    return set(in_turn[: round(share * len(items))])
