"""A pair of a post and a fellow parent's reply, read from what a model wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass

from eval.asking.reading import listed_names, missing_key, object_of
from eval.client.reply import Reply
from eval.synthesis.request import PROPERTIES
from ppai.studyfiles.lines import storable

_BREAKS = re.compile(r"[ \t]*\n(?:[ \t]*\n)+[ \t]*")


@dataclass(frozen=True)
class Pair:
    """One post and one response."""

    title: str
    body: str
    response: str
    names: tuple[str, ...] = ()
    """Real people and products in it, as its author listed them."""

    @property
    def post(self) -> str:
        """Title and body, in the form of the test prompts."""
        return f"{self.title} - {self.body}"

    @property
    def text(self) -> str:
        return f"{self.post}\n\n{self.response}"


def read_pair(reply: Reply) -> Pair | str:
    """The pair, or what is wrong with a model's output, in words that follow "the output"."""
    values = object_of(reply)
    if isinstance(values, str):
        return values
    if missing := missing_key(values, PROPERTIES):
        return missing
    texts, names = [values[key] for key in PROPERTIES[:3]], listed_names(values["names"])
    for key, text in zip(PROPERTIES, texts, strict=False):
        if not isinstance(text, str) or not text.strip():
            return f"had a {key} that is {'empty' if isinstance(text, str) else 'no text'}"
    if names is None:
        return "had names that are no list of texts"
    title, body, response = texts
    if not storable(title + body + response):
        return "had characters that cannot be stored"
    return Pair(" ".join(title.split()), _paragraphs(body), _paragraphs(response), names)


def _paragraphs(text: str) -> str:
    """Without white space around it, and one empty line between paragraphs."""
    return _BREAKS.sub("\n\n", text.replace("\r\n", "\n").strip())
