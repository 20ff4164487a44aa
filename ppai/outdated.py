"""Whether a verdict was given on other texts than a study has now."""

from __future__ import annotations

from ppai.digest import texts_digest
from ppai.plain import flatten
from ppai.schema import Arm, Study


class TextsNow:
    """The digests of a study's pairs as they would be shown now, each made when it is first asked for."""

    def __init__(self, study: Study) -> None:
        self._posts = {prompt.id: prompt.text for prompt in study.prompts}
        self._responses = {(response.prompt_id, response.system): response.text for response in study.responses}
        self._known: dict[tuple[str, str, str, str], str | None] = {}

    def differ(self, prompt: str, first: str, second: str, arm: str, texts: str | None) -> bool:
        """Whether a verdict's digest is not that of the pair; False where either is not known."""
        if texts is None:
            return False
        pair = (prompt, first, second, arm)
        if pair not in self._known:
            self._known[pair] = self._digest(*pair)
        return self._known[pair] not in (None, texts)

    def _digest(self, prompt: str, first: str, second: str, arm: str) -> str | None:
        post = self._posts.get(prompt)
        one, two = self._responses.get((prompt, first)), self._responses.get((prompt, second))
        if post is None or one is None or two is None:
            return None
        return texts_digest(post, *(map(flatten, (one, two)) if arm == Arm.PLAIN.value else (one, two)))
