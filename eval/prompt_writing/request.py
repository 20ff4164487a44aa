"""What a model is asked for one test post: the versioned prompt, filled in."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.prompt_writing.plan import Item, seed_of

PROMPT = Path(__file__).parents[1] / "prompts" / "test_prompt_v1.txt"
SEPARATOR = "\n===\n"
"""Between what the system and what the user says."""
MAX_OUTPUT_TOKENS = 1200
"""Room for 400 words, at about two tokens a word, and the rest of the object."""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "body": {"type": "string"},
        "child_age": {"type": "integer"},
        "names": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["title", "body", "child_age", "names"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Sampling:
    """Who writes, and how: what replies depend on beside the request."""

    model: str
    temperature: float = 0.7
    seed: int = 42
    base_url: str | None = None


@dataclass(frozen=True)
class Request:
    """One request for one post."""

    item: Item
    key: str
    """The same for the same request of the same model, another at each attempt: what was paid for is found by it."""
    system: str
    user: str
    seed: int


def prompt_version() -> str:
    """Name of the prompt's file, and a digest of its text."""
    return f"{PROMPT.stem}-{hashlib.sha256(PROMPT.read_bytes()).hexdigest()[:8]}"


def request_for(item: Item, sampling: Sampling, attempt: int, complaint: str | None = None) -> Request:
    """The request of one attempt, from 1; `complaint` is what was wrong with the attempt before."""
    system, _, template = PROMPT.read_text(encoding="utf-8").strip().partition(SEPARATOR)
    values = {name: str(value) for name, value in vars(item).items()} | {"age": spoken_age(item.age)}
    user = re.sub(r"\{(\w+)\}", lambda match: values[match[1]], template)
    if complaint is not None:
        user += f"\n\nAn earlier post for this could not be used: {complaint}. Write another, on another situation."
    seed = seed_of(sampling.seed, item.topic, item.number, attempt)
    parts = [sampling.base_url, sampling.model, sampling.temperature, system, user, seed]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
    return Request(item, key, system, user, seed)


def spoken_age(age: int) -> str:
    return {0: "younger than one year", 1: "1 year old (12 to 23 months)"}.get(age, f"{age} years old")
