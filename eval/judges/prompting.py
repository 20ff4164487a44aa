"""What a judge is told: a template with places for the post, the two responses and the criteria, and its version."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.judges.base import Question
from ppai.errors import PPAIError
from ppai.schema import Criterion, StudyConfig

PROMPTS = Path(__file__).parents[1] / "prompts"
DEFAULT = PROMPTS / "judge_v1.txt"
OF_STUDY = "study"
"""Name of a prompt that stands in a study's `judge_prompt`."""

PLACEHOLDERS = ("post", "response_1", "response_2", "criteria")
OUTCOMES = ("Response 1", "Response 2", "Tie")
"""As the prompt and the schema spell them: side a, side b, neither."""
JUSTIFICATION = "justification"
"""The reply's key beside those of the criteria, as the prompt and the schema spell it."""

_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_PARTS = re.compile(r"^\[(system|user)\][ \t]*\n", re.MULTILINE)


class PromptFault(PPAIError):
    """A template that cannot be filled; `what` says why, without its name."""

    def __init__(self, name: str, what: str) -> None:
        self.what = what
        super().__init__(f"prompt {name}: {what}")


@dataclass(frozen=True)
class JudgePrompt:
    """A template, of the parts `[system]` and `[user]`, each under its heading; without headings all of it is user."""

    name: str
    text: str
    """As it was read, which the version is made from."""
    system: str
    user: str

    @classmethod
    def parse(cls, name: str, text: str, places: Sequence[str] = PLACEHOLDERS) -> JudgePrompt:
        """Raises PromptFault where a placeholder is missing, or is none of `places`."""
        _, *parts = _PARTS.split("[user]\n" + text if not _PARTS.search(text) else text)
        headings = parts[::2]
        if len(set(headings)) != len(headings) or "user" not in headings:
            raise PromptFault(name, "wants one part [user] and at most one [system]")
        found = dict(zip(headings, (part.strip() for part in parts[1::2]), strict=True))
        named = set(_PLACE.findall(found["user"])) | set(_PLACE.findall(found.get("system", "")))
        for place in places:
            if place not in named:
                raise PromptFault(name, f"the placeholder {{{place}}} is missing")
        for place in sorted(named - set(places)):
            raise PromptFault(name, f"{{{place}}} is none of the placeholders {', '.join(places)}")
        return cls(name, text, found.get("system", ""), found["user"])

    def version(self, criteria: Sequence[Criterion]) -> str:
        """`<name>-<8 hex>`, of the template and of all criteria of the study, whichever of them are asked."""
        asked = "".join(f"\0{criterion.key}\0{criterion.question}" for criterion in criteria)
        return f"{self.name}-{hashlib.sha256((self.text + asked).encode()).hexdigest()[:8]}"

    def filled(self, places: Mapping[str, str]) -> tuple[str, str]:
        """System and user text. Filled in one pass, so that a text that holds a placeholder stays as it is."""
        return _fill(self.system, places), _fill(self.user, places)


def _fill(template: str, places: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda match: places[match[1]], template)


def read_prompt(config: StudyConfig, path: Path | None = None) -> JudgePrompt:
    """The prompt in the file at `path`, else the study's own, else that of this package. Raises PPAIError."""
    if path is None and config.judge_prompt is not None:
        return JudgePrompt.parse(OF_STUDY, config.judge_prompt)
    file = path or DEFAULT
    return JudgePrompt.parse(file.stem, read_text(file))


def read_text(path: Path) -> str:
    """Raises PPAIError where there is no such file of UTF-8 text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PPAIError(f"--prompt: {path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def question_places(question: Question) -> dict[str, str]:
    """What stands in the places: nothing that tells the systems apart but the two texts."""
    listed = "\n".join(f"- {criterion.key}: {criterion.question}" for criterion in question.criteria)
    texts = {"post": question.prompt, "response_1": question.first, "response_2": question.second}
    return texts | {"criteria": listed}


def reply_schema(criteria: Sequence[Criterion]) -> dict[str, Any]:
    """Strict JSON Schema of the reply; the justification comes first, so that it is written before the outcomes."""
    outcome = {"type": "string", "enum": list(OUTCOMES)}
    properties = {JUSTIFICATION: {"type": "string"}} | {criterion.key: outcome for criterion in criteria}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
