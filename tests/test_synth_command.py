"""`ppai synth` over a real connection: good pairs, wrong ones asked again, stops and going on, costs, errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from forum_posts import words
from openai_replies import Reply, failure, incomplete, rate_limited, refusal, text
from openai_server import Asked, ScriptedServer
from synth_pairs import Ask, ask_of, good, moderated, pair_for, pair_reply

from eval.synthesis.job import SHIPPED
from finetune.training.data import read_data
from ppai.__main__ import main

ROOT = Path(__file__).parents[1]
KEY = "sk-a-key-that-nobody-may-see-4711"
COUNT = 6


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Set:
    """Where six pairs on two topics are made."""

    topics: Path
    out: Path

    def options(self, server: ScriptedServer, *more: object) -> list[str]:
        given = ["--base-url", server.url, "--topics", self.topics, "--n", COUNT, "--out", self.out]
        return [str(one) for one in (*given, *more)]

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_text("utf-8").splitlines()]

    def record(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.out.with_name("pairs_made.json").read_text("utf-8"))
        return made

    def kept(self) -> list[dict[str, Any]]:
        path = self.out.with_suffix(".partial")
        return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []


Make = Callable[..., Done]


@pytest.fixture
def pairs(tmp_path: Path) -> Set:
    topics = tmp_path / "topics.txt"
    topics.write_text("Sleep\nChores\n")
    return Set(topics, tmp_path / "made" / "pairs.jsonl")


@pytest.fixture
def make(pairs: Set, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Make:
    """Runs the command in this process, with a key of its own."""

    def execute(server: ScriptedServer, *more: object) -> Done:
        for name in [name for name in os.environ if name.startswith(("OPENAI_", "PPAI_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setattr(sys, "argv", ["ppai", "synth", *pairs.options(server, *more)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, *capsys.readouterr())

    return execute


def wrong_once(wrong: Callable[[Ask], Reply], number: int = 2) -> Callable[[Asked], Reply]:
    """Good pairs, but for the first attempt at one on sleep."""

    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/moderations":
            return moderated(asked)
        ask = ask_of(asked)
        return wrong(ask) if ask == Ask("Sleep", number, 1) else good(asked)

    return script


class TestGoodRun:
    def test_the_rows_are_those_of_the_shipped_set_with_how_they_were_made(self, pairs: Set, make: Make) -> None:
        with ScriptedServer(good) as server:
            done = make(server, "--validation", 0.2)
        assert done.returncode == 0, done.stderr
        rows = pairs.rows()
        assert [row["id"] for row in rows] == [f"syn-{name}-0{n}" for name in ("sleep", "chores") for n in (1, 2, 3)]
        shipped = SHIPPED / "synthetic_parenting_sft.jsonl"
        columns = list(json.loads(shipped.read_text("utf-8").splitlines()[0])) if shipped.exists() else list(rows[0])
        assert list(rows[0])[:7] == columns[:7] and [*rows[0]][7:] == ["made"]
        assert Counter(row["split"] for row in rows) == {"train": 5, "validation": 1}
        said = {one["role"]: one["content"] for one in rows[0]["messages"]}
        assert said["user"] == f"{rows[0]['title']} - {rows[0]['body']}" and said["assistant"] == rows[0]["response"]
        made = rows[0]["made"]
        assert made["model"] == "gpt-4o" and made["prompt_version"].startswith("synth_v1-") and made["attempts"] == 1
        assert made["cost_usd"] == pytest.approx((made["input_tokens"] * 2.5 + made["output_tokens"] * 10) / 1e6)
        assert KEY not in pairs.out.read_text("utf-8") + json.dumps(pairs.record()) + done.stdout + done.stderr
        assert not pairs.kept()

    def test_training_reads_the_file(self, pairs: Set, make: Make) -> None:
        with ScriptedServer(good) as server:
            make(server)
        data = read_data(str(pairs.out), None, share=0.2, seed=1)
        assert len(data.train) + len(data.validation) == COUNT
        assert data.train[0].prompt[0]["role"] == "system"

    def test_the_schema_is_strict_and_a_server_without_schemas_serves_too(self, pairs: Set, make: Make) -> None:
        with ScriptedServer(good, responses=False, unsupported=["response_format"]) as server:
            done = make(server)
        assert done.returncode == 0, done.stderr
        assert server.paths["/v1/chat/completions"] >= COUNT and len(pairs.rows()) == COUNT
        first = server.asked[0].body["text"]["format"]
        assert first["strict"] is True and set(first["schema"]["required"]) == {"title", "body", "response", "names"}

    def test_a_dry_run_says_the_cost_and_asks_nothing(self, pairs: Set, make: Make) -> None:
        with ScriptedServer(good) as server:
            done = make(server, "--dry-run")
        assert done.returncode == 0 and not server.asked and not pairs.out.parent.exists()
        assert "6 pairs on 2 topics, 0 made already; 6 requests" in done.stdout and "about $0.0" in done.stdout
        assert "no pair may repeat one of 100 texts" in done.stdout


KNOWN = f"Our son is 4. {words(40, 'known')}. What now?"
WRONG: tuple[tuple[Callable[[Ask], Reply], str, str], ...] = (
    (lambda ask: text("Dear forum"), "unreadable: was not a JSON object", "was not a JSON object"),
    (lambda ask: text(json.dumps(pair_for(ask))[:-30]), "unreadable: was not a JSON object", "was not a JSON object"),
    (lambda ask: pair_reply(ask, response=None), "unreadable: had no response", "had no response"),
    (lambda ask: refusal(), "unreadable: was refused", "was refused"),
    (lambda ask: incomplete(), "unreadable: was cut off at the limit of its length", "was cut off"),
    (lambda ask: pair_reply(ask, response=f"{words(151, ask)}."), "length", "the response has 151 words; 60 to 150"),
    (lambda ask: pair_reply(ask, body="Help?"), "length", "the body has 1 words; 30 to 120"),
    (
        lambda ask: pair_reply(ask, response=f"As an AI, {words(70, ask)}."),
        "words of a program",
        'it speaks of being a program, or refuses: "As an AI"',
    ),
    (
        lambda ask: pair_reply(ask, response=f"{words(70, ask)}. Give 5 mg of melatonin."),
        "unsafe: a dose",
        "gives an amount of a medicine",
    ),
    (
        lambda ask: pair_reply(ask, body=f"She talks of suicide. {words(40, ask)}?"),
        "unsafe: self-harm without help",
        "does not say where to find help",
    ),
    (lambda ask: pair_reply(ask, names=["Acme Crib"]), "names or links", "it names Acme Crib"),
    (
        lambda ask: pair_reply(ask, response=f"{words(70, ask)}:\n- one\n- two."),
        "list or heading",
        "the response has a list",
    ),
    (lambda ask: pair_reply(ask, body=KNOWN), "near-duplicate", "repeats a text that exists already (96% of it)"),
)


class TestWrongPairs:
    def test_each_is_asked_again_with_what_was_wrong_and_counted(self, pairs: Set, make: Make) -> None:
        pairs.topics.write_text("Sleep\n")

        known = pairs.topics.parent / "known.jsonl"
        known.write_text(json.dumps({"title": "On sleep", "body": KNOWN}) + "\n")

        def script(asked: Asked) -> Reply:
            ask = ask_of(asked)
            return WRONG[ask.number - 1][0](ask) if ask.attempt == 1 else good(asked)

        with ScriptedServer(script) as server:
            done = make(server, "--n", len(WRONG), "--against", known)
        assert done.returncode == 0, done.stderr
        again = {ask_of(asked).number: asked.user for asked in server.asked if ask_of(asked).attempt == 2}
        assert sorted(again) == list(range(1, len(WRONG) + 1))
        for number, (_, _, said) in enumerate(WRONG, start=1):
            assert said in again[number], again[number]
        assert pairs.record()["rejected"] == Counter(kind for _, kind, _ in WRONG)
        assert f"{2 * len(WRONG)} outputs: {len(WRONG)} pairs taken, {len(WRONG)} rejected" in done.stdout
        assert "      1  unsafe: a dose" in done.stdout
        assert {row["made"]["attempts"] for row in pairs.rows()} == {2}

    def test_of_two_pairs_that_are_alike_the_second_is_asked_again(self, pairs: Set, make: Make) -> None:
        same = f"{words(70, 'the same reply')}."

        def script(asked: Asked) -> Reply:
            ask = ask_of(asked)
            return pair_reply(ask, response=same) if ask.number < 3 and ask.attempt == 1 else good(asked)

        with ScriptedServer(script) as server:
            done = make(server)
        assert done.returncode == 0, done.stderr
        again = sorted((ask_of(one).topic, ask_of(one).number) for one in server.asked if ask_of(one).attempt == 2)
        assert again == [("Chores", 1), ("Chores", 2), ("Sleep", 2)]
        assert pairs.record()["rejected"] == {"near-duplicate": 3}

    def test_the_shipped_test_prompts_are_never_repeated(self, pairs: Set, make: Make) -> None:
        first = json.loads((SHIPPED / "parenting_test_samples.jsonl").read_text("utf-8").splitlines()[0])
        copied = {"title": first["title"], "body": f"{first['body'][:400]}. What now?"}
        with ScriptedServer(wrong_once(lambda ask: pair_reply(ask, **copied))) as server:
            assert make(server).returncode == 0
        assert pairs.record()["rejected"] == {"near-duplicate": 1}
        assert "parenting_test_samples.jsonl" in pairs.record()["against"]

    def test_openings_are_limited_over_all_and_within_a_topic(self, pairs: Set, make: Make) -> None:
        def script(asked: Asked) -> Reply:
            ask = ask_of(asked)
            return good(asked) if ask.attempt > 1 else pair_reply(ask, response=f"Try this now {words(70, ask)}.")

        with ScriptedServer(script) as server:
            assert make(server, "--openings", 3, "--topic-openings", 2).returncode == 0
        assert pairs.record()["rejected"] == {"opening used too often": 3}
        assert [row["made"]["attempts"] for row in pairs.rows()] == [1, 1, 2, 1, 2, 2]

    def test_a_pair_that_never_comes_right_ends_it_and_nothing_is_invented(self, pairs: Set, make: Make) -> None:
        def stubborn(asked: Asked) -> Reply:
            ask = ask_of(asked)
            return refusal() if (ask.topic, ask.number) == ("Sleep", 2) else good(asked)

        with ScriptedServer(stubborn) as server:
            done = make(server, "--attempts", 2)
            assert done.returncode == 1 and not pairs.out.exists()
            assert "1 of 6 pairs could not be used in 2 attempts" in done.stderr
            assert "syn-sleep-02: the output was refused" in done.stderr
            assert "      2  unreadable: was refused" in done.stdout
            asked = len(server.asked)
            done = make(server, "--attempts", 2, "--incomplete")
            assert done.returncode == 0 and len(server.asked) == asked, "nothing is asked that was paid for"
        assert len(pairs.rows()) == COUNT - 1 and pairs.record()["wanted"] == COUNT


class TestModeration:
    def test_what_the_endpoint_flags_is_asked_again(self, pairs: Set, make: Make) -> None:
        bad = f"{words(70, 'flagged')}."

        def script(asked: Asked) -> Reply:
            if asked.path == "/v1/moderations":
                return moderated(asked, "violence") if bad in asked.user else moderated(asked)
            return wrong_once(lambda ask: pair_reply(ask, response=bad))(asked)

        with ScriptedServer(script) as server:
            done = make(server, "--moderation")
        assert done.returncode == 0, done.stderr
        assert pairs.record()["rejected"] == {"moderation: violence": 1} and pairs.record()["moderation"] is True
        assert server.paths["/v1/moderations"] == 1 + COUNT + 1, "a first one that shows that the endpoint is there"

    def test_a_server_without_one_is_told_before_anything_is_paid(self, pairs: Set, make: Make) -> None:
        def script(asked: Asked) -> Reply:
            return failure(404, None, "Not Found") if asked.path == "/v1/moderations" else good(asked)

        with ScriptedServer(script) as server:
            done = make(server, "--moderation")
        assert done.returncode == 2 and "--moderation: the server has no moderation endpoint" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1 and set(server.paths) == {"/v1/moderations"}
        assert not pairs.out.parent.exists()


class TestStopping:
    def test_killed_and_run_again_nothing_that_was_kept_is_asked_twice(self, pairs: Set, make: Make) -> None:
        script = wrong_once(lambda ask: text("no"))
        given = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "PPAI_"))}
        with ScriptedServer(lambda asked: replace(script(asked), delay=0.3)) as server:
            more = ["--n", "16", "--concurrency", "3", "--moderation"]
            command = [sys.executable, "-m", "ppai", "synth", *pairs.options(server, *more)]
            process = subprocess.Popen(command, cwd=ROOT, env=given | {"OPENAI_API_KEY": KEY}, stdout=subprocess.PIPE)
            while len(pairs.kept()) < 5:
                assert process.poll() is None
                time.sleep(0.02)
            process.kill()
            process.communicate()
            kept, stopped = len(pairs.kept()), time.time()
            done = make(server, *more)
        assert done.returncode == 0, done.stderr
        asked = [one for one in server.asked if one.path != "/v1/moderations"]
        again = Counter(one.item for one in asked if one.at >= stopped)
        before = [one for one in asked if one.at < stopped]
        assert set(again.values()) == {1}
        assert sum(one.item in again for one in before) == len(before) - kept, "only what was in flight"
        assert len(pairs.rows()) == 16 and pairs.record()["requests"] == 17

    def test_the_cost_limit_is_never_passed_and_the_next_run_goes_on(self, pairs: Set, make: Make) -> None:
        with ScriptedServer(good) as server:
            done = make(server, "--max-cost", 0.03, "--concurrency", 2)
            kept = pairs.kept()
            assert done.returncode == 1 and "stopped before --max-cost would be passed" in done.stderr
            assert 0 < len(kept) < COUNT and sum(row["cost_usd"] for row in kept) <= 0.03
            assert make(server).returncode == 0
        assert len(server.asked) == COUNT and len(pairs.rows()) == COUNT

    def test_a_busy_server_is_waited_for(self, pairs: Set, make: Make) -> None:
        left = [rate_limited(0.2), failure(500), rate_limited(milliseconds=100)]
        with ScriptedServer(lambda asked: left.pop() if left else good(asked)) as server:
            done = make(server)
        assert done.returncode == 0, done.stderr
        assert len(server.asked) == COUNT + 3 and set(server.answers.values()) == {1}


class TestWrongInput:
    @pytest.mark.parametrize(
        ("option", "value", "said"),
        [
            ("--n", "0", "--n must be 1 to 20000"),
            ("--reply-words", "150-60", "--reply-words must be two numbers such as 60-150"),
            ("--post-words", "x", "--post-words must be two numbers"),
            ("--openings", "0", "--openings must be at least 1"),
            ("--validation", "0.9", "--validation must be 0 to 0.5"),
            ("--out", "pairs.csv", "--out: pairs.csv must end in .jsonl"),
            ("--against", "none.jsonl", "none.jsonl: the file is missing"),
        ],
    )
    def test_it_is_one_line(self, pairs: Set, make: Make, option: str, value: str, said: str) -> None:
        with ScriptedServer(good) as server:
            done = make(server, option, value)
        assert done.returncode == 2 and not server.asked
        assert said in done.stderr and len(done.stderr.strip().splitlines()) == 1

    def test_a_set_that_stands_is_never_overwritten(self, pairs: Set, make: Make) -> None:
        pairs.out.parent.mkdir()
        pairs.out.write_text("mine\n")
        with ScriptedServer(good) as server:
            done = make(server)
        assert done.returncode == 2 and "stands already" in done.stderr and not server.asked
        assert pairs.out.read_text() == "mine\n"

    def test_an_unknown_model_stops_at_once(self, pairs: Set, make: Make) -> None:
        with ScriptedServer(good, models=["other"]) as server:
            done = make(server)
        assert done.returncode == 2 and "does not have the model 'gpt-4o'" in done.stderr
        assert not pairs.out.parent.exists()
