"""Reads a model's reply as the JSON object that it should be, or says why it is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from eval.client.reply import Finish, Reply

MOST_NAMES = 20


def object_of(reply: Reply) -> Mapping[str, Any] | str:
    """The first JSON object of a reply, which may stand in a code fence or between words, or what is wrong with the
    reply, in words that follow "the reply"."""
    match reply.finish:
        case Finish.REFUSAL | Finish.CONTENT_FILTER:
            return "was refused"
        case Finish.LENGTH:
            return "was cut off at the limit of its length"
        case Finish.TOO_LONG:
            return "is missing: the request does not fit the model"
    text = reply.text.strip()
    if not text:
        return "was empty"
    start = text.find("{")
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start) if start >= 0 else (None, 0)
    except (json.JSONDecodeError, RecursionError):
        value = None
    return value if isinstance(value, dict) else "was not a JSON object"


def missing_key(values: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """What to say of the first key that is not there."""
    return next((f"had no {key}" for key in keys if key not in values), None)


def listed_names(names: Any) -> tuple[str, ...] | None:
    """The names that the model listed, each in one line and at most `MOST_NAMES`; None where it is no list of texts."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(" ".join(name.split())[:60] for name in names[:MOST_NAMES] if name.strip())
