"""Cleans a response while it is being written: what was shown once is never taken back."""

from __future__ import annotations

from eval.generating.cleaning import clean


class Cleaned:
    """The text of one response as far as it may be shown: whole sentences, until it has ended.

    A sentence waits for its end since the limit of tokens may break it off, and what follows "Source:" is left out.
    """

    def __init__(self) -> None:
        self._raw = ""
        self.shown = ""

    def add(self, text: str) -> str:
        """What may be shown now that `text` has come."""
        self._raw += text
        # With a word more the cut falls after the last whole sentence, and there is none before the first.
        marked = clean(f"{self._raw}{MARK}", hit_limit=True)
        return "" if MARK in marked else self._show(marked)

    def end(self, *, hit_limit: bool) -> str:
        """The rest, once the model has ended."""
        return self._show(clean(self._raw, hit_limit=hit_limit))

    def _show(self, text: str) -> str:
        if not text.startswith(self.shown):
            return ""
        new, self.shown = text[len(self.shown) :], text
        return new


MARK = "\ue000"
"""A private letter, which no model writes: the sentence that it stands in has not ended."""
