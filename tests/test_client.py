"""The client against a real server: dialects, what is retried, what stops, and that the key stays where it belongs."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import Any

import pytest
from openai_replies import (
    content_filter,
    cut,
    cut_off_silently,
    drop,
    failure,
    hang,
    incomplete,
    no_quota,
    outcomes,
    rate_limited,
    raw,
    refusal,
    text,
    unknown_model,
)
from openai_server import Asked, ScriptedServer, in_turn
from pydantic import SecretStr

from eval.client import Finish, ModelClient, Reply
from ppai.errors import JudgeStopped, PPAIError, RequestFailed, ServerSilent

KEY = "sk-proj-Zq81mVtEw7Rk"
SCHEMA = {
    "type": "object",
    "properties": {"overall": {"type": "string", "enum": ["Response 1", "Response 2", "Tie"]}},
    "required": ["overall"],
    "additionalProperties": False,
}


async def ask(client: ModelClient, times: int = 1, **more: Any) -> list[Reply]:
    try:
        asked = [client.complete("Judge.", f"Pair {number}", SCHEMA, **more) for number in range(times)]
        return list(await asyncio.gather(*asked))
    finally:
        await client.close()


def run(server: ScriptedServer, times: int = 1, seed: int | None = None, **settings: Any) -> list[Reply]:
    client = ModelClient("gpt-4o", base_url=server.url, **{"timeout": 5.0, **settings})
    return asyncio.run(ask(client, times, seed=seed))


def test_the_responses_api_is_asked_with_a_strict_schema_and_without_a_stream() -> None:
    with ScriptedServer(streams=True) as server:
        (reply,) = run(server, seed=7)
    (asked,) = server.asked
    assert asked.path == "/v1/responses"
    assert asked.body["stream"] is False and asked.body["store"] is False
    assert asked.body["temperature"] == 0 and asked.body["seed"] == 7 and asked.body["max_output_tokens"] == 1000
    assert asked.body["text"]["format"] == {"type": "json_schema", "name": "reply", "strict": True, "schema": SCHEMA}
    assert (asked.system, asked.user) == ("Judge.", "Pair 0")
    assert '"overall": "Response 1"' in reply.text and reply.finish is Finish.STOP and reply.dialect == "responses"
    assert reply.model == "gpt-4o" and (reply.input_tokens or 0) > 0 and (reply.output_tokens or 0) > 0


def test_without_responses_chat_completions_is_asked_and_remembered() -> None:
    with ScriptedServer(responses=False) as server:
        replies = run(server, 20, seed=3)
    assert server.paths == {"/v1/responses": 1, "/v1/chat/completions": 20}
    body = server.asked[-1].body
    assert body["response_format"]["json_schema"] == {"name": "reply", "strict": True, "schema": SCHEMA}
    assert body["stream"] is False and body["max_tokens"] == 1000 and body["seed"] == 3
    assert {reply.dialect for reply in replies} == {"chat"} and replies[0].fingerprint == "fp_scripted"


def test_without_schemas_the_schema_stands_in_the_text() -> None:
    with ScriptedServer(unsupported=["text.format", "response_format"]) as server:
        replies = run(server, 5)
    assert server.paths == {"/v1/responses": 1, "/v1/chat/completions": 6}
    assert "response_format" not in server.asked[-1].body
    assert '"additionalProperties": false' in server.asked[-1].user
    assert {reply.dialect for reply in replies} == {"plain"}


def test_fields_that_a_server_refuses_are_left_out_from_then_on() -> None:
    with ScriptedServer(unsupported=["temperature", "seed", "store"]) as server:
        run(server, 10, seed=1)
    assert len(server.asked) == 10 + 3
    assert not {"temperature", "seed", "store"} & server.asked[-1].body.keys()
    assert server.paths.keys() == {"/v1/responses"}


def test_the_limit_of_output_tokens_has_two_names_in_chat_completions() -> None:
    with ScriptedServer(responses=False, unsupported=["max_tokens"]) as server:
        run(server)
    assert server.asked[-1].body["max_completion_tokens"] == 1000
    with ScriptedServer(responses=False, unsupported=["max_tokens", "max_completion_tokens"]) as server:
        client = ModelClient("gpt-4o", base_url=server.url)
        assert client.limits_output
        asyncio.run(ask(client))
        assert not client.limits_output


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_either_endpoint_is_told(status: int) -> None:
    with (
        ScriptedServer(lambda _: failure(status, None, "Not Found")) as server,
        pytest.raises(JudgeStopped, match=f"answered {status} Not Found: it does not speak OpenAI's API there$"),
    ):
        run(server, max_retries=0)
    assert server.paths == {"/v1/responses": 1, "/v1/chat/completions": 1}


def test_a_refusal_that_says_nothing_moves_on_while_nothing_has_worked_yet() -> None:
    def script(asked: Asked) -> Any:
        return outcomes({"overall": "Tie"}) if asked.path.endswith("completions") else failure(400, None, "Bad Request")

    with ScriptedServer(script) as server:
        (reply,) = run(server)
    assert reply.dialect == "chat"
    with ScriptedServer(in_turn([outcomes({"overall": "Tie"}), failure(400, None, "Bad Request")])) as server:

        async def twice() -> None:
            client = ModelClient("gpt-4o", base_url=server.url)
            await client.complete("", "one", SCHEMA)
            with pytest.raises(RequestFailed, match="answered 400 Bad Request"):
                await ask(client)

        asyncio.run(twice())
    assert server.paths == {"/v1/responses": 2}


@pytest.mark.parametrize("status", [400, 404, 422])
@pytest.mark.parametrize(
    "refused",
    [unknown_model("gpt-4o"), failure(400, None, "Server is pinned to 'a/b'; requested 'gpt-4o'."), None],
)
def test_an_unknown_model_stops_at_once(status: int, refused: Any) -> None:
    refused = refused or failure(400, "NotFoundError", "model 'gpt-4o' not found, try pulling it first")
    with (
        ScriptedServer(lambda _: replace(refused, status=status)) as server,
        pytest.raises(JudgeStopped, match=f"/v1 does not have the model 'gpt-4o' \\({status}\\)$"),
    ):
        run(server)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (failure(401, "invalid_api_key", f"Incorrect API key provided: {KEY}"), "does not accept the key"),
        (failure(403, None, f"{KEY} may not"), "forbids the request"),
        (no_quota(), "the quota of the key is spent"),
        (failure(402, None, "Insufficient Balance"), "the quota of the key is spent"),
    ],
)
def test_what_no_retry_mends_stops_after_one_request(reply: Any, words: str) -> None:
    with ScriptedServer(lambda _: reply) as server, pytest.raises(JudgeStopped, match=words) as stopped:
        run(server, api_key=SecretStr(KEY))
    assert len(server.asked) == 1 and "\n" not in str(stopped.value) and KEY[:10] not in str(stopped.value)


def test_openais_own_server_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-nowhere-but-settings")
    with pytest.raises(JudgeStopped, match=r"^OPENAI_API_KEY is not set$"):
        asyncio.run(ask(ModelClient("gpt-4o")))
    with pytest.raises(JudgeStopped, match="a space or a character that no key has"):
        ModelClient("gpt-4o", api_key=SecretStr("sk-two words"))


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://host/v1", "http://", "http://a host/v1"])
def test_a_wrong_address_is_told(url: str) -> None:
    with pytest.raises(PPAIError, match="--base-url"):
        ModelClient("gpt-4o", base_url=url)


@pytest.mark.parametrize("url", ["https://me:hunter22@models.example/v1", "https://models.example/v1?key=hunter22"])
def test_a_password_in_an_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(PPAIError, match="OPENAI_API_KEY") as error:
        ModelClient("gpt-4o", base_url=url)
    assert "hunter22" not in str(error.value)


@pytest.mark.parametrize(
    ("reply", "least", "most"),
    [(rate_limited(1), 1.0, 1.5), (rate_limited(milliseconds=700), 0.7, 1.2), (rate_limited(), 0.3, 0.8)],
)
def test_retry_after_is_waited_for(reply: Any, least: float, most: float) -> None:
    with ScriptedServer(in_turn([reply])) as server:
        (answer,) = run(server)
    first, second = server.asked
    assert least <= second.at - first.at <= most
    assert answer.seconds is not None and answer.seconds >= least


def test_a_longer_wait_than_the_library_takes_is_waited_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.client.transport.LONGEST_WAIT", 120.5)
    with (
        ScriptedServer(in_turn([rate_limited(121)])) as server,
        pytest.raises(RequestFailed, match="asks to wait 121 s"),
    ):
        run(server)
    assert len(server.asked) == 1
    waits: list[float] = []
    monkeypatch.setattr("eval.client.transport.LONGEST_WAIT", 600)
    real = asyncio.sleep
    monkeypatch.setattr("eval.client.transport.asyncio.sleep", lambda seconds: waits.append(seconds) or real(0))
    with ScriptedServer(in_turn([rate_limited(300)])) as server:
        run(server)
    assert 300 in waits and len(server.asked) == 2


@pytest.mark.parametrize(
    "reply",
    [failure(500), failure(503), failure(408), drop(), cut("x" * 500), raw(), raw("[]"), raw('{"output": null}')],
    ids=["500", "503", "408", "lost", "cut", "html", "list", "no output"],
)
def test_what_may_pass_is_tried_again_and_then_given_up(reply: Any) -> None:
    with ScriptedServer(in_turn([reply])) as server:
        (answer,) = run(server)
    assert answer.finish is Finish.STOP and len(server.asked) == 2
    with ScriptedServer(lambda _: reply) as server, pytest.raises(RequestFailed) as failed:
        run(server, max_retries=1)
    assert len(server.asked) == 2 and "\n" not in str(failed.value) and server.url in str(failed.value)


def test_a_hang_ends_with_the_timeout() -> None:
    started = time.monotonic()
    with (
        ScriptedServer(lambda _: hang()) as server,
        pytest.raises(RequestFailed, match=r"did not answer within 0\.5 s$"),
    ):
        run(server, timeout=0.5, max_retries=1)
    assert time.monotonic() - started < 4


def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    with ScriptedServer() as server:
        pass
    with pytest.raises(ServerSilent, match="cannot be reached: "):
        run(server, max_retries=0)


def test_a_server_that_has_answered_is_not_silent() -> None:
    with ScriptedServer(in_turn([text("x"), drop()])) as server, pytest.raises(RequestFailed) as failed:
        run(server, 2, max_retries=0)
    assert not isinstance(failed.value, ServerSilent)


@pytest.mark.parametrize("path", ["responses", "chat"])
@pytest.mark.parametrize(
    ("reply", "finish"),
    [
        (refusal("No."), Finish.REFUSAL),
        (content_filter(), Finish.CONTENT_FILTER),
        (incomplete(), Finish.LENGTH),
        (cut_off_silently(), Finish.LENGTH),
        (text(""), Finish.STOP),
    ],
)
def test_how_a_reply_ended_is_read_in_both_dialects(path: str, reply: Any, finish: Finish) -> None:
    with ScriptedServer(lambda _: reply, responses=path == "responses") as server:
        (answer,) = run(server)
    assert answer.finish is finish and answer.dialect == path
    assert answer.refusal == ("No." if finish is Finish.REFUSAL else None)


@pytest.mark.parametrize(
    ("refused", "finish"),
    [
        (failure(400, "context_length_exceeded", "This model's maximum context length is 10 tokens."), Finish.TOO_LONG),
        (
            failure(400, None, "'max_tokens' is too large; the context length is 10.", param="max_tokens"),
            Finish.TOO_LONG,
        ),
        (failure(400, "invalid_prompt", "Flagged."), Finish.CONTENT_FILTER),
        (failure(400, "content_filter", "Filtered."), Finish.CONTENT_FILTER),
    ],
)
def test_a_request_that_is_refused_for_its_text_is_a_reply_of_its_own(refused: Any, finish: Finish) -> None:
    with ScriptedServer(in_turn([refused])) as server:
        (reply,) = run(server)
    assert reply.finish is finish and reply.refusal and len(server.asked) == 1


def test_a_first_request_that_hangs_does_not_hold_the_others_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.client.model_client._FIRST_ALONE", 0.3)
    with ScriptedServer(in_turn([replace(outcomes({"overall": "Tie"}), delay=2.0)])) as server:
        run(server, 4)
    assert sorted(asked.at - server.asked[0].at < 1.0 for asked in server.asked) == [True] * 4


def test_a_batch_holds_the_same_requests_and_its_replies_are_read_the_same() -> None:
    with ScriptedServer() as server:
        run(server, seed=5)
        client = ModelClient("gpt-4o", base_url=server.url)
        path, body = client.request_body("Judge.", "Pair 0", SCHEMA, seed=5)
    assert (path, body) == (server.asked[0].path, server.asked[0].body)
    part = {"type": "output_text", "text": "{}"}
    answer = {"status": "completed", "output": [{"type": "message", "content": [part]}], "usage": {"output_tokens": 9}}
    assert client.read_body(path, answer).text == "{}"
    assert client.read_body(path, answer, max_output_tokens=9).finish is Finish.LENGTH
    with pytest.raises(RequestFailed, match="no JSON object"):
        client.read_body(path, None)


def test_the_key_is_nowhere_but_in_the_header(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = [failure(500, None, f"bad {KEY}"), text(f"You sent {KEY}."), refusal(f"Not for {KEY}.")]
    client_shown = repr(ModelClient("gpt-4o", base_url="http://127.0.0.1:1", api_key=SecretStr(KEY)).__dict__)
    told = []
    with ScriptedServer(in_turn(echo)) as server:
        for _ in range(2):
            told += run(server, api_key=SecretStr(KEY))
    for status in (400, 409, 422, 500):
        with ScriptedServer(lambda _, s=status: failure(s, KEY, f"{KEY[:9]}***{KEY[-4:]} {KEY}")) as server:
            with pytest.raises(PPAIError) as error:
                run(server, api_key=SecretStr(KEY), max_retries=0)
            told.append(str(error.value))
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert told[0].text == "You sent [key]." and told[1].refusal == "Not for [key]."
    assert KEY[:9] not in repr(told) and KEY[-4:] not in repr(told)
    assert KEY not in caplog.text and caplog.text
    assert KEY not in client_shown
