"""What a scoring holds: digests by which a later change of its texts is known, and the figures of a description."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from ppai.plain import flatten
from ppai.schema import Arm, Scores, Study

LENGTH = 16
"""Hex digits of a digest that are kept."""

DESCRIPTION_FIGURES = (
    "words",
    "sentences",
    "characters",
    "list_share",
    "reading_grade",
    "first_person_share",
    "second_person_share",
    "questions",
    "exclamation_marks",
    "distinct_2",
    "self_repetition",
)
"""What a description of responses says of each, in the order of its rows."""


def scored_texts(study: Study, arm: Arm) -> str:
    """Digest of the ids and texts of all responses as shown in the arm, in whatever order the study has them."""
    plain = arm is Arm.PLAIN
    return _digest((one.prompt_id, one.system, flatten(one.text) if plain else one.text) for one in study.responses)


def references_digest(answers: Mapping[str, Sequence[str]]) -> str:
    """Digest of the answers by prompt id; the order of a prompt's several answers says nothing."""
    return _digest((prompt, *sorted(texts)) for prompt, texts in answers.items())


def is_stale(scores: Scores, study: Study) -> bool:
    """Whether the study's responses are others than those scored; never where the scoring does not say which."""
    return scores.texts is not None and scores.texts != scored_texts(study, scores.arm)


def _digest(rows: Iterable[tuple[str, ...]]) -> str:
    text = json.dumps(sorted(rows), ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
