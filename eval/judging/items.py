"""One thing to ask a judge: a pair in one order, arm and sample, with the key that tells whether it was asked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from eval.judges.base import Judge, Question
from ppai.schema import Arm, Criterion, Verdict


@dataclass(frozen=True)
class Item:
    """A pair of texts as one judge is shown it."""

    key: str
    """64 hexadecimal digits; see `item_key`."""
    judge: str
    prompt_id: str
    system_a: str
    """Shown first."""
    system_b: str
    arm: Arm
    sample: int
    prompt: str
    first: str
    second: str
    criteria: tuple[Criterion, ...]
    """To be asked: of those that were chosen, the ones that `before` does not answer."""
    before: Verdict | None = None
    """What the judge said of this item earlier, on other criteria."""

    @property
    def question(self) -> Question:
        return Question(self.prompt, self.first, self.second, self.criteria, seed=int(self.key[:8], 16) >> 1)


def item_key(
    judge: Judge, prompt_id: str, systems: tuple[str, str], texts: tuple[str, str, str], arm: Arm, sample: int
) -> str:
    """The key of a finished item: SHA-256 over all that an answer may depend on, and what it is an answer about.

    `systems` are in the order in which they are shown; `texts` are the post and the two responses as shown. The
    criteria are in it through the prompt's version, which is over all of the study's, whichever are asked.
    """
    told = [judge.name, judge.model, judge.prompt_version, prompt_id, *systems, *texts, arm.value, sample]
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()
