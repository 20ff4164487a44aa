"""Conversations as tokens of the model's own chat template, with the loss on the answer and its end alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from finetune.model import end_tokens
from finetune.training.data import Conversation
from ppai.errors import PPAIError, StudyError

IGNORED = -100
"""The label of a token that carries no loss."""
MAX_PROBLEMS = 10


@dataclass(frozen=True)
class Example:
    """`labels` are the ids from the answer's first token on, and -100 before."""

    input_ids: list[int]
    labels: list[int]


def tokenize(
    tokenizer: Any, conversations: Iterable[Conversation], limit: int | None, ends: set[int] | None = None
) -> list[Example]:
    """One example a conversation, as TRL makes it of a `prompt` and a `completion` column.

    `ends` are the tokens at which the model stops writing; None is the tokenizer's end of sequence alone.

    Raises PPAIError, naming file and line, where the template refuses a conversation, begins with two begin-of-sequence
    tokens, or does not end an answer; StudyError where sequences have more than `limit` tokens.
    """
    if not tokenizer.chat_template:
        raise PPAIError("base.name: the model has no chat template: take its instruct variant")
    examples, long = [], []
    stops = end_tokens(None, tokenizer) if ends is None else ends
    for one in conversations:
        example = _example(tokenizer, one, stops)
        if limit is not None and len(example.input_ids) > limit:
            long.append(f"{one.file}:{one.line}: {len(example.input_ids)} tokens, above training.max_length, {limit}")
        examples.append(example)
    if long:
        more = len(long) - MAX_PROBLEMS
        raise StudyError([*long[:MAX_PROBLEMS], *([f"{more} more sequences are too long"] if more > 0 else [])])
    return examples


def _example(tokenizer: Any, one: Conversation, ends: set[int]) -> Example:
    prompt = _ids(tokenizer, one, list(one.prompt), add_generation_prompt=True)
    ids = _ids(tokenizer, one, one.messages)
    if ids[: len(prompt)] != prompt:
        raise PPAIError(f"{one.file}:{one.line}: the chat template writes the prompt otherwise where an answer follows")
    labels = [IGNORED] * len(prompt) + ids[len(prompt) :]
    _check(tokenizer, one, ids, labels, ends)
    return Example(ids, labels)


def _ids(tokenizer: Any, one: Conversation, messages: Sequence[dict[str, str]], **options: bool) -> list[int]:
    from jinja2 import TemplateError

    try:
        return list(tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, **options)["input_ids"])
    except TemplateError as error:
        raise PPAIError(f"{one.file}:{one.line}: the model's chat template refuses it: {error}") from error


def _check(tokenizer: Any, one: Conversation, ids: list[int], labels: list[int], ends: set[int]) -> None:
    """What the published run got wrong, looked for in every example."""
    start = tokenizer.bos_token_id
    if start is not None and ids[:2] == [start, start]:
        raise PPAIError(f"{one.file}:{one.line}: the chat template begins with two begin-of-sequence tokens")
    if not ends & set(labels[-2:]):
        stops = " or ".join(repr(token) for token in tokenizer.convert_ids_to_tokens(sorted(ends)))
        raise PPAIError(
            f"{one.file}:{one.line}: the chat template does not end an answer with {stops}, so that the model would "
            "not learn to stop"
        )
