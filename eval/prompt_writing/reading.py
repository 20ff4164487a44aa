"""Reads a model's reply as a test post, or says why it is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eval.asking.reading import listed_names, missing_key, object_of
from eval.client.reply import Reply
from eval.prompt_writing.checking import Post
from ppai.studyfiles.lines import storable


def read_post(reply: Reply) -> Post | str:
    """The post, or what is wrong with the reply, in words that follow "the reply"."""
    values = object_of(reply)
    return values if isinstance(values, str) else _post(values)


def _post(values: Mapping[str, Any]) -> Post | str:
    if missing := missing_key(values, ("title", "body", "child_age", "names")):
        return missing
    title, body, age, names = values["title"], values["body"], values["child_age"], listed_names(values["names"])
    if not isinstance(title, str) or not isinstance(body, str):
        return "had a title or a body that is no text"
    if not storable(title + body):
        return "had characters that cannot be stored"
    if type(age) is not int:
        return "had a child_age that is no whole number"
    if names is None:
        return "had names that are no list of texts"
    return Post(" ".join(title.split()), body.strip(), age, names)
