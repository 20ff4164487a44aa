"""Has the model behind an OpenAI-compatible server write responses: several at once, within a budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from eval.client import Finish, ModelClient, Reply
from eval.client.dialects import Dialect, Wire
from eval.generating.made_with import versions
from eval.generating.responses import Answer
from eval.generating.seeds import prompt_seed
from eval.generating.setup import Setup
from eval.judges.base import Usage
from eval.judging.budget import Budget
from eval.judging.tally import Tally
from eval.pricing import Prices, most_tokens
from ppai.errors import PPAIError, RequestFailed, ServerSilent
from ppai.schema import Prompt
from ppai.settings import read_settings

GRACE_SECONDS = 5.0
"""How long what is in flight may still be answered after a run has to stop."""
SEEDS = 2**31
"""A server's seeds are below it: some take no larger ones."""
LEAST_FAILURES = 3
"""Before a server that has answered nothing is given up, however few are asked at once."""
LONGEST_SAID = 300
"""Characters of what a server says that are recorded."""
_OVERHEAD = 200
"""Tokens that a server adds around the texts, at most."""

Keep = Callable[[Prompt, Answer], None]


@dataclass(frozen=True)
class Asking:
    """How servers are asked."""

    prices: Prices
    concurrency: int = 8
    timeout: float = 120.0
    """Seconds for each attempt of a request."""
    budget: Budget | None = None
    """Of the whole run, over all its servers."""

    def __post_init__(self) -> None:
        """Raises PPAIError where nothing can be asked so."""
        if not 1 <= self.concurrency <= 1000:
            raise PPAIError(f"--concurrency must be 1 to 1000, not {self.concurrency}")
        if not 0 < self.timeout < float("inf"):
            raise PPAIError(f"--timeout must be above 0, not {self.timeout:g}")


@dataclass
class Asked:
    """What came of asking."""

    tally: Tally = field(default_factory=Tally)
    failed: int = 0
    """Requests that may succeed another time."""
    last_failure: str = ""
    too_long: dict[str, list[str]] = field(default_factory=dict)
    """By system, the ids of prompts that do not fit its model's context: no other run can have them answered."""
    over_budget: bool = False
    stopped: bool = False


class Endpoint:
    """One system's model behind its server; `close` it at the end."""

    def __init__(self, setup: Setup, asking: Asking, asked: Asked) -> None:
        """Asks nothing. Raises PPAIError where the server cannot be asked, or a budget is set and the price unknown."""
        self._setup, self._asking, self._asked = setup, asking, asked
        self._generation = setup.generation
        self._stored = self._failed = 0
        self._client = open_client(setup, asking.timeout)
        self._price = asking.prices.of(setup.generation.model)
        if asking.budget is not None and self._price is None:
            raise PPAIError(f"--max-cost: the price of {self._generation.model} is not known; give one with --prices")

    async def write(self, prompts: Sequence[Prompt], keep: Keep) -> None:
        """Has each prompt answered, and hands it to `keep` as it comes; counts what failed.

        Raises JudgeStopped where no request can succeed, and what `keep` raises.
        """
        waiting = iter(prompts)
        count = min(self._asking.concurrency, len(prompts))
        workers = [asyncio.create_task(self._work(waiting, keep)) for _ in range(count)]
        try:
            done, others = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            if others:
                await asyncio.wait(others, timeout=GRACE_SECONDS)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        for worker in done:
            worker.result()

    async def close(self) -> None:
        await self._client.close()

    async def _work(self, waiting: Iterator[Prompt], keep: Keep) -> None:
        for prompt in waiting:
            asked = self._asked
            nothing_works = not self._stored and self._failed >= max(self._asking.concurrency, LEAST_FAILURES)
            if asked.stopped or asked.over_budget or nothing_works:
                return
            try:
                await self._ask(prompt, keep)
            except Exception:
                asked.stopped = True
                raise

    async def _ask(self, prompt: Prompt, keep: Keep) -> None:
        budget, ceiling, cost = self._asking.budget, 0.0, None
        if budget is not None:
            ceiling = self._ceiling(prompt)
            if not await budget.reserve(ceiling):
                self._asked.over_budget = True
                return
        try:
            reply = await self._complete(prompt)
            if reply.finish is Finish.TOO_LONG:
                self._asked.too_long.setdefault(self._setup.system, []).append(prompt.id)
                cost = 0.0
                return
            cost = self._cost(reply)
            usage = Usage(reply.input_tokens or 0, reply.cached_tokens, reply.output_tokens or 0, cost)
            self._asked.tally.count_usage(usage)
            keep(prompt, answer_of(reply, self._client.form))
            self._asked.tally.stored += 1
            self._stored += 1
        except ServerSilent:
            raise
        except RequestFailed as error:
            self._failed += 1
            self._asked.failed += 1
            self._asked.last_failure = f"prompt {prompt.id!r} of {self._setup.system!r}: {error}"
        finally:
            if budget is not None:
                await budget.settle(ceiling, cost)

    async def _complete(self, prompt: Prompt) -> Reply:
        """Raises RequestFailed and JudgeStopped."""
        how = self._generation
        return await self._client.complete(
            self._setup.system_prompt,
            prompt.text,
            seed=prompt_seed(how.seed, prompt.id) % SEEDS,
            max_output_tokens=how.max_new_tokens,
            temperature=how.temperature,
            top_p=how.top_p,
            repetition_penalty=how.repetition_penalty,
        )

    def _cost(self, reply: Reply) -> float | None:
        price = (self._asking.prices.of(reply.model) if reply.model else None) or self._price
        if price is None or reply.input_tokens is None or reply.output_tokens is None:
            return None
        return price.cost(reply.input_tokens, reply.output_tokens, reply.cached_tokens)

    def _ceiling(self, prompt: Prompt) -> float:
        """The most that a response can cost. Raises PPAIError where that is not known."""
        if self._price is None or not self._client.limits_output:
            raise PPAIError("--max-cost: a server that takes no limit of output tokens cannot be kept below a sum")
        sent = most_tokens(self._setup.system_prompt) + most_tokens(prompt.text) + _OVERHEAD
        return self._price.cost(sent, self._generation.max_new_tokens)


