"""Keeps the key out of whatever is shown or stored."""

from __future__ import annotations

import re

from pydantic import SecretStr

from ppai.errors import JudgeStopped

PLACEHOLDER = "none"
"""Sent where a server of one's own needs no key; the library does not go without."""

_SHORTEST = 8
"""Characters; shorter ones are no secrets but stand-ins such as `x`, which every text holds."""


def checked_key(key: SecretStr | None) -> str:
    """The key as it is sent. Raises JudgeStopped where it cannot be one, without repeating it."""
    given = key.get_secret_value().strip() if key is not None else ""
    if not all("!" <= character <= "~" for character in given):
        raise JudgeStopped("OPENAI_API_KEY holds a space or a character that no key has")
    return given or PLACEHOLDER


class Redactor:
    """Takes a key out of texts that a server sent: the whole of it anywhere, and its beginning in messages."""

    def __init__(self, key: str) -> None:
        self._key = key if len(key) >= _SHORTEST else None
        beginning = re.escape(key[:_SHORTEST])
        self._echo = re.compile(rf"\S*{beginning}\S*|\bsk-\S+|\S*\*{{3,}}\S*")

    def __repr__(self) -> str:
        return "Redactor()"

    def text(self, text: str) -> str:
        """A reply of the model, otherwise unchanged."""
        return text if self._key is None or self._key not in text else text.replace(self._key, "[key]")

    def message(self, message: str) -> str:
        """A server's error, where parts of keys are echoed too."""
        return self._echo.sub("[key]", message) if self._key is not None else message
