"""Reads a model's reply as a test post, or says why it is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from eval.client.reply import Finish, Reply
from eval.prompt_writing.checking import Post
from ppai.studyfiles.lines import storable

MOST_NAMES = 20


def read_post(reply: Reply) -> Post | str:
    """The post, or what is wrong with the reply, in words that follow "the reply"."""
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
    values = _object_in(text)
    return "was not a JSON object" if values is None else _post(values)


def _object_in(text: str) -> Mapping[str, Any] | None:
    """The first JSON object in a text, which may stand in a code fence or between words."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start)
    except (json.JSONDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _post(values: Mapping[str, Any]) -> Post | str:
    for key in ("title", "body", "child_age", "names"):
        if key not in values:
            return f"had no {key}"
    title, body, age, names = values["title"], values["body"], values["child_age"], values["names"]
    if not isinstance(title, str) or not isinstance(body, str):
        return "had a title or a body that is no text"
    if not storable(title + body):
        return "had characters that cannot be stored"
    if type(age) is not int:
        return "had a child_age that is no whole number"
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return "had names that are no list of texts"
    listed = tuple(" ".join(name.split())[:60] for name in names[:MOST_NAMES] if name.strip())
    return Post(" ".join(title.split()), body.strip(), age, listed)