def open_client(setup: Setup, timeout: float) -> ModelClient:
    """The client of the system's server, with the key of the settings. Raises PPAIError."""
    return ModelClient(
        setup.generation.model,
        base_url=setup.generation.base_url,
        api_key=read_settings().openai_api_key,
        timeout=timeout,
        dialect=Dialect.CHAT,
    )


def answer_of(reply: Reply, wire: Wire) -> Answer:
    """The response in a reply. A model's refusal is one too, as readers would see it; where a filter kept the model
    from it, what the server says of that is recorded and never shown."""
    filtered = reply.finish is Finish.CONTENT_FILTER
    made_with: dict[str, Any] = versions("openai") | {
        "model": reply.model,
        "fingerprint": reply.fingerprint,
        "not_sent": not_sent(wire),
        "server_said": (reply.refusal or "")[:LONGEST_SAID] if filtered else None,
    }
    plain = reply.finish in (Finish.STOP, Finish.LENGTH)
    return Answer(
        raw=reply.text or ("" if filtered else reply.refusal) or "",
        ended=reply.finish is not Finish.LENGTH,
        made_with={key: value for key, value in made_with.items() if value},
        tokens=reply.output_tokens,
        finish=None if plain else reply.finish.value,
    )


def not_sent(wire: Wire) -> list[str]:
    """The settings that the server does not take."""
    missing = {"temperature", "top_p", "repetition_penalty", "seed"} & wire.left_out
    if not wire.penalises_repetition:
        missing |= {"repetition_penalty"}
    if not wire.limits_output:
        missing |= {"max_new_tokens"}
    return sorted(missing)


async def write_all(jobs: Sequence[tuple[Setup, Sequence[Prompt], Keep]], asking: Asking, asked: Asked) -> None:
    """One server after the other. Raises what `Endpoint.write` does."""
    endpoints = [Endpoint(setup, asking, asked) for setup, _, _ in jobs]
    try:
        for endpoint, (_, prompts, keep) in zip(endpoints, jobs, strict=True):
            if not asked.over_budget:
                await endpoint.write(prompts, keep)
    finally:
        await asyncio.gather(*(endpoint.close() for endpoint in endpoints), return_exceptions=True)
