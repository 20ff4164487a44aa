"""Rounds of requests: all that is wanted at once, then again what could not be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from eval.asking.replies import KeptReplies
from eval.asking.request import Request
from eval.asking.texts import Texts
from eval.client.reply import Reply


class Selection(Protocol):
    """Decides which replies are taken."""

    complaints: dict[int, str]
    """What was wrong with the last reply for each item that has no text yet."""
    refused: int
    """Replies that were not taken."""

    @property
    def taken(self) -> Mapping[int, Any]:
        """The texts that were taken so far, by the item's id."""
        ...

    def decide(self, items: Iterable[Any], replies: Mapping[int, Reply], against: Texts) -> None:
        """Takes or refuses one reply an item."""
        ...


class Rounds:
    """The state of a set: what was decided follows from the kept replies alone, in whatever order they came."""

    def __init__(
        self,
        items: Sequence[Any],
        selection: Selection,
        request_for: Callable[[Any, int, str | None], Request],
        kept: KeptReplies,
        attempts: int = 5,
        against: Texts = (),
    ) -> None:
        """`items` are what is wanted, each with its `id`. `request_for` makes the request of one attempt, from 1, from
        what was wrong with the attempt before. `against` is passed over once a round, so it must be readable again.
        """
        self.items = tuple(items)
        self.selection = selection
        self.used: list[Request] = []
        """The requests whose replies were taken or refused."""
        self._request_for, self._kept, self._attempts, self._against = request_for, kept, attempts, against
        self._round = 1

    def missing(self) -> list[Request]:
        """Decides the rounds whose replies are all kept, and gives the requests that the next one lacks.

        Empty once every item has its text, or the last attempt is used up.
        """
        while (open_items := self.open_items) and self._round <= self._attempts:
            complaints = self.selection.complaints
            requests = [self._request_for(item, self._round, complaints.get(item.id)) for item in open_items]
            if lacking := self.lacking(requests):
                return lacking
            replies = {request.id: self._kept[request.key] for request in requests}
            self.selection.decide(open_items, replies, self._against)
            self.used += requests
            self._round += 1
        return []

    def lacking(self, requests: Sequence[Request]) -> list[Request]:
        """Of one round, what must be asked before it can be decided."""
        return [request for request in requests if request.key not in self._kept]

    @property
    def open_items(self) -> list[Any]:
        return [item for item in self.items if item.id not in self.selection.taken]

    @property
    def done(self) -> int:
        """Requests that were decided, and items that still wait for a reply, as a progress bar counts them."""
        return len(self.used) + len(self.open_items)

    @property
    def cost_usd(self) -> float | None:
        """Of all replies so far, those of earlier runs too; None where a price was not known."""
        costs = [self._kept.cost(request.key) for request in self.used]
        return None if None in costs else sum(cost for cost in costs if cost is not None)
