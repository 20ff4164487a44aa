"""One set of pairs from what is wanted to its files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eval.asking.asking import Asking, Author, Unfinished
from eval.asking.author import ModelAuthor
from eval.asking.job import Job as AskingJob
from eval.asking.request import Request, Sampling
from eval.asking.rounds import Rounds
from eval.asking.texts import TrainingTexts
from eval.asking.topics import Topic
from eval.client import ModelClient
from eval.pricing import Prices
from eval.synthesis.moderation import ModeratingAuthor, ModeratingCosts, ModeratingRounds, check_endpoint, flagged
from eval.synthesis.pair import Pair
from eval.synthesis.plan import Item, plan
from eval.synthesis.request import PROMPT, form_of, request_for
from eval.synthesis.rows import row, validation_ids
from eval.synthesis.safety import RULES
from eval.synthesis.selection import Bounds, Selection
from ppai.errors import PPAIError
from ppai.studyfiles.published_names import prompt_files
from ppai.studyfiles.whole_files import write_whole

SHIPPED = Path(__file__).parents[2] / "data_to_share"
"""The shipped study, where a checkout has it: no pair may repeat one of its test prompts."""
RECORD_SUFFIX = "_made.json"


@dataclass(frozen=True)
class Wanted:
    """What a set is to be."""

    out: Path
    topics: tuple[Topic, ...]
    count: int
    sampling: Sampling
    bounds: Bounds = field(default_factory=Bounds)
    against: tuple[Path, ...] = ()
    attempts: int = 5
    validation: float = 0.1
    moderation: bool = False
    incomplete: bool = False
    """Whether to write what there is where some pairs could not be used."""


class Job(AskingJob):
    """The making of one set of pairs."""

    def __init__(self, wanted: Wanted, prices: Prices) -> None:
        """Asks and writes nothing. Raises PPAIError for a target or a file of texts that cannot be used."""
        self.wanted = wanted
        self.form = form_of(wanted.bounds.post, wanted.bounds.response)
        super().__init__(wanted.out, wanted.sampling, ModeratingCosts(wanted.sampling.model, prices, self.form))
        self.check_target()
        self.shipped = prompt_files(SHIPPED) if SHIPPED.is_dir() else []
        self._texts = TrainingTexts([*self.shipped, *wanted.against], answers=True)
        self.compared_with = self._texts.count()
        self.rounds = self.from_kept()

    def check_target(self) -> None:
        out = self.wanted.out
        if out.suffix != ".jsonl":
            raise PPAIError(f"--out: {out.name} must end in .jsonl")
        for path in (out, self._record_file):
            if path.exists():
                raise PPAIError(f"--out: {path} stands already; remove it or choose another name")
        if (parent := next((one for one in out.parents if one.exists()), None)) and not parent.is_dir():
            raise PPAIError(f"--out: {parent} is no directory")

    @property
    def _record_file(self) -> Path:
        return self.wanted.out.with_name(self.wanted.out.stem + RECORD_SUFFIX)

    def from_kept(self) -> Rounds:
        wanted, bounds = self.wanted, self.wanted.bounds

        def request(item: Item, attempt: int, complaint: str | None) -> Request:
            return request_for(item, wanted.sampling, bounds.post, bounds.response, attempt, complaint)

        def moderated(pair: Pair) -> str | None:
            return flagged(self.kept, pair) if wanted.moderation else None

        self.selection = Selection(bounds, moderated)
        items = plan(wanted.topics, wanted.count, wanted.sampling.seed, bounds.post, bounds.response)
        kind = ModeratingRounds if wanted.moderation else Rounds
        return kind(items, self.selection, request, self.kept, wanted.attempts, self._texts)

    def author(self, client: ModelClient) -> Author:
        kind = ModeratingAuthor if self.wanted.moderation else ModelAuthor
        return kind(client, self.sampling, self.costs)

    async def run(
        self, client: ModelClient, *, concurrency: int, max_cost: float | None, came: Callable[[Asking], None]
    ) -> None:
        if self.wanted.moderation:
            try:
                await check_endpoint(client)
            except BaseException:
                await client.close()
                raise
        await super().run(client, concurrency=concurrency, max_cost=max_cost, came=came)

    def finish(self) -> int:
        """Writes the set and its record, and says how many pairs; the kept replies go with the end of `held`.

        Raises Unfinished, naming up to three pairs and what was wrong with their last outputs, where some are missing.
        """
        if (missing := self.rounds.open_items) and not (self.wanted.incomplete and self.selection.pairs):
            raise Unfinished(self._missing(missing))
        lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in self._rows()]
        made = json.dumps(self.record(), ensure_ascii=False, indent=2) + "\n"
        self.check_target()
        write_whole(self.target.parent, {self._record_file.name: made, self.target.name: "".join(lines)})
        self.kept.finish()
        return len(lines)

    def _missing(self, missing: list[Item]) -> str:
        attempts, there = self.wanted.attempts, len(self.selection.pairs)
        said = [f"{item.name}: {self.selection.complaints[item.id]}" for item in missing[:3]]
        ways = f"--attempts {attempts + 3} asks again"
        if there:
            ways += f", --incomplete writes the other {there}"
        count = f"{len(missing)} of {len(self.rounds.items)} pairs"
        return f"{count} could not be used in {attempts} attempts ({ways}): {'; '.join(said)}"

    def _rows(self) -> Iterator[dict[str, Any]]:
        items = [item for item in self.rounds.items if item.id in self.selection.pairs]
        held = validation_ids(items, self.wanted.validation, self.sampling.seed)
        asked: dict[int, list[Request]] = {}
        for request in self.rounds.used:
            asked.setdefault(request.id, []).append(request)
        for item in items:
            split = "validation" if item.id in held else "train"
            yield row(item, self.selection.pairs[item.id], split, self._made(asked[item.id]))

    def _made(self, requests: list[Request]) -> dict[str, Any]:
        """How one pair was made: the outputs that were rejected count in what it took."""
        replies = [self.kept[request.key] for request in requests]
        costs = [self.kept.cost(request.key) for request in requests]
        return {
            "model": replies[-1].model or self.sampling.model,
            "prompt_version": PROMPT.version,
            "attempts": len(requests),
            "input_tokens": sum(reply.input_tokens or 0 for reply in replies),
            "output_tokens": sum(reply.output_tokens or 0 for reply in replies),
            "cost_usd": None if None in costs else sum(cost for cost in costs if cost is not None),
        }

    def record(self) -> dict[str, Any]:
        """How the set was made. Costs are US dollars, null where a price was not known."""
        wanted = self.wanted
        return {
            **self.took(PROMPT.version, [*self.shipped, *wanted.against]),
            "topics": [topic.name for topic in wanted.topics],
            "wanted": wanted.count,
            "pairs": len(self.selection.pairs),
            "validation": wanted.validation,
            "bounds": asdict(wanted.bounds),
            "safety_rules": RULES.stem,
            "moderation": wanted.moderation,
            "rejected": dict(self.selection.rejected.most_common()),
        }

    def funnel(self) -> list[str]:
        """Lines that say what became of the outputs: how many, how many were taken, and why the others were not."""
        rejected = self.selection.rejected
        outputs = len(self.rounds.used)
        lines = [f"{outputs:,} outputs: {len(self.selection.pairs):,} pairs taken, {rejected.total():,} rejected"]
        return lines + [f"  {count:>5,}  {kind}" for kind, count in rejected.most_common()]
