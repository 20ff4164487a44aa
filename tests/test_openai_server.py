"""The scripted server answers OpenAI's own client as OpenAI's API does, and counts what it was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import openai
import pytest
from openai_replies import (
    Reply,
    content_filter,
    cut,
    cut_off_silently,
    drop,
    expired,
    failure,
    hang,
    incomplete,
    no_quota,
    outcomes,
    rate_limited,
    refusal,
)
from openai_server import Asked, ScriptedServer, in_turn
from shown_pairs import Shown, ShownPairs
from small_studies import small_study

from ppai.schema import Response

SCHEMA = {"type": "object", "properties": {"overall": {"enum": ["Response 1", "Response 2", "Tie"]}}}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def client(server: ScriptedServer, **more: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.url, api_key="sk-secret", **({"max_retries": 0, "timeout": 0.5} | more))


def ask(server: ScriptedServer, text: str = "which?", **more: Any) -> Any:
    wanted: Any = {"type": "json_schema", "name": "verdict", "schema": SCHEMA, "strict": True}
    return client(server).responses.create(model="gpt-4o", input=text, text={"format": wanted}, **more)


def test_both_apis_answer_and_items_are_counted(server: ScriptedServer) -> None:
    assert json.loads(ask(server).output_text)["overall"] == "Response 1"
    message: Any = {"role": "user", "content": "which?"}
    made = client(server).chat.completions.create(model="m", messages=[message])
    assert (made.model, made.choices[0].finish_reason) == ("m", "stop")
    assert server.paths == {"/v1/responses": 1, "/v1/chat/completions": 1}
    assert list(server.answers.values()) == [2]
    assert [asked.path for asked in server.asked_after_answer()] == ["/v1/chat/completions"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (failure(401), openai.AuthenticationError),
        (failure(404), openai.NotFoundError),
        (failure(422), openai.UnprocessableEntityError),
        (failure(503), openai.InternalServerError),
        (no_quota(), openai.RateLimitError),
        (hang(), openai.APITimeoutError),
        (cut(), openai.APIConnectionError),
        (drop(), openai.APIConnectionError),
    ],
)
def test_a_failure_is_what_the_client_takes_it_for(server: ScriptedServer, reply: Reply, error: type) -> None:
    server.script = in_turn([reply])
    with pytest.raises(error):
        ask(server)
    assert not server.answers
    ask(server)
    assert not server.asked_after_answer()


def test_the_server_s_limits_come_before_the_script() -> None:
    with ScriptedServer(responses=False, unsupported=("seed",), models=("m",), key="sk-right") as server:
        message: Any = {"role": "user", "content": "which?"}
        right = client(server).with_options(api_key="sk-right")
        with pytest.raises(openai.AuthenticationError, match="sk-secret"):
            ask(server)
        with pytest.raises(openai.NotFoundError, match="does not exist"):
            right.chat.completions.create(model="other", messages=[message])
        with pytest.raises(openai.BadRequestError, match="seed"):
            right.chat.completions.create(model="m", messages=[message], seed=1)
        with pytest.raises(openai.NotFoundError):
            right.responses.create(model="m", input="which?")


def test_replies_without_a_verdict_keep_their_reason(server: ScriptedServer) -> None:
    server.script = in_turn([refusal("No."), incomplete("{"), content_filter("{"), cut_off_silently("{", 10)])
    refused, cut_off, filtered, silent = (ask(server, max_output_tokens=10) for _ in range(4))
    assert refused.output[0].content[0].refusal == "No."
    assert (cut_off.status, cut_off.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert filtered.incomplete_details.reason == "content_filter"
    assert (silent.status, silent.usage.output_tokens) == ("completed", 10)


def test_a_rate_limit_names_its_wait_and_the_client_waits(server: ScriptedServer) -> None:
    server.script = in_turn([rate_limited(milliseconds=300)])
    client(server, max_retries=1).responses.create(model="m", input="x")
    first, second = server.asked
    assert second.at - first.at >= 0.25


def test_it_streams_unless_told_not_to(server: ScriptedServer) -> None:
    server.streams = True
    assert isinstance(ask(server), str), "the client cannot read a stream as a response"
    assert ask(server, stream=False).output_text
    assert [event.type for event in ask(server, stream=True)][-1] == "response.completed"


def test_requests_at_once_are_counted(server: ScriptedServer) -> None:
    server.script = lambda asked: replace(outcomes({"overall": "Tie"}), delay=0.5)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: ask(server, f"item {number}", timeout=60), range(8)))
    assert (server.max_in_flight, len(server.answers)) == (4, 8)


def test_a_batch_is_uploaded_polled_and_collected(server: ScriptedServer) -> None:
    replies = {"a": outcomes({"overall": "Tie"}), "b": failure(400), "c": expired()}
    server.script = lambda asked: replies[asked.user]
    api = client(server)
    lines = [
        {"custom_id": key, "method": "POST", "url": "/v1/responses", "body": {"model": "m", "input": key}}
        for key in replies
    ]
    file = api.files.create(file=("in.jsonl", "\n".join(map(json.dumps, lines)).encode()), purpose="batch")
    server.batches.lose_answers = 1
    with pytest.raises(openai.APIConnectionError):
        api.batches.create(
            input_file_id=file.id, endpoint="/v1/responses", completion_window="24h", metadata={"run": "r1"}
        )
    (batch,) = api.batches.list(limit=1)
    assert (batch.status, batch.metadata) == ("validating", {"run": "r1"})
    assert [api.batches.retrieve(batch.id).status for _ in range(2)] == ["in_progress", "expired"]
    done = api.batches.retrieve(batch.id)
    assert done.output_file_id and done.error_file_id
    output = [json.loads(line) for line in api.files.content(done.output_file_id).text.splitlines()]
    errors = [json.loads(line) for line in api.files.content(done.error_file_id).text.splitlines()]
    assert [(line["custom_id"], line["response"]["status_code"]) for line in output] == [("a", 200)]
    assert {line["custom_id"]: (line["response"] or {}).get("status_code") for line in errors} == {"b": 400, "c": None}
    assert [asked.batch for asked in server.asked] == [batch.id] * 3


def test_the_shown_pair_is_told_from_the_texts() -> None:
    study = small_study(prompts=("p1", "p2"))
    texts = {("p1", "base"): "one", ("p1", "new"): "two", ("p2", "base"): "three", ("p2", "new"): "four"}
    responses = tuple(Response(prompt_id=p, system=s, text=text) for (p, s), text in texts.items())
    pairs = ShownPairs(study.model_copy(update={"responses": responses}))

    def request(text: str) -> Asked:
        return Asked("/v1/responses", {"input": text}, {}, 0.0)

    assert pairs.find(request("Post: p2. four | three")) == Shown("p2", "new", "base")
    with pytest.raises(LookupError):
        pairs.find(request("Post: p2. four"))
