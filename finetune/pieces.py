"""Hands an answer on piece by piece while the model writes it, and lets Ctrl-C stop it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Hear = Callable[[str], None]


class Pieces:
    """A streamer, as transformers' `generate` takes one, of a single answer.

    The pieces that `hear` is given, of whole characters each, are the stripped answer when they are put together.
    """

    def __init__(self, tokenizer: Any, hear: Hear) -> None:
        self._tokenizer, self._hear = tokenizer, hear
        self._tokens: list[int] | None = None
        self._told = ""

    def put(self, tokens: Any) -> None:
        """What the model writes from is the first that it is given."""
        if self._tokens is None:
            self._tokens = []
            return
        self._tokens += tokens.flatten().tolist()
        text = self._text()
        # Of a character that is not whole yet; white space that may be the last is not told either.
        if not text.endswith("\ufffd"):
            self._tell(text.strip())

    def end(self) -> None:
        """Tells what was held back."""
        self._tell(self._text().strip())

    def _text(self) -> str:
        return str(self._tokenizer.decode(self._tokens or [], skip_special_tokens=True))

    def _tell(self, text: str) -> None:
        if new := text[len(self._told) :]:
            self._told += new
            self._hear(new)


@contextmanager
def stopped_by_hand() -> Iterator[threading.Event]:
    """Sets the event at Ctrl-C instead of raising KeyboardInterrupt; a second one raises it. For the main thread."""
    stop = threading.Event()

    def pressed(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, pressed)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
