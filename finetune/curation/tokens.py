"""Counts the tokens of conversations in the chat template of the base model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from finetune.curation.conversation import Message
from finetune.model import PACKAGED, packaged_gguf
from ppai.errors import MissingPackage, PPAIError

NONE = "none"
PUBLISHED_BASE = "mistralai/Mistral-7B-Instruct-v0.3"
Count = Callable[[Sequence[list[Message]]], list[int]]
"""The number of tokens of each conversation."""

_CONTROL = 3
"""GGUF's mark of a token that is no text."""


def load_counter(name: str) -> Count | None:
    """Of a folder, a hub id or the packaged model's tokenizer; None for `none`. A batch is counted in parallel.

    Raises MissingPackage, and PPAIError where there is no such tokenizer or it has no chat template.
    """
    if name == NONE:
        return None
    with _quiet():
        try:
            from transformers import AutoTokenizer
        except ImportError:
            raise MissingPackage("transformers", "curate") from None
    try:
        with _quiet():
            tokenizer = _packaged() if name == PACKAGED else AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PPAIError(f"--tokenizer: {name!r} cannot be loaded: {reason}") from error
    if not tokenizer.chat_template:
        raise PPAIError(f"--tokenizer: {name!r} has no chat template")
    return lambda conversations: _count(tokenizer, name, conversations)


def tokenizer_note(name: str) -> str | None:
    """What to say of the packaged tokenizer: another base model cuts the same text into other tokens."""
    if name != PACKAGED:
        return None
    return (
        f"tokens were counted with the tokenizer of {name}; to train another base model, name its own: "
        f"--tokenizer {PUBLISHED_BASE} for the published one"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch, transformers says so when it is imported; its tokenizers need none. A hub that cannot be reached
    is told once, at the end."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _count(tokenizer: Any, name: str, conversations: Sequence[list[Message]]) -> list[int]:
    from jinja2 import TemplateError

    try:
        texts = tokenizer.apply_chat_template(list(conversations), tokenize=False)
    except TemplateError as error:
        raise PPAIError(f"--tokenizer: the chat template of {name!r} refuses a conversation: {error}") from error
    # The template has written the tokens of beginning and end already.
    return [len(ids) for ids in tokenizer(texts, add_special_tokens=False, return_attention_mask=False)["input_ids"]]


def _packaged() -> Any:
    """The tokenizer that transformers reads from the packaged GGUF file; by itself it does so only with torch."""
    try:
        from gguf import GGUFReader
    except ImportError:
        raise MissingPackage("gguf", "curate") from None
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    fields = GGUFReader(packaged_gguf()).fields
    tokens, kinds, merges, template = (
        fields[name].contents()
        for name in (
            "tokenizer.ggml.tokens",
            "tokenizer.ggml.token_type",
            "tokenizer.ggml.merges",
            "tokenizer.chat_template",
        )
    )
    pairs = [tuple(merge.split(" ")) for merge in merges]
    made = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, pairs))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL]
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return PreTrainedTokenizerFast(tokenizer_object=made, chat_template=template)
