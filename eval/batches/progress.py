"""The progress of batches while they are waited for, by what their server says of them."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from eval.batches.api import BatchState
from eval.judging.tally import Tally
from ppai.errors import MissingPackage


class BatchProgress:
    """A bar on standard error: requests that the server has done, and the states of the batches."""

    def __init__(self, tally: Tally) -> None:
        """Raises MissingPackage without tqdm."""
        try:
            from tqdm import tqdm
        except ImportError:
            raise MissingPackage("tqdm", "judge") from None
        self._tally = tally
        self._bar = tqdm(total=tally.total, initial=tally.done, desc="batches", unit="verdict", delay=0.5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def show(self, under_way: Sequence[BatchState]) -> None:
        """Brings the bar to what is collected and what the server says is done."""
        tally = self._tally
        states = sorted({state.status for state in under_way})
        said = [*states, f"{tally.unscored} unscored", f"{tally.failed} failed", tally.cost_said()]
        self._bar.set_postfix_str(", ".join(said), refresh=False)
        self._bar.update(tally.done + sum(state.done for state in under_way) - self._bar.n)
        self._bar.refresh()
