"""What there is to ask: a study's pairs, in the chosen orders, arm, samples, prompts and criteria."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property, lru_cache

from eval.judges.base import Judge
from eval.judging.items import Item, item_key
from ppai.errors import PPAIError
from ppai.plain import flatten
from ppai.schema import Arm, Criterion, Pair, Study

NAMED = 3
"""How many unknown names an error lists."""

_flat = lru_cache(maxsize=4096)(flatten)


class Order(StrEnum):
    """In which orders a pair is shown: as the study has its systems, swapped, or both."""

    BOTH = "both"
    FIRST = "first"
    SWAPPED = "swapped"


@dataclass(frozen=True)
class Plan:
    """A selection of what can be asked about a study; made by `plan`, which checks it."""

    study: Study
    criteria: tuple[Criterion, ...]
    """In the order of the study's, the overall one last."""
    pairs: tuple[Pair, ...]
    order: Order = Order.BOTH
    arm: Arm = Arm.AS_IS
    samples: int = 1

    def __len__(self) -> int:
        """How many items each judge has."""
        return len(self.pairs) * self.samples * (2 if self.order is Order.BOTH else 1)

    def items(self, judge: Judge) -> Iterator[Item]:
        """Every item of a judge, made as it is needed; both orders of a pair stand together."""
        for sample in range(self.samples):
            for pair in self.pairs:
                if self.order is not Order.SWAPPED:
                    yield self._item(judge, pair.prompt_id, (pair.first, pair.second), sample)
                if self.order is not Order.FIRST:
                    yield self._item(judge, pair.prompt_id, (pair.second, pair.first), sample)

    def _item(self, judge: Judge, prompt_id: str, systems: tuple[str, str], sample: int) -> Item:
        first, second = (self._shown(prompt_id, system) for system in systems)
        texts = (self._posts[prompt_id], first, second)
        key = item_key(judge, prompt_id, systems, texts, self.arm, sample)
        return Item(key, judge.name, prompt_id, *systems, self.arm, sample, *texts, self.criteria)

    def _shown(self, prompt_id: str, system: str) -> str:
        text = self._texts[prompt_id, system]
        return _flat(text) if self.arm is Arm.PLAIN else text

    @cached_property
    def _posts(self) -> dict[str, str]:
        return {prompt.id: prompt.text for prompt in self.study.prompts}

    @cached_property
    def _texts(self) -> dict[tuple[str, str], str]:
        return {(response.prompt_id, response.system): response.text for response in self.study.responses}


def plan(
    study: Study,
    *,
    criteria: Sequence[str] | None = None,
    prompts: Collection[str] | None = None,
    order: Order = Order.BOTH,
    arm: Arm = Arm.AS_IS,
    samples: int = 1,
) -> Plan:
    """What there is to ask about the study's pairs whose two responses exist; all of it where nothing is chosen.

    Raises PPAIError where a criterion or a prompt is not the study's, or nothing is left to ask.
    """
    by_key = {criterion.key: criterion for criterion in study.config.criteria}
    _known("--criteria", criteria or (), by_key, "one of the study's criteria", list(by_key))
    _known("--prompts", prompts or (), {prompt.id for prompt in study.prompts}, "the id of a prompt of the study")
    if arm is Arm.LIVE:
        raise PPAIError("--arm: a judge is shown responses as_is or plain")
    if samples < 1:
        raise PPAIError(f"--samples must be at least 1, not {samples}")
    chosen = [key for key in study.config.keys if criteria is None or key in criteria]
    made = Plan(study, tuple(by_key[key] for key in chosen), study.pairs, order, arm, samples)
    pairs = tuple(
        pair
        for pair in study.pairs
        if (prompts is None or pair.prompt_id in prompts)
        and {(pair.prompt_id, pair.first), (pair.prompt_id, pair.second)} <= made._texts.keys()
    )
    if not pairs or not chosen:
        raise PPAIError(f"study {study.name!r} has no pair to judge" + (" among these prompts" if prompts else ""))
    return replace(made, pairs=pairs)


def _known(option: str, given: Collection[str], known: Collection[str], what: str, listed: Sequence[str] = ()) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        named = ", ".join(map(repr, unknown[:NAMED])) + (", ..." if len(unknown) > NAMED else "")
        among = f": {', '.join(listed)}" if listed else ""
        raise PPAIError(f"{option}: {named} {'is' if len(unknown) == 1 else 'are each'} not {what}{among}")
