"""Which pairs a study compares: all, those with the reference, or those that a file names."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from ppai.schema import Pair, Prompt, Response, StudyConfig


def study_pairs(config: StudyConfig, prompts: Iterable[Prompt], responses: Iterable[Response]) -> tuple[Pair, ...]:
    """Pairs of systems that both answered a prompt, in the order of the prompts and of `config.systems`.

    All of them, or with `pairs: reference` those that contain the reference.
    """
    answered = {(response.prompt_id, response.system) for response in responses}
    couples = list(combinations(config.system_ids, 2))
    if config.pairs == "reference":
        couples = [couple for couple in couples if config.reference_id in couple]
    return tuple(
        Pair(prompt_id=prompt.id, first=first, second=second)
        for prompt in prompts
        for first, second in couples
        if (prompt.id, first) in answered and (prompt.id, second) in answered
    )


def ordered_pair(config: StudyConfig, prompt_id: str, one: str, other: str) -> Pair:
    """A pair with its systems in the order of the study's."""
    order = {system: place for place, system in enumerate(config.system_ids)}
    first, second = sorted((one, other), key=order.__getitem__)
    return Pair(prompt_id=prompt_id, first=first, second=second)
