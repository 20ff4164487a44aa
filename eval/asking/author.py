"""The model that writes, and what it costs."""

from __future__ import annotations

import json
from dataclasses import dataclass

from eval.asking.request import Form, Request, Sampling
from eval.client import ModelClient, Reply
from eval.judges.base import Usage
from eval.pricing import Price, Prices, estimate_tokens, most_tokens

_OVERHEAD = 200
"""Tokens that a server adds around the texts, at most."""
_TOKENS_A_WORD = 1.4
_TOKENS_AROUND = 40
"""Of a reply, beside the words of its text."""


@dataclass(frozen=True)
class Costs:
    """What one model's replies cost."""

    model: str
    prices: Prices
    form: Form

    @property
    def price(self) -> Price | None:
        return self.prices.of(self.model)

    @property
    def _schema(self) -> str:
        return json.dumps(self.form.schema)

    def of(self, reply: Reply) -> float | None:
        """US dollars; None where the price or the number of tokens is not known."""
        price = (self.prices.of(reply.model) if reply.model else None) or self.price
        if price is None or reply.input_tokens is None or reply.output_tokens is None:
            return None
        return price.cost(reply.input_tokens, reply.output_tokens, reply.cached_tokens)

    def estimate(self, request: Request) -> Usage:
        """What a reply will take, by the length that is asked for."""
        sent = sum(map(estimate_tokens, (request.system, request.user, self._schema)))
        output = round(request.words * _TOKENS_A_WORD) + _TOKENS_AROUND
        return Usage(sent, 0, output, self.price.cost(sent, output) if self.price else None)

    def ceiling(self, request: Request) -> float | None:
        """The most that a reply can cost, in US dollars."""
        sent = sum(map(most_tokens, (request.system, request.user, 2 * self._schema))) + _OVERHEAD
        return self.price.cost(sent, self.form.max_output_tokens) if self.price else None


class ModelAuthor:
    """Writes through an OpenAI-compatible server. What its methods raise is said in `asking.Author`."""

    def __init__(self, client: ModelClient, sampling: Sampling, costs: Costs) -> None:
        self._client, self._sampling, self._costs = client, sampling, costs

    async def write(self, request: Request) -> Reply:
        return await self._client.complete(
            request.system,
            request.user,
            self._costs.form.schema,
            seed=request.seed,
            max_output_tokens=self._costs.form.max_output_tokens,
            temperature=self._sampling.temperature,
        )

    def cost(self, reply: Reply) -> float | None:
        return self._costs.of(reply)

    def ceiling(self, request: Request) -> float | None:
        return self._costs.ceiling(request) if self._client.limits_output else None

    async def close(self) -> None:
        await self._client.close()
