"""What the scripted server can say to one request: the bodies of OpenAI's API, and the ways in which they go wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FINGERPRINT = "fp_scripted"
Kind = Literal["text", "refusal", "content_filter", "incomplete", "error", "raw", "hang", "cut", "drop", "expired"]
LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")


@dataclass(frozen=True)
class Reply:
    """One answer of the server. `dataclasses.replace(reply, delay=1.0)` makes a slow one of any."""

    text: str = ""
    """Of the model; for `raw`, the whole body."""
    kind: Kind = "text"
    delay: float = 0.0
    """Seconds before it is sent."""
    status: int = 200
    error: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    output_tokens: int | None = None
    """About a quarter of the text's characters where it is not said."""
    model: str | None = None
    """That answered; the model that was asked for where it is not said."""
    pace: float | None = None
    """Seconds between the words of a streamed chat completion, each a chunk of its own; one chunk where it is None."""
    lost_after: int | None = None
    """Words after which a paced stream loses its connection."""


def outcomes(answers: Mapping[str, str], justification: str = "As asked.") -> Reply:
    """A good answer: `Response 1`, `Response 2` or `Tie` by criterion."""
    return Reply(json.dumps({"justification": justification} | dict(answers)))


def text(content: str) -> Reply:
    return Reply(content)


def refusal(words: str = "I cannot help with that.") -> Reply:
    return Reply(words, "refusal")


def content_filter(part: str = "") -> Reply:
    """Stopped by a content filter after `part`."""
    return Reply(part, "content_filter")


def incomplete(part: str = '{"justification": "The fir') -> Reply:
    """Cut off at the token limit, and said to be."""
    return Reply(part, "incomplete")


def cut_off_silently(part: str = '{"justification": "The fir', tokens: int = 10**6) -> Reply:
    """Cut off at the token limit and called complete, as `transformers serve` does; the usage alone tells."""
    return Reply(part, output_tokens=tokens)


def failure(status: int, code: str | None = None, message: str = "scripted", **more: Any) -> Reply:
    """An error with the body of OpenAI's; `headers` and `param` may be given."""
    headers, delay = more.pop("headers", {}), more.pop("delay", 0.0)
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code} | more
    return Reply(kind="error", status=status, error=error, headers=headers, delay=delay)


def rate_limited(seconds: float | None = None, milliseconds: int | None = None) -> Reply:
    """429 with Retry-After in seconds, retry-after-ms, both or none."""
    headers = {} if seconds is None else {"retry-after": f"{seconds:g}"}
    headers |= {} if milliseconds is None else {"retry-after-ms": str(milliseconds)}
    return failure(429, "rate_limit_exceeded", "Rate limit reached.", type="requests", headers=headers)


def no_quota() -> Reply:
    return failure(429, "insufficient_quota", "You exceeded your current quota.", type="insufficient_quota")


def unknown_model(model: str = "the model", status: int = 404) -> Reply:
    words = f"The model `{model}` does not exist or you do not have access to it."
    return failure(status, "model_not_found", words)


def unsupported(parameter: str, status: int = 400) -> Reply:
    words = f"Unsupported parameter: '{parameter}' is not supported with this model."
    return failure(status, "unsupported_parameter", words, param=parameter)


def raw(body: str = "<html>busy</html>", status: int = 200) -> Reply:
    """A body that is not of the API."""
    return Reply(body, "raw", status=status)


def hang() -> Reply:
    """No answer until the client gives up."""
    return Reply(kind="hang")


def cut(content: str = "") -> Reply:
    """A body that ends before the length that its header says."""
    return Reply(content, "cut")


def drop() -> Reply:
    """The connection is closed without an answer."""
    return Reply(kind="drop")


def expired() -> Reply:
    """In a batch: not done within its window."""
    return Reply(kind="expired")


def error_body(reply: Reply) -> dict[str, Any]:
    return {"error": dict(reply.error)}


def body_of(reply: Reply, path: str, asked: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The body of a reply that is no error, as `path` has it."""
    sent = int(len(json.dumps(asked)) / 4)
    limit = next((asked[name] for name in LIMITS if asked.get(name)), 10**6)
    tokens = max(1, len(reply.text) // 4) if reply.output_tokens is None else reply.output_tokens
    tokens = limit if reply.kind == "incomplete" else min(tokens, limit)
    model = reply.model or str(asked.get("model"))
    return (_response if path.endswith("/responses") else _completion)(reply, model, number, sent, tokens)


def _response(reply: Reply, model: str, number: int, sent: int, tokens: int) -> dict[str, Any]:
    part = (
        {"type": "refusal", "refusal": reply.text}
        if reply.kind == "refusal"
        else {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
    )
    reason = {"incomplete": "max_output_tokens", "content_filter": "content_filter"}.get(reply.kind)
    status = "incomplete" if reason else "completed"
    message = {"id": f"msg_{number}", "type": "message", "status": status, "role": "assistant", "content": [part]}
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "model": model,
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "metadata": {},
        "usage": {
            "input_tokens": sent,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": sent + tokens,
        },
    }


def _completion(reply: Reply, model: str, number: int, sent: int, tokens: int) -> dict[str, Any]:
    refused = reply.kind == "refusal"
    message = {
        "role": "assistant",
        "content": None if refused else reply.text,
        "refusal": reply.text if refused else None,
    }
    finish = {"incomplete": "length", "content_filter": "content_filter"}.get(reply.kind, "stop")
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "system_fingerprint": FINGERPRINT,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": sent,
            "completion_tokens": tokens,
            "total_tokens": sent + tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }


def word_events(body: Mapping[str, Any]) -> Iterator[str]:
    """A chat completion as a stream of server-sent events: a chunk for each word, and one that says why it ended."""
    choice = body["choices"][0]
    message = choice["message"]
    common = {**body, "object": "chat.completion.chunk", "usage": None}
    for word in re.findall(r"\s*\S+\s*", message["content"] or message["refusal"] or ""):
        delta = {"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}
        yield f"data: {json.dumps({**common, 'choices': [delta]})}\n\n"
    ended = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    yield f"data: {json.dumps({**common, 'choices': [ended]})}\n\ndata: [DONE]\n\n"


def events_of(body: Mapping[str, Any]) -> str:
    """The same body as a stream of server-sent events, shortened to those that carry something."""
    if body["object"] == "response":
        part = body["output"][0]["content"][0]
        said = part.get("text") or part.get("refusal")
        events = [
            {"type": "response.created", "response": {**body, "status": "in_progress", "output": []}},
            {"type": "response.output_text.delta", "delta": said, "output_index": 0, "content_index": 0},
            {"type": "response.completed", "response": body},
        ]
        return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    choice = body["choices"][0]
    chunk = {**body, "object": "chat.completion.chunk", "choices": [{**choice, "delta": choice["message"]}]}
    return f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
