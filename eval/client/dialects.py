"""How one question is put to a server: the path and the JSON body, in each dialect that servers speak."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit

SCHEMA_NAME = "reply"
LIMIT_FIELDS = ("max_tokens", "max_completion_tokens")
SCHEMA_FIELDS = frozenset({"text", "response_format"})
OPTIONAL_FIELDS = frozenset({"temperature", "top_p", "repetition_penalty", "seed", "store", "max_output_tokens"})


class Dialect(StrEnum):
    """In the order in which they are tried."""

    RESPONSES = "responses"
    """Responses API, strict JSON schema."""
    CHAT = "chat"
    """Chat Completions, strict JSON schema."""
    PLAIN = "plain"
    """Chat Completions; the schema stands in the text."""

    @property
    def path(self) -> str:
        return "/responses" if self is Dialect.RESPONSES else "/chat/completions"

    @property
    def next(self) -> Dialect | None:
        following = list(Dialect)[list(Dialect).index(self) + 1 :]
        return following[0] if following else None


@dataclass(frozen=True)
class Call:
    """One question to a model, in no dialect yet."""

    system: str
    user: str
    schema: Mapping[str, Any] | None
    """JSON Schema of the reply, with every property required and no others allowed; None for free text."""
    seed: int | None
    max_output_tokens: int
    temperature: float | None
    top_p: float | None = None
    repetition_penalty: float | None = None
    """Not OpenAI's: vLLM and other servers of one's own take it."""


@dataclass(frozen=True)
class Wire:
    """What is known of a server: its dialect, and the fields that it takes."""

    dialect: Dialect = Dialect.RESPONSES
    limit_field: str | None = "max_tokens"
    """Name of Chat Completions' limit of output tokens: `max_tokens` is known everywhere but at OpenAI's newer models,
    `max_completion_tokens` is not, and servers ignore what they do not know. None where neither is taken."""
    seed_in_responses: bool = True
    """False for OpenAI's own, which has none there; other servers take one."""
    penalises_repetition: bool = True
    """False for OpenAI's own, which has no `repetition_penalty` and refuses what it does not know."""
    left_out: frozenset[str] = frozenset()
    """Fields that the server refused."""

    @classmethod
    def at_openai(cls) -> Self:
        return cls(limit_field="max_completion_tokens", seed_in_responses=False, penalises_repetition=False)

    @classmethod
    def of(cls, base_url: str, dialect: Dialect = Dialect.RESPONSES) -> Self:
        """What is known of the server at an address before it was asked."""
        wire = cls.at_openai() if urlsplit(base_url).hostname == "api.openai.com" else cls()
        return replace(wire, dialect=dialect)

    @property
    def limits_output(self) -> bool:
        if self.dialect is Dialect.RESPONSES:
            return "max_output_tokens" not in self.left_out
        return self.limit_field is not None

    def body(self, model: str, call: Call) -> dict[str, Any]:
        body = self._responses(call) if self.dialect is Dialect.RESPONSES else self._chat(call)
        seed = call.seed if self.seed_in_responses or self.dialect is not Dialect.RESPONSES else None
        penalty = call.repetition_penalty if self.penalises_repetition else None
        sampling = {"temperature": call.temperature, "top_p": call.top_p, "repetition_penalty": penalty, "seed": seed}
        given = {"model": model, **body, **sampling, "stream": False}
        return {key: value for key, value in given.items() if value is not None and key not in self.left_out}

    def _responses(self, call: Call) -> dict[str, Any]:
        form = {"type": "json_schema", "name": SCHEMA_NAME, "strict": True, "schema": call.schema}
        return {
            "instructions": call.system or None,
            "input": call.user,
            "text": {"format": form} if call.schema else None,
            "max_output_tokens": call.max_output_tokens,
            "store": False,
        }

    def _chat(self, call: Call) -> dict[str, Any]:
        plain = self.dialect is Dialect.PLAIN
        user = call.user + _in_words(call.schema) if plain and call.schema else call.user
        messages = [{"role": "system", "content": call.system}] if call.system else []
        schema = {"name": SCHEMA_NAME, "strict": True, "schema": call.schema}
        return {
            "messages": [*messages, {"role": "user", "content": user}],
            "response_format": {"type": "json_schema", "json_schema": schema} if call.schema and not plain else None,
            **({self.limit_field: call.max_output_tokens} if self.limit_field else {}),
        }

    def without(self, fields: frozenset[str]) -> Self | None:
        """What to try where the server refused `fields`; None where nothing is left to try."""
        if fields & SCHEMA_FIELDS:
            return self.stepped_down()
        if self.limit_field is not None and self.limit_field in fields:
            left_out = self.left_out | {self.limit_field}
            other = next((name for name in LIMIT_FIELDS if name not in left_out), None)
            return replace(self, limit_field=other, left_out=left_out)
        dropped = (fields & OPTIONAL_FIELDS) - self.left_out
        return replace(self, left_out=self.left_out | dropped) if dropped else None

    def stepped_down(self) -> Self | None:
        """The next dialect, without the fields that were refused in this one."""
        return None if self.dialect.next is None else replace(self, dialect=self.dialect.next)


def _in_words(schema: Mapping[str, Any]) -> str:
    form = json.dumps(schema, ensure_ascii=False)
    return f"\n\nReply with one JSON object that meets this JSON Schema, and with nothing else:\n{form}"
