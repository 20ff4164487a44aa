"""One request to a model that writes: a versioned prompt, filled in, and the key by which its reply is kept."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEPARATOR = "\n===\n"
"""Between what the system and what the user says."""


@dataclass(frozen=True)
class Sampling:
    """Who writes, and how: what replies depend on beside the request."""

    model: str
    temperature: float = 0.7
    seed: int = 42
    base_url: str | None = None


@dataclass(frozen=True)
class Form:
    """What every reply of a job must look like."""

    schema: Mapping[str, Any]
    """JSON Schema, with every property required and no others allowed."""
    max_output_tokens: int


@dataclass(frozen=True)
class Request:
    """One request for one text."""

    id: int
    """Of the item that is wanted."""
    key: str
    """The same for the same request of the same model, another at each attempt: what was paid for is found by it."""
    system: str
    user: str
    seed: int
    words: int
    """About how many the reply should have."""


@dataclass(frozen=True)
class PromptFile:
    """A versioned prompt: what the system says, and what the user does, with `{names}` to be filled in."""

    path: Path

    @property
    def version(self) -> str:
        """Name of the file, and a digest of its text."""
        return f"{self.path.stem}-{hashlib.sha256(self.path.read_bytes()).hexdigest()[:8]}"

    def filled(self, values: Mapping[str, object]) -> tuple[str, str]:
        """The system's and the user's text; what is filled in is not filled in again."""
        system, _, template = self.path.read_text(encoding="utf-8").strip().partition(SEPARATOR)
        return system, re.sub(r"\{(\w+)\}", lambda match: str(values[match[1]]), template)


def request_of(number: int, sampling: Sampling, system: str, user: str, seed: int, words: int) -> Request:
    """The request with its key."""
    parts = [sampling.base_url, sampling.model, sampling.temperature, system, user, seed]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
    return Request(number, key, system, user, seed, words)


def seed_of(*parts: object) -> int:
    """A seed below 2**31 from anything that has a stable text."""
    return int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:4], "big") >> 1
