"""Draws what each pair is to be like: the child's age, who asks and who replies, in which voice, and how long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from eval.asking.request import seed_of
from eval.asking.topics import Topic
from eval.prompt_writing.plan import spread_ages

ASKERS = (
    *("a mother", "a father") * 3,
    "a single mother",
    "a single father",
    "one of two mothers",
    "one of two fathers",
    "a step-parent",
    "an adoptive parent",
    "a foster parent",
    "a grandparent who is raising the child",
    "a parent who works nights",
    "a parent who moved here from another country",
    "a parent with a disability",
)
VOICES = ("weary", "funny", "blunt", "anxious", "rambling", "terse", "matter-of-fact", "embarrassed", "hopeful")
REPLIERS = (
    *("a mother", "a father") * 3,
    "a parent of twins",
    "a parent of four",
    "a single parent",
    "a parent whose children are nearly grown up",
    "a grandparent",
    "a step-parent",
    "a parent with one child of about the same age",
)
BEGINNINGS = (
    "in the middle of the story",
    "with the thing to try",
    "with what the writer did wrong at first",
    "with a detail of the writer's own child",
    "with one detail of the post",
    "with the age at which it happened in the writer's own family",
    "with what somebody else told the writer",
    "with a plain opinion",
)
ENDINGS = (
    "with how it turned out",
    "with a last practical hint",
    "with a wry remark",
    "with a word of encouragement",
    "with what is still not solved",
    "with the one thing that the writer would do again",
)


@dataclass(frozen=True)
class Limits:
    """Words, counted at white space; both ends are allowed."""

    fewest: int
    most: int

    def draw(self, random: Random) -> int:
        """A length somewhat inside the limits, so that one that is missed by a little still fits."""
        room = (self.most - self.fewest) // 8
        return random.randint(self.fewest + room, self.most - room)

    def fault(self, what: str, words: int) -> str | None:
        if self.fewest <= words <= self.most:
            return None
        return f"{what} has {words} words; {self.fewest} to {self.most} are wanted"


POST = Limits(30, 120)
RESPONSE = Limits(60, 150)


@dataclass(frozen=True)
class Item:
    """One pair that is wanted."""

    id: int
    """From 1 in the order of the topics."""
    name: str
    """As its row names it: `syn-<topic>-<number>`."""
    topic: str
    number: int
    """From 1 within the topic."""
    of: int
    """How many pairs the topic gets."""
    age: int
    """Of the child, in whole years."""
    asker: str
    voice: str
    replier: str
    beginning: str
    ending: str
    post_words: int
    response_words: int


def plan(
    topics: Sequence[Topic], count: int, seed: int, post: Limits = POST, response: Limits = RESPONSE
) -> list[Item]:
    """`count` items, as evenly over the topics as can be; the first topics get one more where it does not divide.

    What is drawn for a topic depends on its name, its number of pairs, the limits and the seed alone.
    """
    items: list[Item] = []
    width = max(2, len(str(-(-count // len(topics)))))
    for topic, slug, share in zip(topics, slugs(topics), _shares(count, len(topics)), strict=True):
        random = Random(seed_of(seed, "pairs", topic.name))
        for number, age in enumerate(spread_ages(topic, share, random), start=1):
            items.append(
                Item(
                    id=len(items) + 1,
                    name=f"syn-{slug}-{number:0{width}}",
                    topic=topic.name,
                    number=number,
                    of=share,
                    age=age,
                    asker=random.choice(ASKERS),
                    voice=random.choice(VOICES),
                    replier=random.choice(REPLIERS),
                    beginning=random.choice(BEGINNINGS),
                    ending=random.choice(ENDINGS),
                    post_words=post.draw(random),
                    response_words=response.draw(random),
                )
            )
    return items


def slugs(topics: Sequence[Topic]) -> list[str]:
    """A short name for each topic, no two alike."""
    found = [re.sub(r"[^a-z0-9]+", "-", topic.name.lower()).strip("-")[:40].rstrip("-") or "topic" for topic in topics]
    counts = Counter(found)
    return [slug if counts[slug] == 1 else f"{slug}-{place}" for place, slug in enumerate(found, start=1)]


def _shares(count: int, topics: int) -> list[int]:
    return [count // topics + (place < count % topics) for place in range(topics)]
