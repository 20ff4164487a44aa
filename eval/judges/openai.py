"""A judge behind an OpenAI-compatible server: prompts a model for outcomes in strict JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.client import ModelClient, Reply
from eval.judges.base import Answer, Question, Usage
from eval.judges.prompting import JUSTIFICATION, JudgePrompt, question_places, read_prompt, reply_schema
from eval.judges.reading import read_reply
from eval.pricing import Price, Prices, estimate_tokens, most_tokens, read_prices
from ppai.errors import PPAIError
from ppai.schema import Criterion, StudyConfig
from ppai.settings import read_settings

MAX_OUTPUT_TOKENS = 1000
"""Some five times what a justification and seven outcomes take; models that reason first may need more."""

TIMEOUT = 60.0
"""Seconds for each attempt of a request."""

_TOKENS_A_CRITERION = 10
_TOKENS_OF_JUSTIFICATION = 80
_OVERHEAD = 200
"""Tokens that a server adds around the texts, at most."""


class OpenAIJudge:
    """Asks one model about a pair, all criteria at once, at temperature 0."""

    concurrency: int | None = None

    def __init__(
        self,
        client: ModelClient,
        prompt: JudgePrompt,
        criteria: Sequence[Criterion],
        prices: Prices,
        *,
        name: str | None = None,
        max_output_tokens: int = MAX_OUTPUT_TOKENS,
    ) -> None:
        """`criteria` are all of the study's, the overall one last: the prompt's version is over all of them, and a
        question lists those that it asks in their order."""
        self.client = client
        self.model = client.model
        self.name = name or f"openai:{_short(client.model)}"
        self.prompt_version = prompt.version(criteria)
        self.max_output_tokens = max_output_tokens
        self.expected_output_tokens: float | None = None
        """Mean of what was measured, where the caller has it; a rule of thumb is used where not."""
        self._prompt = prompt
        self._rank = {criterion.key: place for place, criterion in enumerate(criteria)}
        self._prices = prices
        self._schemas: dict[tuple[str, ...], dict[str, Any]] = {}

    @property
    def price(self) -> Price | None:
        return self._prices.of(self.model)

    async def ask(self, question: Question) -> Answer:
        reply = await self.client.complete(
            *self._request(question), seed=question.seed, max_output_tokens=self.max_output_tokens
        )
        return self.answer_of(question, reply)

    def question_request(self, question: Question) -> tuple[str, dict[str, Any]]:
        """Path and body of the request that `ask` would make, as a line of a batch has them."""
        return self.client.request_body(
            *self._request(question), seed=question.seed, max_output_tokens=self.max_output_tokens
        )

    def answer_of(self, question: Question, reply: Reply, batch: bool = False) -> Answer:
        """The answer in a reply, with what it took; at the Batch API's price where it came from there."""
        answer = read_reply(reply, question.criteria)
        usage = self._usage(reply, batch)
        return replace(answer, model=reply.model, fingerprint=reply.fingerprint, usage=usage)

    def estimate(self, question: Question) -> Usage:
        system, user, schema = self._request(question)
        sent = estimate_tokens(system) + estimate_tokens(user) + estimate_tokens(json.dumps(schema))
        rule = _TOKENS_OF_JUSTIFICATION + _TOKENS_A_CRITERION * len(question.criteria)
        output = round(self.expected_output_tokens or rule)
        cost = self.price.cost(sent, output) if self.price else None
        return Usage(input_tokens=sent, output_tokens=output, cost_usd=cost)

    def ceiling(self, question: Question) -> float | None:
        """Of one answer; requests that a server answers and then loses come on top. None also where the server
        refuses a limit of output tokens."""
        if self.price is None or not self.client.limits_output:
            return None
        system, user, schema = self._request(question)
        sent = most_tokens(system) + most_tokens(user) + 2 * most_tokens(json.dumps(schema)) + _OVERHEAD
        return self.price.cost(sent, self.max_output_tokens)

    async def close(self) -> None:
        await self.client.close()

    def _request(self, question: Question) -> tuple[str, str, dict[str, Any]]:
        """System text, user text and schema of the reply."""
        criteria = tuple(sorted(question.criteria, key=lambda one: self._rank.get(one.key, len(self._rank))))
        keys = tuple(criterion.key for criterion in criteria)
        if keys not in self._schemas:
            self._schemas[keys] = reply_schema(criteria)
        system, user = self._prompt.filled(question_places(replace(question, criteria=criteria)))
        return system, user, self._schemas[keys]

    def _usage(self, reply: Reply, batch: bool) -> Usage:
        if reply.input_tokens is None or reply.output_tokens is None:
            return Usage(reply.input_tokens or 0, reply.cached_tokens, reply.output_tokens or 0, None, reply.seconds)
        counts = (reply.input_tokens, reply.output_tokens, reply.cached_tokens)
        price = (self._prices.of(reply.model) if reply.model else None) or self.price
        cost = price.cost(*counts, batch=batch) if price else None
        return Usage(reply.input_tokens, reply.cached_tokens, reply.output_tokens, cost, reply.seconds)


def _short(model: str) -> str:
    """The model's name, or the last part of the folder that some servers call it by."""
    return model.rstrip("/").rpartition("/")[2] if model.startswith(("/", ".", "~")) else model


def open_openai(
    model: str,
    config: StudyConfig,
    *,
    name: str | None = None,
    base_url: str | None = None,
    prompt: Path | None = None,
    prices: Path | None = None,
    timeout: float | None = None,
    max_retries: int = 6,
    max_output_tokens: int | None = None,
) -> OpenAIJudge:
    """The judge of that model, with the key and the server of the settings; see `eval.judges.open_judge`."""
    taken = next((key for key in config.keys if key.casefold() == JUSTIFICATION), None)
    if taken is not None:
        raise PPAIError(
            f"openai:{model}: a reply has a justification of its own: give the criterion {taken!r} another key"
        )
    settings = read_settings()
    template, table = read_prompt(config, prompt), read_prices(prices)
    client = ModelClient(
        model,
        base_url=base_url or settings.openai_base_url,
        api_key=settings.openai_api_key,
        timeout=TIMEOUT if timeout is None else timeout,
        max_retries=max_retries,
    )
    criteria = sorted(config.criteria, key=lambda criterion: config.keys.index(criterion.key))
    limit = MAX_OUTPUT_TOKENS if max_output_tokens is None else max_output_tokens
    return OpenAIJudge(client, template, criteria, table, name=name, max_output_tokens=limit)
