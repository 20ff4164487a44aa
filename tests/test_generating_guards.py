"""What `ppai generate` guards: paid work, people's votes, what raters see, and what is published of a system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from generated import Ran, configured, general, partial, published, rows_of, save, target
from openai_replies import Reply, content_filter, failure, refusal, text
from openai_server import Asked, ScriptedServer, in_turn

from eval.generating.voted import votes_on
from ppai.errors import StudyError

TOO_LONG = failure(400, "context_length_exceeded", "This model's maximum context length is 10 tokens.")
NO_LUCK = failure(400, None, "no such luck")
FILTERED = "The response was filtered due to a policy of the vendor."


def echo(asked: Asked) -> Reply:
    return text(f"On {asked.user.split(':')[0]} at {asked.body['temperature']}: wait.")


def but(number: int, reply: Reply) -> Any:
    return lambda asked: reply if f"Post {number}:" in asked.user else echo(asked)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(echo) as server:
        yield server


def at(server: ScriptedServer, system: str = "base") -> list[object]:
    return ["--system", system, "--model", "m", "--base-url", server.url, "--concurrency", 1]


# Paid work


def test_a_run_that_makes_all_again_goes_on_where_it_stopped(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 6)
    with ScriptedServer(in_turn([*[echo] * 6, *[echo] * 4, NO_LUCK], echo)) as server:
        ran(directory, *at(server))
        before = target(directory).read_bytes()
        ran(directory, *at(server), "--again", code=1)
        assert len(server.asked) == 12 and target(directory).read_bytes() == before
        assert "1 responses to make, 5 made already" in ran(directory, *at(server), "--again")
        assert len(server.asked) == 13 and not partial(directory).exists()
    assert all("again" not in row for row in rows_of(target(directory)))


def test_what_was_made_without_again_is_made_anew_by_it(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 3)
    with ScriptedServer(in_turn([echo, NO_LUCK], echo)) as server:
        ran(directory, *at(server), code=1)
        assert "base: 3 responses to make\n" in ran(directory, *at(server), "--again")
        assert len(server.asked) == 3 + 3


def test_a_stopped_run_that_made_all_again_counts_for_its_own_settings(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 3)
    with ScriptedServer(in_turn([echo, echo, NO_LUCK], echo)) as server:
        ran(directory, *at(server), "--again", code=1)
        assert "base: 3 responses to make\n" in ran(directory, *at(server), "--again", "--temperature", 0.1)
    assert {row["sampling"]["temperature"] for row in rows_of(target(directory))} == {0.1}


@pytest.mark.parametrize("options", [(), ("--again",)])
def test_what_was_kept_of_other_prompts_outlasts_a_run_of_some(
    tmp_path: Path, ran: Ran, options: tuple[str, ...]
) -> None:
    directory = published(tmp_path / "study", 4)
    with ScriptedServer(in_turn([echo, echo, echo, NO_LUCK], echo)) as server:
        ran(directory, *at(server), code=1)
        ran(directory, *at(server), "--ids", "4", *options)
        assert "0 responses to make, 4 made already" in ran(directory, *at(server))
        assert len(server.asked) == 5 and not partial(directory).exists()


# Failures


def test_a_server_that_fails_is_given_up_and_another_is_asked(tmp_path: Path, ran: Ran) -> None:
    entry = '  - {{id: {}, generation: {{model: m, base_url: "{}"}}}}\n'
    for order in (("broken", "good"), ("good", "broken")):
        with ScriptedServer(lambda _: NO_LUCK) as broken, ScriptedServer(echo) as good:
            urls = {"broken": broken.url, "good": good.url}
            config = "systems:\n" + "".join(entry.format(name, urls[name]) for name in order)
            directory = published(tmp_path / order[0], 10, config)
            said = ran(directory, "--concurrency", 2, code=1)
            assert len(good.asked) == 10 and target(directory, "good").exists()
            assert len({asked.user for asked in broken.asked}) <= 4, "three failures, and one under way"
            assert "of 'broken': " in said and "no such luck" in said


def test_failures_that_are_no_servers_end_do_not_stop_the_others(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 4)
    with ScriptedServer(in_turn([NO_LUCK] * 4, echo)) as server:
        said = ran(directory, *at(server), code=1)
        assert "2 requests failed, the last: prompt '2' of 'base': http" in said
        assert len({asked.user for asked in server.asked}) == 4 and len(rows_of(partial(directory))) == 2


def test_a_prompt_that_is_too_long_is_named_and_can_be_left_out(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 4)
    with ScriptedServer(but(1, TOO_LONG)) as server:
        said = ran(directory, *at(server), code=1)
        assert "base: prompt '1' does not fit the model's context; --ids without it writes the others\n" in said
        assert len(server.asked) == 4 and "makes what is missing" not in said
        ran(directory, *at(server), "--ids", "2,3,4")
        assert len(server.asked) == 4
    assert [row["id"] for row in rows_of(target(directory))] == [2, 3, 4]


def test_prompts_that_are_all_too_long_are_named_and_each_is_tried(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 5)
    with ScriptedServer(lambda _: TOO_LONG) as server:
        said = ran(directory, *at(server), code=1)
        assert "base: prompts '1', '2', '3', '4', '5' do not fit the model's context\n" in said
        assert len(server.asked) == 5


@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_prompt_without_text_is_told_before_anything_is_asked(
    tmp_path: Path, server: ScriptedServer, ran: Ran, blank: str
) -> None:
    directory = published(tmp_path / "study", 3)
    prompts = rows_of(directory / "posts_test_samples.jsonl")
    prompts[1]["text"] = blank
    save(directory / "posts_test_samples.jsonl", prompts)
    assert "prompt '2' has no text" in ran(directory, *at(server), code=2)
    assert not server.asked and not partial(directory).exists()
    ran(directory, *at(server), "--ids", "1,3")


# What raters see


@pytest.mark.parametrize(
    ("reply", "shown", "said"),
    [
        (failure(400, "content_filter", FILTERED), "", ", 1 of them empty, 1 of them filtered\n"),
        (content_filter("It passes."), "It passes.", ", 1 of them filtered\n"),
        (refusal("I cannot help."), "I cannot help.", ", 1 of them refused\n"),
    ],
    ids=["the prompt", "the response", "the model"],
)
def test_what_a_filter_says_is_recorded_and_never_shown(
    tmp_path: Path, ran: Ran, reply: Reply, shown: str, said: str
) -> None:
    directory = published(tmp_path / "study", 2)
    with ScriptedServer(but(2, reply)) as server:
        assert f"2 responses in {target(directory)}{said}" in ran(directory, *at(server))
        assert said in ran(directory, *at(server)) and len(server.asked) == 2
    row = rows_of(target(directory))[1]
    assert row["ai_answer"] == row["raw_text"] == shown and row["ended"]
    words = row["sampling"]["made_with"].get("server_said")
    assert row["finish"] == ("refusal" if shown == "I cannot help." else "content_filter")
    assert words == (FILTERED if not shown else None)


@pytest.mark.parametrize(("tokens", "ended"), [(150, False), (149, True)])
def test_a_server_that_takes_the_limit_ended_what_has_just_as_many_tokens(
    tmp_path: Path, ran: Ran, tokens: int, ended: bool
) -> None:
    directory = published(tmp_path / "study", 1)
    with ScriptedServer(lambda _: Reply("It passes. Then he", output_tokens=tokens)) as server:
        ran(directory, *at(server))
    assert rows_of(target(directory))[0]["ended"] is ended


def test_what_a_server_without_a_limit_ended_itself_is_whole(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 1)
    whole = "Go to bed early.\nMost of all: hug her"
    limits = ("max_tokens", "max_completion_tokens")
    for tokens in (150, 200):
        with ScriptedServer(lambda _, n=tokens: Reply(whole, output_tokens=n), unsupported=limits) as server:
            ran(directory, *at(server), "--again")
        (row,) = rows_of(target(directory))
        assert row["ended"] and row["ai_answer"] == whole
        assert row["sampling"]["made_with"]["not_sent"] == ["max_new_tokens"]


# What is published of a system


@pytest.mark.parametrize("key", ["api_key", "stop", "Top-K", "temprature"])
def test_a_key_that_no_generation_has_is_refused_and_its_value_not_repeated(
    tmp_path: Path, server: ScriptedServer, ran: Ran, key: str
) -> None:
    values = f'{{model: m, base_url: "{server.url}", {key}: sk-of-somebody}}'
    directory = published(tmp_path / "study", 1, f"systems:\n  - {{id: base, generation: {values}}}\n")
    said = ran(directory, code=2)
    assert f"study.yaml:2: systems.0.generation.{key}: is not a known key" in said and "sk-of" not in said
    assert not server.asked and not target(directory).exists()


def test_what_a_server_cannot_be_told_is_refused(tmp_path: Path, server: ScriptedServer, ran: Ran) -> None:
    directory = published(tmp_path / "study", 1)
    assert "--load-in-4bit: a server loads its model itself" in ran(directory, *at(server), "--load-in-4bit", code=2)
    assert "--load-in-4bit: a server" in ran(directory, *at(server), "--no-load-in-4bit", code=2)
    values = f'{{model: m, base_url: "{server.url}", load_in_4bit: true}}'
    configured(directory, f"systems:\n  - {{id: base, generation: {values}}}\n")
    assert "study.yaml:2: systems.0.generation.load_in_4bit: a server loads" in ran(directory, code=2)
    assert not server.asked


# People's votes


def vote(number: int, prompt: str, **more: object) -> dict[str, Any]:
    sides = {"system_a": "a", "system_b": "b", "rater": "r"}
    return {"vote_id": f"v{number}", "prompt_id": prompt, **sides, "outcomes": {"overall": "a"}} | more


def voted(directory: Path, server: ScriptedServer, ran: Ran, prompts: tuple[str, str]) -> Path:
    """A study of `a` and `b` with two votes on the first of the prompts, and one on the second that was taken back."""
    for system in ("a", "b"):
        ran(directory, *at(server, system))
    first, second = prompts
    taken_back = [vote(3, second), vote(3, second, revision=2, status="void")]
    save(directory / "votes.jsonl", [vote(1, first), vote(2, first, rater="s", revision=3), *taken_back])
    return directory


@pytest.mark.parametrize("layout", [general, published])
def test_a_text_that_people_voted_on_is_replaced_only_when_asked(
    tmp_path: Path, server: ScriptedServer, ran: Ran, layout: Any
) -> None:
    ids = ("p1", "p2") if layout is general else ("1", "2")
    directory = voted(layout(tmp_path / "study", 2), server, ran, ids)
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    cooler = [*at(server, "a"), "--temperature", 0.1]
    said = ran(directory, *cooler, code=2)
    assert "2 votes were given on responses of 'a' that would be replaced (2 made with other settings)" in said
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before and len(server.asked) == 4
    assert "2 responses to make; 2 votes were given on the texts" in ran(directory, *cooler, "--again")
    assert len(server.asked) == 6


def test_a_prompt_that_people_voted_on_may_not_change_unsaid(tmp_path: Path, server: ScriptedServer, ran: Ran) -> None:
    directory = voted(general(tmp_path / "study", 2), server, ran, ("p1", "p2"))
    prompts = rows_of(directory / "prompts.jsonl")
    save(directory / "prompts.jsonl", [prompts[0] | {"text": "Another"}, prompts[1]])
    assert "(1 written for another text): --again" in ran(directory, *at(server, "a"), code=2)


def test_votes_keep_nobody_from_what_replaces_nothing(tmp_path: Path, server: ScriptedServer, ran: Ran) -> None:
    directory = voted(general(tmp_path / "study", 2), server, ran, ("p1", "p2"))
    prompts = rows_of(directory / "prompts.jsonl")
    save(directory / "prompts.jsonl", [*prompts, {"id": "p3", "text": "Post 3"}])
    assert "1 responses to make, 2 made already" in ran(directory, *at(server, "a"))
    ran(directory, *at(server, "c"))
    ran(directory, *at(server, "b"), "--temperature", 0.1, "--ids", "p2,p3")
    assert [row["system"] for row in rows_of(directory / "responses.jsonl")].count("c") == 3


def test_a_stopped_run_does_not_slip_its_texts_under_votes(tmp_path: Path, ran: Ran) -> None:
    """It made them again, and the next one was not asked to."""
    directory = published(tmp_path / "study", 2)
    with ScriptedServer(in_turn([*[echo] * 4, text("Otherwise."), NO_LUCK], echo)) as server:
        voted(directory, server, ran, ("1", "2"))
        ran(directory, *at(server, "a"), "--again", code=1)
        assert "2 votes were given on responses of 'a'" in ran(directory, *at(server, "a"), code=2)
        ran(directory, *at(server, "a"), "--again")
    assert rows_of(target(directory, "a"))[0]["ai_answer"] == "Otherwise."


def test_votes_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    assert votes_on(tmp_path, "a", {"1"}) == 0
    (tmp_path / "votes.jsonl").write_text('{"vote_id": 1')
    assert votes_on(tmp_path, "a", set()) == 0
    with pytest.raises(StudyError, match=r"votes.jsonl:1: is not JSON"):
        votes_on(tmp_path, "a", {"1"})
