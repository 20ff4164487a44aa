"""What a study shows, read once and rendered once: its texts by pair, arm and side, without any identity."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ppai.plain import flatten
from ppai.schema import DEFAULT_CRITERIA, Arm, Assignment, Pair, Prompt, Study
from ppai.ui.render import markdown_html, plain_html
from ppai.ui.session import Frame, Question, minutes

_DEFAULT_QUESTIONS = {criterion.key: criterion.question for criterion in DEFAULT_CRITERIA}


class Content:
    """A study's texts in memory. `pairs` maps the store's pair ids to pairs."""

    def __init__(self, study: Study, pairs: Mapping[int, Pair]) -> None:
        self.config = study.config
        self.pairs = dict(pairs)
        self.prompts: dict[str, Prompt] = {prompt.id: prompt for prompt in study.prompts}
        self.texts = {(response.prompt_id, response.system): response.text for response in study.responses}
        self._html = lru_cache(maxsize=4096)(self._render)

    def frame(self, votes_may_be_lost: bool) -> Frame:
        by_key = {criterion.key: criterion.question for criterion in self.config.criteria}
        questions = tuple(
            Question(
                key=key,
                question=None if _DEFAULT_QUESTIONS.get(key) == by_key[key] else by_key[key],
                required=key in self.config.required_keys,
            )
            for key in self.config.keys
        )
        return Frame(
            questions=questions,
            session_pairs=self.config.session_pairs,
            minutes=minutes(len(questions), self.config.session_pairs),
            description=self.config.description,
            votes_may_be_lost=votes_may_be_lost,
        )

    def post(self, prompt_id: str) -> dict[str, str]:
        """Title, topic and body of a prompt as the browser shows them."""
        prompt = self.prompts[prompt_id]
        body = prompt.body if prompt.title and prompt.body else prompt.text
        title = prompt.title if prompt.body else None
        return {"title": title or "", "topic": prompt.topic or "", "body": plain_html(body)}

    def responses(self, entry: Assignment) -> dict[str, str]:
        """The two responses as the browser shows them, by side."""
        return {
            "a": self._html(entry.prompt_id, entry.system_a, entry.arm),
            "b": self._html(entry.prompt_id, entry.system_b, entry.arm),
        }

    def _render(self, prompt_id: str, system: str, arm: Arm) -> str:
        text = self.texts[(prompt_id, system)]
        return plain_html(flatten(text)) if arm is Arm.PLAIN else markdown_html(text)
