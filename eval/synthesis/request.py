"""What a model is asked for one pair: the versioned prompt, filled in."""

from __future__ import annotations

from pathlib import Path

from eval.asking.request import Form, PromptFile, Request, Sampling, request_of, seed_of
from eval.prompt_writing.request import spoken_age
from eval.synthesis.plan import Item, Limits

PROMPT = PromptFile(Path(__file__).parents[1] / "prompts" / "synth_v1.txt")
TOKENS_A_WORD = 2.2
"""At most, so that a pair of the greatest length is not cut off."""
TOKENS_AROUND = 200
"""Of a reply beside the words of the post and the response: keys, the title, and the list of names."""
PROPERTIES = ("title", "body", "response", "names")


def form_of(post: Limits, response: Limits) -> Form:
    """The strict schema of a pair, with room for its greatest length and half as much again: a reply that is somewhat
    too long comes whole, and is told its length."""
    texts = {key: {"type": "string"} for key in PROPERTIES[:3]}
    schema = {
        "type": "object",
        "properties": texts | {"names": {"type": "array", "items": {"type": "string"}}},
        "required": list(PROPERTIES),
        "additionalProperties": False,
    }
    return Form(schema, round((post.most + response.most) * 1.5 * TOKENS_A_WORD) + TOKENS_AROUND)


def request_for(
    item: Item, sampling: Sampling, post: Limits, response: Limits, attempt: int, complaint: str | None = None
) -> Request:
    """The request of one attempt, from 1; `complaint` is what was wrong with the attempt before."""
    limits = {"post_fewest": post.fewest, "post_most": post.most}
    limits |= {"response_fewest": response.fewest, "response_most": response.most}
    system, user = PROMPT.filled(vars(item) | limits | {"age": spoken_age(item.age)})
    if complaint is not None:
        user += f"\n\nAn earlier pair for this could not be used: {complaint}. Write another, on another situation."
    seed = seed_of(sampling.seed, "pair", item.topic, item.number, attempt)
    return request_of(item.id, sampling, system, user, seed, item.post_words + item.response_words)
