"""The model that writes posts, and what it costs."""

from __future__ import annotations

import json
from dataclasses import dataclass

from eval.client import ModelClient, Reply
from eval.judges.base import Usage
from eval.pricing import Price, Prices, estimate_tokens, most_tokens
from eval.prompt_writing.request import MAX_OUTPUT_TOKENS, SCHEMA, Request, Sampling

_SCHEMA_TEXT = json.dumps(SCHEMA)
_OVERHEAD = 200
"""Tokens that a server adds around the texts, at most."""
_TOKENS_A_WORD = 1.4
_TOKENS_AROUND = 40
"""Of a reply, beside the words of its post."""


@dataclass(frozen=True)
class Costs:
    """What one model's replies cost."""

    model: str
    prices: Prices

    @property
    def price(self) -> Price | None:
        return self.prices.of(self.model)

    def of(self, reply: Reply) -> float | None:
        """US dollars; None where the price or the number of tokens is not known."""
        price = (self.prices.of(reply.model) if reply.model else None) or self.price
        if price is None or reply.input_tokens is None or reply.output_tokens is None:
            return None
        return price.cost(reply.input_tokens, reply.output_tokens, reply.cached_tokens)

    def estimate(self, request: Request) -> Usage:
        """What a reply will take, by the length that is asked for."""
        sent = sum(map(estimate_tokens, (request.system, request.user, _SCHEMA_TEXT)))
        output = round(request.item.words * _TOKENS_A_WORD) + _TOKENS_AROUND
        return Usage(sent, 0, output, self.price.cost(sent, output) if self.price else None)

    def ceiling(self, request: Request) -> float | None:
        """The most that a reply can cost, in US dollars."""
        sent = sum(map(most_tokens, (request.system, request.user, 2 * _SCHEMA_TEXT))) + _OVERHEAD
        return self.price.cost(sent, MAX_OUTPUT_TOKENS) if self.price else None


class ModelAuthor:
    """Writes through an OpenAI-compatible server. What its methods raise is said in `writing.Author`."""

    def __init__(self, client: ModelClient, sampling: Sampling, costs: Costs) -> None:
        self._client, self._sampling, self._costs = client, sampling, costs

    async def write(self, request: Request) -> Reply:
        return await self._client.complete(
            request.system,
            request.user,
            SCHEMA,
            seed=request.seed,
            max_output_tokens=MAX_OUTPUT_TOKENS,
            temperature=self._sampling.temperature,
        )

    def cost(self, reply: Reply) -> float | None:
        return self._costs.of(reply)

    def ceiling(self, request: Request) -> float | None:
        return self._costs.ceiling(request) if self._client.limits_output else None

    async def close(self) -> None:
        await self._client.close()
