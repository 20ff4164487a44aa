"""Tells which post and which two responses a request to a judge shows, from the texts of the study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from openai_server import Asked

from ppai.plain import flatten
from ppai.schema import Outcome, Study


@dataclass(frozen=True)
class Shown:
    prompt_id: str
    first: str
    """System of Response 1."""
    second: str


WORDS = {Outcome.A: "Response 1", Outcome.B: "Response 2", Outcome.TIE: "Tie"}
"""What a judge replies for an outcome in the order that was shown."""


class ShownPairs:
    """Looks requests up; the texts of a study's two responses to a prompt must differ, and none may hold the other."""

    def __init__(self, study: Study) -> None:
        self._posts = {prompt.id: prompt.text.strip() for prompt in study.prompts}
        self._texts: dict[str, dict[str, tuple[str, ...]]] = {}
        for response in study.responses:
            texts = (response.text.strip(), flatten(response.text).strip())
            self._texts.setdefault(response.prompt_id, {})[response.system] = texts

    def find(self, asked: Asked) -> Shown:
        """Raises LookupError where the request shows no pair of the study."""
        for prompt, post in self._posts.items():
            if post in asked.user:
                places = self._places(prompt, asked.user)
                if len(places) == 2:
                    first, second = sorted(places, key=lambda system: places[system])
                    return Shown(prompt, first, second)
        raise LookupError(f"no pair of the study is shown: {asked.user[:200]!r}")

    def _places(self, prompt: str, user: str) -> Mapping[str, int]:
        found = {
            system: max(user.find(text) for text in texts) for system, texts in self._texts.get(prompt, {}).items()
        }
        return {system: place for system, place in found.items() if place >= 0}
