"""The progress of a run on a terminal: done, unscored, failed, cost so far and time left."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from eval.judging.tally import Tally
from ppai.errors import MissingPackage

REST_SECONDS = 30.0
"""How often a log, which is no terminal, is told; a run that is over sooner says nothing before its end."""


class Progress:
    """A bar on standard error over a run's tally. Raises MissingPackage without tqdm."""

    def __init__(self, tally: Tally, what: str) -> None:
        try:
            from tqdm import tqdm
        except ImportError:
            raise MissingPackage("tqdm", "judge") from None
        terminal = sys.stderr.isatty()
        self._tally = tally
        self._waiting = 0
        self._bar = tqdm(
            total=tally.total,
            initial=tally.done,
            desc=what,
            unit="verdict",
            delay=0.5 if terminal else REST_SECONDS,
            mininterval=0.2 if terminal else REST_SECONDS,
            dynamic_ncols=terminal,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.show()
        self._bar.close()

    def waiting(self, items: int) -> None:
        """Says how many items another run is asking for which this one waits."""
        self._waiting = items
        self.show()

    def show(self) -> None:
        """Brings the bar to where the tally is."""
        tally = self._tally
        said = [f"{tally.unscored} unscored", f"{tally.failed} failed", tally.cost_said()]
        if self._waiting:
            said.append(f"waiting for another run's {self._waiting}")
        self._bar.set_postfix_str(", ".join(said), refresh=False)
        self._bar.update(tally.done - self._bar.n)
