"""Posts as a model would write them for `ppai prompts`: what was asked for, in words that no two of them share."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openai_replies import Reply, text
from openai_server import Asked

SYLLABLES = ["ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "wo", "xu", "ya", "ze"]


@dataclass(frozen=True)
class Ask:
    """What a request asks for."""

    topic: str
    number: int
    age: int
    again: bool
    """Whether it says what was wrong with an earlier post."""


def ask_of(asked: Asked) -> Ask:
    topic = re.search(r"^Topic: (.+)$", asked.user, re.M)
    number = re.search(r"^This is post (\d+) ", asked.user, re.M)
    age = re.search(r"^The child is (?:(\d+) year|younger)", asked.user, re.M)
    assert topic and number and age, asked.user
    return Ask(topic[1], int(number[1]), int(age[1] or 0), "could not be used" in asked.user)


def words(count: int, *seed: object) -> str:
    drawn = random.Random(repr(seed))
    return " ".join("".join(drawn.choices(SYLLABLES, k=4)) for _ in range(count))


def post_for(ask: Ask, **changed: Any) -> dict[str, Any]:
    """A good post; keys of `changed` take the place of its own, and those that are None are left out."""
    said = f"Our child is {ask.age} years old." if ask.age else "Our baby is new here."
    post = {
        "title": words(4, ask, "title").capitalize(),
        "body": f"{said} {words(40, ask)}. What would you do?",
        "child_age": ask.age,
        "names": [],
    } | changed
    return {key: value for key, value in post.items() if value is not None}


def good(asked: Asked) -> Reply:
    return reply_with(post_for(ask_of(asked)))


def reply_with(post: Mapping[str, Any]) -> Reply:
    return text(json.dumps(post))
