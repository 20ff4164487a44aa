"""`ppai prompts` over a real connection: good posts, wrong ones asked again, stops and going on, costs, errors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from forum_posts import Ask, ask_of, good, post_for, reply_with
from openai_replies import Reply, content_filter, failure, incomplete, rate_limited, refusal, text
from openai_server import Asked, ScriptedServer

from eval.prompt_writing.job import Job
from ppai.__main__ import main
from ppai.studyfiles import read_study

ROOT = Path(__file__).parents[1]
TOPICS = "- {topic: Sleep, ages: [0, 9]}\n- {topic: Chores, ages: [4, 17]}\n"
KEY = "sk-a-key-that-nobody-may-see-4711"


@pytest.fixture
def topics(tmp_path: Path) -> Path:
    path = tmp_path / "topics.yaml"
    path.write_text(TOPICS)
    return path


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]
Make = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process, with a key of its own."""

    def execute(*arguments: object, key: str = KEY) -> Done:
        for name in [name for name in os.environ if name.startswith(("OPENAI_", "PPAI_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("OPENAI_API_KEY", key)
        monkeypatch.setattr(sys, "argv", ["ppai", "prompts", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, *capsys.readouterr())

    return execute


@pytest.fixture
def make(run: Run) -> Make:
    """Makes three posts on each of the two topics with a server."""

    def execute(server: ScriptedServer, topics: Path, *more: object) -> Done:
        out = topics.parent / "study"
        return run("--base-url", server.url, "--topics", topics, "--per-topic", 3, "--out", out, *more)

    return execute


def started(*arguments: object) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "PPAI_"))}
    words = [sys.executable, "-m", "ppai", "prompts", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=ROOT, env=kept | {"OPENAI_API_KEY": KEY}, stdout=pipe, stderr=pipe, text=True)


def rows_of(topics: Path) -> list[dict[str, Any]]:
    lines = (topics.parent / "study" / "test_samples.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def record_of(topics: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((topics.parent / "study" / "test_samples_made.json").read_text("utf-8"))
    return made


def first_time(wrong: Callable[[Ask], Reply], number: int = 2) -> Callable[[Asked], Reply]:
    """Good posts, but for the first attempt at one post on sleep."""

    def script(asked: Asked) -> Reply:
        ask = ask_of(asked)
        return wrong(ask) if (ask.topic, ask.number, ask.again) == ("Sleep", number, False) else good(asked)

    return script


class TestGoodRun:
    def test_the_set_begins_a_study(self, topics: Path, make: Make) -> None:
        with ScriptedServer(good) as server:
            done = make(server, topics)
        assert done.returncode == 0, done.stderr
        rows = rows_of(topics)
        assert [(row["id"], row["topic"]) for row in rows] == [
            *((key, "Sleep") for key in (1, 2, 3)),
            *((key, "Chores") for key in (4, 5, 6)),
        ]
        assert list(rows[0]) == ["id", "text", "title", "body", "topic", "child_age"]
        assert all(row["text"] == f"{row['title']} - {row['body']}" for row in rows)
        assert [row["child_age"] // 4 for row in rows[:3]] != [0, 0, 0]
        assert sorted(path.name for path in (topics.parent / "study").iterdir()) == [
            "test_samples.jsonl",
            "test_samples_made.json",
        ]
        answers = [{**row, "user_prompt": row["text"], "ai_answer": "Yes."} for row in rows]
        for system in ("base", "ft"):
            target = topics.parent / "study" / f"test_samples_{system}_response.jsonl"
            target.write_text("".join(json.dumps(row) + "\n" for row in answers))
        assert len(read_study(topics.parent / "study").prompts) == 6

    def test_what_is_sent_is_strict_and_sampled(self, topics: Path, make: Make) -> None:
        with ScriptedServer(good) as server:
            make(server, topics, "--temperature", 0.5, "--model", "some-model")
        body = server.asked[0].body
        assert (body["model"], body["temperature"], body["stream"]) == ("some-model", 0.5, False)
        assert set(body["text"]["format"]["schema"]["required"]) == {"title", "body", "child_age", "names"}
        assert body["text"]["format"]["strict"] is True
        assert len(server.answers) == len(server.asked) == 6, "no two requests are alike"

    def test_the_record_says_how_it_was_made_and_what_it_cost(self, topics: Path, make: Make) -> None:
        with ScriptedServer(first_time(lambda ask: text("no"))) as server:
            done = make(server, topics)
        made = record_of(topics)
        assert (made["posts"], made["requests"], made["refused"]) == (6, 7, 1)
        assert made["answered_by"] == ["gpt-4o"] and made["temperature"] == 0.7 and made["seed"] == 42
        cost = (made["input_tokens"] * 2.5 + made["output_tokens"] * 10) / 1e6
        assert made["cost_usd"] == pytest.approx(cost) and cost > 0
        assert f"${cost:.4f}" in done.stdout
        assert KEY not in json.dumps(made) + done.stdout + done.stderr

    def test_the_order_of_replies_does_not_matter(self, topics: Path, make: Make) -> None:
        """Posts 1 and 3 are alike; whichever comes first, 3 is asked again."""

        def alike(slow: int) -> Callable[[Asked], Reply]:
            def script(asked: Asked) -> Reply:
                ask = ask_of(asked)
                if ask.topic == "Sleep" and ask.number in (1, 3) and not ask.again:
                    same = post_for(Ask("Sleep", 1, 3, False))
                    body = f"{same['body']} Our child is {ask.age} years or 6 months old."
                    late = 0.5 if ask.number == slow else 0.0
                    return replace(reply_with(post_for(ask, body=body)), delay=late)
                return good(asked)

            return script

        sets = []
        for slow in (1, 3):
            with ScriptedServer(alike(slow)) as server:
                assert make(server, topics).returncode == 0
            assert [ask_of(asked).number for asked in server.asked if ask_of(asked).again] == [3]
            sets.append(rows_of(topics))
            for path in (topics.parent / "study").iterdir():
                path.unlink()
        assert sets[0] == sets[1]


WRONG: tuple[tuple[Callable[[Ask], Reply], str], ...] = (
    (lambda ask: reply_with(post_for(ask, body="word " * 400)), "at most 400 are allowed"),
    (lambda ask: reply_with(post_for(ask, body="")), "the post has no body"),
    (lambda ask: reply_with(post_for(ask, child_age=None)), "the reply had no child_age"),
    (lambda ask: reply_with(post_for(ask, child_age=18)), "every child must be under 18"),
    (lambda ask: reply_with(post_for(ask, child_age=ask.age + 1)), "is about a child of "),
    (lambda ask: reply_with(post_for(ask, names=["Acme Crib"])), "names Acme Crib"),
    (lambda ask: refusal(), "the reply was refused"),
    (lambda ask: content_filter(), "the reply was refused"),
    (lambda ask: incomplete(), "the reply was cut off"),
    (lambda ask: text("Dear forum"), "the reply was not a JSON object"),
    (lambda ask: reply_with(post_for(ask, title="One", body=ALIKE.format(ask.age))), "the post repeats another"),
)
ALIKE = "Our child is {} years, not 5 weeks old, and " + " ".join(f"same{number}" for number in range(50))


def each_wrong_once(asked: Asked) -> Reply:
    """Of the posts on sleep each is wrong in another way at first, and the last one repeats the one before it."""
    ask = ask_of(asked)
    if ask.topic != "Sleep" or ask.again:
        return good(asked)
    if ask.number > len(WRONG):
        return reply_with(post_for(ask, title="Two", body=ALIKE.format(ask.age)))
    return WRONG[ask.number - 1][0](ask)


class TestWrongReplies:
    def test_each_is_asked_again_and_told_what_was_wrong(self, topics: Path, make: Make) -> None:
        wrong = len(WRONG)
        with ScriptedServer(each_wrong_once) as server:
            done = make(server, topics, "--per-topic", wrong + 1)
        assert done.returncode == 0, done.stderr
        again = {ask_of(asked).number: asked.user for asked in server.asked if ask_of(asked).again}
        assert sorted(again) == [*range(1, wrong), wrong + 1], "of two that are alike the first is taken"
        for number, (_, said) in enumerate(WRONG[:-1], start=1):
            assert said in again[number]
        assert WRONG[-1][1] in again[wrong + 1]
        assert len(server.asked) == 2 * (wrong + 1) + wrong
        assert len(rows_of(topics)) == 2 * (wrong + 1)

    def test_what_repeats_the_training_data_is_asked_again(self, topics: Path, tmp_path: Path, make: Make) -> None:
        training = tmp_path / "train.jsonl"
        copied: list[str] = []

        def wrong(ask: Ask) -> Reply:
            return reply_with(post_for(ask, title="Known already", body=copied[0].format(age=ask.age)))

        copied.append("Our child is {age} years old. " + " ".join(f"known{number}" for number in range(40)))
        training.write_text(json.dumps({"title": "x", "selftext": copied[0]}) + "\n")
        with ScriptedServer(first_time(wrong)) as server:
            done = make(server, topics, "--against", training)
        assert done.returncode == 0, done.stderr
        assert "repeats a text that exists already" in server.asked[-1].user
        assert record_of(topics)["against_texts"] == 1

    def test_a_post_that_never_comes_right_ends_it_and_more_attempts_go_on(self, topics: Path, make: Make) -> None:
        def stubborn(asked: Asked) -> Reply:
            ask = ask_of(asked)
            return refusal() if (ask.topic, ask.number) == ("Sleep", 2) and ask.again else wrong_once(asked)

        wrong_once = first_time(lambda ask: refusal())
        with ScriptedServer(stubborn) as server:
            done = make(server, topics, "--attempts", 2)
            assert done.returncode == 1
            assert "1 of 6 posts could not be used in 2 attempts" in done.stderr
            assert "2 on Sleep: the reply was refused" in done.stderr
            assert not (topics.parent / "study" / "test_samples.jsonl").exists()
            server.script = good
            done = make(server, topics, "--attempts", 5)
        assert done.returncode == 0, done.stderr
        assert len(server.asked) == 6 + 1 + 1 and len(rows_of(topics)) == 6


class TestTheServer:
    def test_a_busy_server_is_waited_for(self, topics: Path, make: Make) -> None:
        left = [rate_limited(0.2), failure(500), rate_limited(milliseconds=100)]

        def script(asked: Asked) -> Reply:
            return left.pop() if left else good(asked)

        with ScriptedServer(script) as server:
            done = make(server, topics)
        assert done.returncode == 0, done.stderr
        assert len(server.asked) == 9 and set(server.answers.values()) == {1}

    def test_a_wrong_key_is_one_line(self, topics: Path, make: Make) -> None:
        with ScriptedServer(good, key="another") as server:
            done = make(server, topics)
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1 and "401" in done.stderr
        assert KEY not in done.stdout + done.stderr

    def test_an_unknown_model_stops_at_once(self, topics: Path, make: Make) -> None:
        with ScriptedServer(good, models=["other"]) as server:
            done = make(server, topics)
        assert done.returncode == 2 and "does not have the model 'gpt-4o'" in done.stderr
        assert len(server.asked) <= 8

    def test_a_server_that_refuses_everything_is_given_up_soon(self, topics: Path, make: Make) -> None:
        with ScriptedServer(lambda asked: failure(400, None, "not today")) as server:
            done = make(server, topics, "--per-topic", 40, "--concurrency", 2)
        assert done.returncode == 1 and "requests failed" in done.stderr and "not today" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert len({(ask_of(asked).topic, ask_of(asked).number) for asked in server.asked}) <= 4
        assert not (topics.parent / "study").exists()

    def test_one_request_that_fails_is_asked_next_time(self, topics: Path, make: Make) -> None:
        def script(asked: Asked) -> Reply:
            return failure(400, None, "not this") if ask_of(asked).number == 2 else good(asked)

        with ScriptedServer(script) as server:
            done = make(server, topics)
            assert done.returncode == 1 and "2 requests failed" in done.stderr, done.stderr
            server.script = good
            assert make(server, topics).returncode == 0
        assert set(server.answers.values()) == {1} and len(rows_of(topics)) == 6

    def test_a_server_without_the_responses_api_serves_too(self, topics: Path, make: Make) -> None:
        with ScriptedServer(good, responses=False, unsupported=["response_format"]) as server:
            done = make(server, topics)
        assert done.returncode == 0, done.stderr
        assert server.paths["/v1/chat/completions"] >= 6 and len(rows_of(topics)) == 6
        seeds = [asked.body["seed"] for asked in server.asked if asked.answered_at]
        assert len(set(seeds)) == 6


class TestStopping:
    def test_killed_and_run_again_nothing_that_was_kept_is_asked_twice(self, topics: Path, run: Run) -> None:
        def script(asked: Asked) -> Reply:
            return replace(first_time(lambda ask: text("no"))(asked), delay=0.3)

        out = topics.parent / "study"
        options = ["--topics", topics, "--per-topic", 10, "--out", out, "--concurrency", 4]
        with ScriptedServer(script) as server:
            process = started("--base-url", server.url, *options)
            while len(kept_lines(out)) < 7:
                assert process.poll() is None
                time.sleep(0.02)
            process.kill()
            process.communicate()
            kept = kept_lines(out)
            stopped = time.time()
            done = run("--base-url", server.url, *options)
        assert done.returncode == 0, done.stderr
        before = [asked for asked in server.asked if asked.at < stopped]
        again = Counter(asked.item for asked in server.asked if asked.at >= stopped)
        repeated = [asked for asked in before if asked.item in again]
        assert set(again.values()) == {1}
        assert len(repeated) == len(before) - len(kept), "only what was in flight"
        assert len(rows_of(topics)) == 20

    def test_a_run_that_was_stopped_gives_what_an_unbroken_one_gives(self, topics: Path, make: Make) -> None:
        script = first_time(lambda ask: text("no"))
        with ScriptedServer(script) as server:
            assert make(server, topics, "--concurrency", 1, "--max-cost", 0.028).returncode == 1
            asked = len(server.asked)
            assert 0 < asked < 6
            assert make(server, topics).returncode == 0
            broken = rows_of(topics)
            assert len(server.asked) == 7
            for path in (topics.parent / "study").iterdir():
                path.unlink()
            assert make(server, topics).returncode == 0
        assert rows_of(topics) == broken

    def test_interrupted_it_says_how_to_go_on_and_no_other_run_works_beside_it(self, topics: Path, run: Run) -> None:
        out = topics.parent / "study"
        with ScriptedServer(lambda asked: replace(good(asked), delay=0.3)) as server:
            process = started("--base-url", server.url, "--topics", topics, "--out", out, "--concurrency", 2)
            while len(kept_lines(out)) < 2:
                time.sleep(0.02)
            beside = run("--base-url", server.url, "--topics", topics, "--out", out)
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=30)
        assert process.returncode == 130
        assert beside.returncode == 2 and "another run is making this set" in beside.stderr
        assert "stopped: the same command goes on" in error and "Traceback" not in error
        assert len(kept_lines(out)) >= 2


class TestTwoRunsAtOnce:
    @pytest.fixture
    def beside(self, topics: Path, monkeypatch: pytest.MonkeyPatch) -> Beside:
        """Lets another process begin and end after a run has read what is kept, and before it asks."""

        def prepare(server: ScriptedServer, *more: object) -> None:
            read = Job.__init__
            options = ["--topics", topics, "--per-topic", 3, "--out", topics.parent / "study", *more]

            def read_and_wait(job: Job, *arguments: Any) -> None:
                read(job, *arguments)
                process = started("--base-url", server.url, *options)
                _, error = process.communicate(timeout=60)
                assert process.returncode == (1 if more else 0), error

            monkeypatch.setattr(Job, "__init__", read_and_wait)

        return prepare

    def test_a_set_that_another_run_finished_meanwhile_stays_and_is_not_paid_for_again(
        self, topics: Path, make: Make, beside: Beside
    ) -> None:
        with ScriptedServer(good) as server:
            beside(server)
            done = make(server, topics)
            assert set(server.answers.values()) == {1} and len(server.asked) == 6
        assert done.returncode == 2 and "stands already" in done.stderr, done.stderr
        assert len(rows_of(topics)) == 6
        assert sorted(path.name for path in (topics.parent / "study").iterdir()) == [
            "test_samples.jsonl",
            "test_samples_made.json",
        ]

    def test_what_another_run_kept_meanwhile_is_not_asked_again(self, topics: Path, make: Make, beside: Beside) -> None:
        with ScriptedServer(good) as server:
            beside(server, "--concurrency", 1, "--max-cost", 0.028)
            done = make(server, topics)
        assert done.returncode == 0, done.stderr
        assert set(server.answers.values()) == {1} and len(server.asked) == 6
        assert len(rows_of(topics)) == 6 and not kept_lines(topics.parent / "study")


Beside = Callable[..., None]


def kept_lines(out: Path) -> list[dict[str, Any]]:
    path = out / "test_samples.partial"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


class TestCost:
    def test_a_dry_run_asks_and_writes_nothing_and_needs_no_key(self, topics: Path, run: Run) -> None:
        out = topics.parent / "study"
        done = run("--topics", topics, "--out", out, "--dry-run", key="")
        assert done.returncode == 0, done.stderr
        assert "10 posts on 2 topics, 0 made already; 10 requests" in done.stdout and "about $0.0" in done.stdout
        assert not out.exists()

    def test_the_limit_is_never_passed(self, topics: Path, make: Make) -> None:
        with ScriptedServer(good) as server:
            done = make(server, topics, "--max-cost", 0.03)
        kept = kept_lines(topics.parent / "study")
        assert done.returncode == 1 and "stopped before --max-cost would be passed" in done.stderr
        assert 0 < len(kept) < 6 and sum(row["cost_usd"] for row in kept) <= 0.03

    def test_a_model_without_a_price_has_an_unknown_cost_and_no_limit(self, topics: Path, make: Make) -> None:
        with ScriptedServer(good) as server:
            assert "a cost that is not known" in make(server, topics, "--dry-run", "--model", "mine").stdout
            refused = make(server, topics, "--max-cost", 1, "--model", "mine")
            assert refused.returncode == 2 and "price of mine is not known" in refused.stderr
            assert not server.asked
            assert make(server, topics, "--model", "mine").returncode == 0
        assert record_of(topics)["cost_usd"] is None


class TestWrongInput:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--per-topic", 0], "--per-topic must be 1 to 1000"),
            (["--temperature", 3], "--temperature must be 0 to 2"),
            (["--attempts", 0], "--attempts must be at least 1"),
            (["--topics", "missing.yaml"], "missing.yaml: the file is missing"),
            (["--against", "missing.jsonl"], "missing.jsonl: the file is missing"),
            (["--out", "posts.jsonl"], "--out: posts.jsonl must end in test_samples.jsonl"),
            (["--out", "data_to_share"], "--out: data_to_share holds parenting_test_samples.jsonl already"),
            (["--out", "data_to_share/parenting_test_samples.jsonl"], "stands already"),
            (["--base-url", "nowhere"], "--base-url: 'nowhere' is not an address"),
        ],
    )
    def test_it_is_one_line_and_changes_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, options: list[object], message: str
    ) -> None:
        monkeypatch.chdir(ROOT)
        given = [] if "--out" in options else ["--out", tmp_path / "study"]
        done = run(*given, *options)
        assert done.returncode == 2 and message in done.stderr, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert not (tmp_path / "study").exists()

    def test_without_a_key_it_says_so(self, tmp_path: Path, run: Run) -> None:
        done = run("--out", tmp_path / "new" / "study", key="")
        assert (done.returncode, done.stderr.strip()) == (2, "OPENAI_API_KEY is not set")
        assert not (tmp_path / "new").exists()


class TestCheck:
    def test_the_shipped_set_breaks_nothing(self, run: Run) -> None:
        done = run("--check", ROOT / "data_to_share/parenting_test_samples.jsonl")
        assert done.returncode == 0 and done.stdout.endswith("nothing is broken\n"), done.stdout
        assert "100 posts, 20 topics" in done.stdout

    def test_a_set_that_breaks_a_rule_ends_with_one(self, topics: Path, run: Run) -> None:
        shipped = ROOT / "data_to_share" / "parenting_test_samples.jsonl"
        done = run("--check", shipped, "--against", shipped, "--per-topic", 5)
        assert done.returncode == 1 and "100 rules broken" in done.stdout
        assert "post 1: repeats parenting_test_samples.jsonl:1 (100% of it)" in done.stdout
        done = run("--check", shipped, "--topics", topics)
        assert done.returncode == 1 and "topic 'Sleep': 0 posts of 5" in done.stdout
