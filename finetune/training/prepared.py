"""The data of a run, read and tokenized, before a model is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from finetune.model import load_end_tokens, load_tokenizer
from finetune.recipe import Recipe
from finetune.training.data import Conversations, read_data
from finetune.training.tokens import IGNORED, Example, tokenize
from ppai.errors import PPAIError


@dataclass(frozen=True)
class Prepared:
    """What is known of a run before a model is loaded."""

    recipe: Recipe
    data: Conversations
    train: list[Example]
    validation: list[Example]
    tokenizer: Any

    def told(self) -> str:
        tokens = sum(len(one.input_ids) for one in self.train)
        held = ", held out of them" if self.data.held_out else ""
        return (
            f"data: {len(self.train):,} conversations, {tokens:,} tokens, {answer_tokens(self.train):,} of answers; "
            f"{len(self.validation):,} for validation{held}"
        )


def answer_tokens(examples: list[Example]) -> int:
    return sum(label != IGNORED for one in examples for label in one.labels)


def prepare_data(recipe: Recipe) -> Prepared:
    """Reads and tokenizes the data of a recipe. Raises PPAIError and StudyError, naming file and line."""
    if recipe.data.train is None:
        raise PPAIError(f"{recipe.name}: data.train: names no file: give one with --data")
    seed = int(recipe.training.get("seed", 42))
    data = read_data(recipe.data.train, recipe.data.validation, share=recipe.data.validation_share, seed=seed)
    tokenizer = load_tokenizer(recipe.base.name, revision=recipe.base.revision)
    limit = recipe.training.get("max_length", 1024)
    if recipe.speed is not None and recipe.speed.tokens_per_batch is not None:
        limit = min(limit or recipe.speed.tokens_per_batch, recipe.speed.tokens_per_batch)
    ends = load_end_tokens(recipe.base.name, tokenizer, revision=recipe.base.revision)
    train, validation = (tokenize(tokenizer, part, limit, ends) for part in (data.train, data.validation))
    return Prepared(recipe, data, train, validation, tokenizer)
