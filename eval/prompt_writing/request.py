"""What a model is asked for one test post: the versioned prompt, filled in."""

from __future__ import annotations

from pathlib import Path

from eval.asking.request import Form, PromptFile, Request, Sampling, request_of, seed_of
from eval.prompt_writing.plan import Item

PROMPT = Path(__file__).parents[1] / "prompts" / "test_prompt_v1.txt"
MAX_OUTPUT_TOKENS = 1200
"""Room for 400 words, at about two tokens a word, and the rest of the object."""

FORM = Form(
    {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "body": {"type": "string"},
            "child_age": {"type": "integer"},
            "names": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["title", "body", "child_age", "names"],
        "additionalProperties": False,
    },
    MAX_OUTPUT_TOKENS,
)


def prompt_version() -> str:
    """Name of the prompt's file, and a digest of its text."""
    return PromptFile(PROMPT).version


def request_for(item: Item, sampling: Sampling, attempt: int, complaint: str | None = None) -> Request:
    """The request of one attempt, from 1; `complaint` is what was wrong with the attempt before."""
    system, user = PromptFile(PROMPT).filled(vars(item) | {"age": spoken_age(item.age)})
    if complaint is not None:
        user += f"\n\nAn earlier post for this could not be used: {complaint}. Write another, on another situation."
    seed = seed_of(sampling.seed, item.topic, item.number, attempt)
    return request_of(item.id, sampling, system, user, seed, item.words)


def spoken_age(age: int) -> str:
    return {0: "younger than one year", 1: "1 year old (12 to 23 months)"}.get(age, f"{age} years old")
