"""One set of test posts from what is wanted to its files: what is left to ask, asking, and writing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.client import ModelClient
from eval.judges.base import Usage
from eval.pricing import Prices
from eval.prompt_writing.author import Costs, ModelAuthor
from eval.prompt_writing.plan import plan
from eval.prompt_writing.replies import KeptReplies
from eval.prompt_writing.request import Sampling, prompt_version
from eval.prompt_writing.set_files import partial_of, target_of, write_set
from eval.prompt_writing.topics import Topic
from eval.prompt_writing.training import TrainingTexts
from eval.prompt_writing.writing import Asking, Unfinished, Writing
from ppai.overlap import LIMIT


@dataclass(frozen=True)
class Wanted:
    """What a set is to be."""

    out: Path
    topics: tuple[Topic, ...]
    per_topic: int
    sampling: Sampling
    against: tuple[Path, ...] = ()
    attempts: int = 5


class Job:
    """The making of one set; a later job for the same goes on from the replies that an earlier one kept."""

    def __init__(self, wanted: Wanted, prices: Prices) -> None:
        """Asks and writes nothing. Raises PPAIError for a target or a file of texts that cannot be used."""
        self.wanted = wanted
        self.target = target_of(wanted.out)
        self.kept = KeptReplies(partial_of(self.target))
        self.costs = Costs(wanted.sampling.model, prices)
        texts = TrainingTexts(wanted.against)
        self.compared_with = texts.count()
        """Texts that no post may repeat."""
        self._texts = texts
        self.writing = self._from_kept()

    def _from_kept(self) -> Writing:
        wanted = self.wanted
        items = plan(wanted.topics, wanted.per_topic, wanted.sampling.seed)
        return Writing(items, wanted.sampling, self.kept, wanted.attempts, self._texts)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other runs from this set, and starts from what they left; `run` and `finish` belong within.

        Raises PPAIError where another run is making the set, or has made it by now.
        """
        with self.kept:
            target_of(self.wanted.out)
            self.writing = self._from_kept()
            yield

    def estimate(self) -> tuple[int, Usage]:
        """How many requests are left if no further reply is refused, and what they will take together."""
        left = [self.costs.estimate(request) for request in self.writing.missing()]
        cost = None if any(one.cost_usd is None for one in left) else sum(one.cost_usd or 0.0 for one in left)
        return len(left), Usage(sum(one.input_tokens for one in left), 0, sum(one.output_tokens for one in left), cost)

    async def run(
        self, client: ModelClient, *, concurrency: int, max_cost: float | None, came: Callable[[Asking], None]
    ) -> None:
        """Asks for what is left, and closes the client; `came` is called after each reply. Raises what `write` does."""
        author = ModelAuthor(client, self.wanted.sampling, self.costs)
        asking = Asking(author, self.kept, concurrency=concurrency, max_cost=max_cost, came=lambda: came(asking))
        try:
            await asking.write(self.writing)
        finally:
            await author.close()

    def finish(self) -> None:
        """Writes the set and its record; the kept replies go with the end of `held`.

        Raises Unfinished, naming up to three posts and what was wrong with their last replies, where some are missing.
        """
        if missing := self.writing.open_items:
            complaints, attempts = self.writing.selection.complaints, self.wanted.attempts
            said = [f"{item.id} on {item.topic}: {complaints[item.id]}" for item in missing]
            raise Unfinished(
                f"{len(missing)} of {len(self.writing.items)} posts could not be used in {attempts} attempts "
                f"(--attempts {attempts + 3} asks again): {'; '.join(said[:3])}"
            )
        write_set(self.target, self.writing.items, self.writing.selection.posts, self.record())
        self.kept.finish()

    def record(self) -> dict[str, Any]:
        """How the set was made. Costs are US dollars, null where a price was not known."""
        replies = [self.kept[request.key] for request in self.writing.used]
        return {
            **asdict(self.wanted.sampling),
            "prompt_version": prompt_version(),
            "answered_by": _distinct([reply.model for reply in replies]),
            "fingerprints": _distinct([reply.fingerprint for reply in replies]),
            "topics": [asdict(topic) for topic in self.wanted.topics],
            "per_topic": self.wanted.per_topic,
            "posts": len(self.writing.items),
            "requests": len(replies),
            "refused": self.writing.selection.refused,
            "near_duplicate_share": LIMIT,
            "against": [path.name for path in self.wanted.against],
            "against_texts": self.compared_with,
            "input_tokens": sum(reply.input_tokens or 0 for reply in replies),
            "output_tokens": sum(reply.output_tokens or 0 for reply in replies),
            "cost_usd": self.writing.cost_usd,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def _distinct(values: Sequence[str | None]) -> list[str]:
    return sorted({value for value in values if value})
