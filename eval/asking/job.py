"""One set of texts from what is wanted to its files: what is left to ask, asking, and what it took."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.asking.asking import Asking, Author
from eval.asking.author import Costs, ModelAuthor
from eval.asking.replies import KeptReplies
from eval.asking.request import Sampling
from eval.asking.rounds import Rounds
from eval.client import ModelClient
from eval.judges.base import Usage
from ppai.overlap import LIMIT


class Job(ABC):
    """The making of one set; a later job for the same goes on from the replies that an earlier one kept."""

    rounds: Rounds
    target: Path
    compared_with: int
    """Texts that none of the set may repeat."""

    def __init__(self, target: Path, sampling: Sampling, costs: Costs) -> None:
        """Asks and writes nothing."""
        self.target, self.sampling, self.costs = target, sampling, costs
        self.kept = KeptReplies(target.with_suffix(".partial"))

    @abstractmethod
    def from_kept(self) -> Rounds:
        """The rounds as far as the kept replies bring them."""

    @abstractmethod
    def check_target(self) -> None:
        """Raises PPAIError where the set's file cannot be written, as where it stands already."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other runs from this set, and starts from what they left; `run` and `finish` belong within.

        Raises PPAIError where another run is making the set, or has made it by now.
        """
        with self.kept:
            self.check_target()
            self.rounds = self.from_kept()
            yield

    def estimate(self) -> tuple[int, Usage]:
        """How many requests are left if no further reply is refused, and what they will take together."""
        left = [self.costs.estimate(request) for request in self.rounds.missing()]
        cost = None if any(one.cost_usd is None for one in left) else sum(one.cost_usd or 0.0 for one in left)
        return len(left), Usage(sum(one.input_tokens for one in left), 0, sum(one.output_tokens for one in left), cost)

    def author(self, client: ModelClient) -> Author:
        """Who answers the requests of the rounds."""
        return ModelAuthor(client, self.sampling, self.costs)

    async def run(
        self, client: ModelClient, *, concurrency: int, max_cost: float | None, came: Callable[[Asking], None]
    ) -> None:
        """Asks for what is left, and closes the client; `came` is called after each reply. Raises what `write` does."""
        author = self.author(client)
        asking = Asking(author, self.kept, concurrency=concurrency, max_cost=max_cost, came=lambda: came(asking))
        try:
            await asking.write(self.rounds)
        finally:
            await client.close()

    def took(self, prompt_version: str, against: Sequence[Path]) -> dict[str, Any]:
        """Who wrote, from what, and what it took. Costs are US dollars, null where a price was not known."""
        replies = [self.kept[request.key] for request in self.rounds.used]
        return {
            **asdict(self.sampling),
            "prompt_version": prompt_version,
            "answered_by": _distinct([reply.model for reply in replies]),
            "fingerprints": _distinct([reply.fingerprint for reply in replies]),
            "requests": len(replies),
            "refused": self.rounds.selection.refused,
            "near_duplicate_share": LIMIT,
            "against": [path.name for path in against],
            "against_texts": self.compared_with,
            "input_tokens": sum(reply.input_tokens or 0 for reply in replies),
            "output_tokens": sum(reply.output_tokens or 0 for reply in replies),
            "cost_usd": self.rounds.cost_usd,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def _distinct(values: Sequence[str | None]) -> list[str]:
    return sorted({value for value in values if value})
