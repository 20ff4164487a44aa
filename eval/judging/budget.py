"""What may still be spent: requests in flight are reserved at the most that they can cost."""

from __future__ import annotations

import asyncio


class Budget:
    """A limit in US dollars that the sum of what was spent and what is in flight never passes.

    A request that failed counts at its ceiling: whether its server counts it is not known.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.spent = 0.0
        self._reserved = 0.0
        self._in_flight = 0
        self._changed = asyncio.Condition()

    async def reserve(self, ceiling: float) -> bool:
        """Waits until `ceiling` fits beside what is in flight; false where it does not even when all is back."""
        async with self._changed:
            while self._in_flight and not self._fits(ceiling):
                await self._changed.wait()
            if not self._fits(ceiling):
                return False
            self._reserved += ceiling
            self._in_flight += 1
            return True

    def _fits(self, ceiling: float) -> bool:
        return self.spent + self._reserved + ceiling <= self.limit + 1e-12

    async def settle(self, ceiling: float, cost: float | None) -> None:
        """Gives back a reservation; `cost` is what was spent, None where that is not known."""
        async with self._changed:
            self._in_flight -= 1
            # sums of floats come back to 0 only nearly
            self._reserved = self._reserved - ceiling if self._in_flight else 0.0
            self.spent += ceiling if cost is None else cost
            self._changed.notify_all()
