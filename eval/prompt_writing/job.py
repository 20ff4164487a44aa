"""One set of test posts from what is wanted to its files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.asking.asking import Unfinished
from eval.asking.author import Costs
from eval.asking.job import Job as AskingJob
from eval.asking.request import Request, Sampling
from eval.asking.rounds import Rounds
from eval.asking.texts import TrainingTexts
from eval.asking.topics import Topic
from eval.pricing import Prices
from eval.prompt_writing.plan import Item, plan
from eval.prompt_writing.request import FORM, prompt_version, request_for
from eval.prompt_writing.selection import Selection
from eval.prompt_writing.set_files import target_of, write_set


@dataclass(frozen=True)
class Wanted:
    """What a set is to be."""

    out: Path
    topics: tuple[Topic, ...]
    per_topic: int
    sampling: Sampling
    against: tuple[Path, ...] = ()
    attempts: int = 5


class Job(AskingJob):
    """The making of one set of test posts."""

    def __init__(self, wanted: Wanted, prices: Prices) -> None:
        """Asks and writes nothing. Raises PPAIError for a target or a file of texts that cannot be used."""
        super().__init__(target_of(wanted.out), wanted.sampling, Costs(wanted.sampling.model, prices, FORM))
        self.wanted = wanted
        self._texts = TrainingTexts(wanted.against)
        self.compared_with = self._texts.count()
        self.rounds = self.from_kept()

    def from_kept(self) -> Rounds:
        wanted = self.wanted
        self._selection = Selection()

        def request(item: Item, attempt: int, complaint: str | None) -> Request:
            return request_for(item, wanted.sampling, attempt, complaint)

        items = plan(wanted.topics, wanted.per_topic, wanted.sampling.seed)
        return Rounds(items, self._selection, request, self.kept, wanted.attempts, self._texts)

    def check_target(self) -> None:
        target_of(self.wanted.out)

    def finish(self) -> None:
        """Writes the set and its record; the kept replies go with the end of `held`.

        Raises Unfinished, naming up to three posts and what was wrong with their last replies, where some are missing.
        """
        if missing := self.rounds.open_items:
            complaints, attempts = self._selection.complaints, self.wanted.attempts
            said = [f"{item.id} on {item.topic}: {complaints[item.id]}" for item in missing]
            raise Unfinished(
                f"{len(missing)} of {len(self.rounds.items)} posts could not be used in {attempts} attempts "
                f"(--attempts {attempts + 3} asks again): {'; '.join(said[:3])}"
            )
        write_set(self.target, self.rounds.items, self._selection.posts, self.record())
        self.kept.finish()

    def record(self) -> dict[str, Any]:
        """How the set was made. Costs are US dollars, null where a price was not known."""
        return {
            **self.took(prompt_version(), self.wanted.against),
            "topics": [asdict(topic) for topic in self.wanted.topics],
            "per_topic": self.wanted.per_topic,
            "posts": len(self.rounds.items),
        }
