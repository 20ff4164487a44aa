"""Pairs as a model would write them for `ppai synth`: what was asked for, in words that no two of them share."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from forum_posts import words
from openai_replies import Reply, raw, text
from openai_server import Asked

from eval.synthesis.pair import Pair


@dataclass(frozen=True)
class Ask:
    """What a request asks for."""

    topic: str
    number: int
    attempt: int
    """1, or 2 where it says what was wrong with an earlier pair."""


def ask_of(asked: Asked) -> Ask:
    topic = re.search(r"^Topic: (.+)$", asked.user, re.M)
    number = re.search(r"^This is pair (\d+) of ", asked.user, re.M)
    assert topic and number, asked.user
    return Ask(topic[1], int(number[1]), 2 if "could not be used" in asked.user else 1)


def pair_for(ask: Ask, **changed: Any) -> dict[str, Any]:
    """A good pair; keys of `changed` take the place of its own, and those that are None are left out."""
    pair = {
        "title": words(4, ask, "title").capitalize(),
        "body": f"Our son is 4. {words(40, ask, 'body')}. What would you do?",
        "response": f"{words(70, ask, 'response').capitalize()}.",
        "names": [],
    } | changed
    return {key: value for key, value in pair.items() if value is not None}


def good_pair(*seed: object, **changed: str) -> Pair:
    values = pair_for(Ask(repr(seed), 1, 1), **changed)
    return Pair(values["title"], values["body"], values["response"])


def good(asked: Asked) -> Reply:
    return moderated(asked) if asked.path == "/v1/moderations" else pair_reply(ask_of(asked))


def pair_reply(ask: Ask, **changed: Any) -> Reply:
    return text(json.dumps(pair_for(ask, **changed)))


def moderated(asked: Asked, *flagged: str) -> Reply:
    """What OpenAI's moderation endpoint says; flagged in these categories."""
    categories = dict.fromkeys(("violence", "self-harm"), False) | dict.fromkeys(flagged, True)
    result = {"flagged": bool(flagged), "categories": categories, "category_scores": {}}
    return raw(json.dumps({"id": "modr-1", "model": "moderation-1", "results": [result]}))
