"""What a model answered, read from the body of a Responses or a Chat Completions reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Finish(StrEnum):
    """Why a reply ended."""

    STOP = "stop"
    LENGTH = "length"
    """At the limit of output tokens, whatever the server calls it."""
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    TOO_LONG = "too_long"
    """What was asked does not fit the model's context; nothing was generated."""


POLICY_CODES = (
    "invalid_prompt",
    "content_filter",
    "content_policy_violation",
    "bio_policy",
    "misalignment_policy_violation",
)
"""With which a server refuses what was asked, before or after the model has seen it."""


class NotAReply(Exception):
    """A body with status 200 that holds no reply. `transient` where another attempt may bring one."""

    def __init__(self, what: str, transient: bool = True) -> None:
        self.what = what
        self.transient = transient
        super().__init__(what)


@dataclass(frozen=True)
class Reply:
    """One reply. Token counts are None where the server does not say them."""

    text: str = ""
    finish: Finish = Finish.STOP
    refusal: str | None = None
    """What the model said instead of an answer; with `content_filter` and `too_long`, what the server said."""
    model: str | None = None
    """That answered, as its server names it."""
    fingerprint: str | None = None
    input_tokens: int | None = None
    """Cached ones included."""
    cached_tokens: int = 0
    output_tokens: int | None = None
    """Reasoning included."""
    dialect: str = ""
    seconds: float | None = None
    """From the first attempt to the reply, waits between attempts included."""


def read_reply(path: str, body: Any, limit: int | None = None) -> Reply:
    """The reply in the JSON `body` that the endpoint `path` gave; cut off where its output has just `limit` tokens.

    A longer one was not held to the limit, which is None where the server takes none. Raises NotAReply where there is
    no reply in it.
    """
    if not isinstance(body, Mapping):
        raise NotAReply("a reply that is no JSON object")
    reply = _of_responses(body) if path.endswith("/responses") else _of_chat(body)
    if limit is not None and reply.output_tokens == limit:
        reply = _ended(reply, Finish.LENGTH) if reply.finish is Finish.STOP else reply
    return reply


def _ended(reply: Reply, finish: Finish) -> Reply:
    return Reply(**{**vars(reply), "finish": finish})


def _of_responses(body: Mapping[str, Any]) -> Reply:
    output, error = body.get("output"), _mapping(body.get("error"))
    if error.get("code") in POLICY_CODES:
        return Reply(finish=Finish.CONTENT_FILTER, refusal=_text(error.get("message")) or None)
    if not isinstance(output, list) or body.get("status") not in ("completed", "incomplete", None):
        raise _failed(body)
    parts = [part for item in _mappings(output) for part in _mappings(item.get("content")) if _is_said(item)]
    refusal = "".join(_text(part.get("refusal")) for part in parts if part.get("type") == "refusal")
    reason = _text(_mapping(body.get("incomplete_details")).get("reason"))
    finish = Finish.STOP
    if body.get("status") == "incomplete" or reason:
        finish = Finish.CONTENT_FILTER if reason == "content_filter" else Finish.LENGTH
    elif refusal:
        finish = Finish.REFUSAL
    usage = _mapping(body.get("usage"))
    return Reply(
        text="".join(_text(part.get("text")) for part in parts if part.get("type") in ("output_text", "text")),
        finish=finish,
        refusal=refusal or None,
        model=_text(body.get("model")) or None,
        fingerprint=_text(body.get("system_fingerprint")) or None,
        input_tokens=_count(usage.get("input_tokens")),
        cached_tokens=_count(_mapping(usage.get("input_tokens_details")).get("cached_tokens")) or 0,
        output_tokens=_count(usage.get("output_tokens")),
    )


_FINISH_OF_CHAT = {"length": Finish.LENGTH, "max_tokens": Finish.LENGTH, "content_filter": Finish.CONTENT_FILTER}


def _of_chat(body: Mapping[str, Any]) -> Reply:
    choices = _mappings(body.get("choices"))
    if not choices:
        raise _failed(body)
    message = _mapping(choices[0].get("message"))
    refusal = _text(message.get("refusal"))
    finish = _FINISH_OF_CHAT.get(_text(choices[0].get("finish_reason")), Finish.STOP)
    if refusal and finish is Finish.STOP:
        finish = Finish.REFUSAL
    usage = _mapping(body.get("usage"))
    content = message.get("content")
    text = content if isinstance(content, str) else "".join(_text(part.get("text")) for part in _mappings(content))
    return Reply(
        text=text,
        finish=finish,
        refusal=refusal or None,
        model=_text(body.get("model")) or None,
        fingerprint=_text(body.get("system_fingerprint")) or None,
        input_tokens=_count(usage.get("prompt_tokens")),
        cached_tokens=_count(_mapping(usage.get("prompt_tokens_details")).get("cached_tokens")) or 0,
        output_tokens=_count(usage.get("completion_tokens")),
    )


def _failed(body: Mapping[str, Any]) -> NotAReply:
    """Of a failure that came with status 200: the model's own, or a server that knows no such endpoint."""
    error = body.get("error")
    said = _text(error) or _text(_mapping(error).get("message"))
    code = _text(_mapping(error).get("code"))
    transient = error is None or code in ("", "server_error", "rate_limit_exceeded", "vector_store_timeout")
    return NotAReply(said or "a reply without output", transient and not _names_endpoint(said))


def _names_endpoint(said: str) -> bool:
    return any(word in said.lower() for word in ("endpoint", "unknown path", "unknown route"))


def _is_said(item: Mapping[str, Any]) -> bool:
    """Reasoning is no part of the answer."""
    return item.get("type", "message") == "message"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
