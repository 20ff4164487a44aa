"""Draws what each test post is to be like: child's age, who asks, and length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from eval.asking.request import seed_of
from eval.asking.topics import Topic

WORDS = (60, 90, 130, 180, 260)
ASKERS = ("a mother", "a father", "a single parent", "a step-parent", "a grandparent who is raising the child")
ASKER_WEIGHTS = (5, 5, 2, 1, 1)


@dataclass(frozen=True)
class Item:
    """One post that is wanted."""

    id: int
    """From 1 in the order of the topics, as in the published set: the same topics, number and seed, the same post."""
    topic: str
    number: int
    """From 1 within the topic."""
    of: int
    """How many posts the topic gets."""
    age: int
    """Of the child, in whole years."""
    asker: str
    words: int
    """About how long."""


def plan(topics: Sequence[Topic], per_topic: int, seed: int) -> tuple[Item, ...]:
    """`per_topic` items for each topic.

    A topic's ages are spread: its range is cut into `per_topic` equal parts, and one age is drawn from each.
    What is drawn for a topic depends on its name, `per_topic` and the seed, not on the other topics.
    """
    items: list[Item] = []
    for topic in topics:
        random = Random(seed_of(seed, topic.name))
        for number, age in enumerate(spread_ages(topic, per_topic, random), start=1):
            asker = random.choices(ASKERS, ASKER_WEIGHTS)[0]
            items.append(Item(len(items) + 1, topic.name, number, per_topic, age, asker, random.choice(WORDS)))
    return tuple(items)


def spread_ages(topic: Topic, count: int, random: Random) -> list[int]:
    """`count` ages in random order: the topic's range is cut into as many equal parts, one is drawn from each."""
    span = topic.oldest + 1 - topic.youngest
    ages = [topic.youngest + int(span * (part + random.random()) / count) for part in range(count)]
    random.shuffle(ages)
    return ages
