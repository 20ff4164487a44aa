"""Batches are paid for once, whatever is interrupted; what comes back is stored, and what does not is said."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from openai_replies import Reply, content_filter, cut, expired, failure, outcomes
from openai_server import Asked, ScriptedServer, first_wins, in_turn
from small_studies import small_study

from eval.batches import judge_in_batches
from eval.batches.desk import Pauses
from eval.judges import open_judge
from eval.judges.base import Judge
from eval.judging.plan import plan
from eval.judging.study import Settings, ask_all, scans
from eval.judging.tally import Tally
from ppai.errors import JudgeStopped, PPAIError, RequestFailed
from ppai.schema import Arm, Criterion, Response, Verdict
from ppai.studyfiles import write_general
from ppai.workplace import Workplace, open_workplace

SHORT = Pauses(first=0.01, growth=1.0, settling=0.01)
PROMPTS = ("p1", "p2", "p3")
BOTH = (Criterion(key="clarity", question="Which is clearer?"), Criterion(key="overall", question="Which is better?"))


def write_study(directory: Path, edited: str = "") -> Path:
    """Three pairs whose texts differ; six items in both orders."""
    study = small_study(PROMPTS, criteria=BOTH)
    responses = tuple(
        Response(prompt_id=one.prompt_id, system=one.system, text=f"{one.system} on {one.prompt_id} {edited}".strip())
        for one in study.responses
    )
    directory.mkdir(exist_ok=True)
    write_general(study.model_copy(update={"responses": responses}), directory)
    return directory


@dataclass
class Desk:
    """A study directory beside a server; every `run` is what one command does."""

    directory: Path
    server: ScriptedServer
    tally: Tally = field(default_factory=Tally)
    said: list[str] = field(default_factory=list)

    def judge(self, place: Workplace, spec: str = "openai:gpt-4o", **more: Any) -> Judge:
        return open_judge(spec, place.study.config, base_url=self.server.url, max_retries=0, **more)

    def run(self, wait: bool = True, spec: str = "openai:gpt-4o", **chosen: Any) -> bool:
        settings = Settings(**{name: chosen.pop(name) for name in ("max_cost", "retry_unscored") if name in chosen})
        place = open_workplace(str(self.directory))
        judge = self.judge(place, spec)
        self.tally, self.said = Tally(), []

        async def go() -> bool:
            try:
                planned = plan(place.study, **chosen)
                found = judge_in_batches(
                    place, [judge], planned, settings, self.tally, self.said.append, wait=wait, pauses=SHORT
                )
                return await found
            finally:
                await judge.close()

        try:
            return asyncio.run(go())
        finally:
            place.close()

    def verdicts(self, judge: str = "openai:gpt-4o") -> list[Verdict]:
        place = open_workplace(str(self.directory))
        try:
            return place.verdicts_of(judge)
        finally:
            place.close()

    @property
    def created(self) -> int:
        return len(self.server.batches.batches)

    def asked_twice(self) -> list[str]:
        return [item for item, count in self.server.answers.items() if count > 1]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ScriptedServer() as server:
        yield Desk(write_study(tmp_path / "study"), server)


def test_what_is_missing_is_sent_and_collected_at_half_the_price(desk: Desk) -> None:
    desk.server.batches.polls = 3
    assert desk.run()
    found = desk.verdicts()
    assert len(found) == len(desk.server.asked) == 6
    assert {(one.prompt_id, one.system_a, one.system_b) for one in found} == {
        (prompt, *order) for prompt in PROMPTS for order in (("base", "new"), ("new", "base"))
    }
    for one in found:
        usage = one.usage or {}
        whole = usage["input_tokens"] * 2.5e-6 + usage["output_tokens"] * 10e-6
        assert usage["cost_usd"] == pytest.approx(whole / 2)
        assert one.outcomes == {"clarity": "a", "overall": "a"}
    assert (desk.tally.total, desk.tally.done, desk.tally.left, desk.tally.failed) == (6, 6, 0, 0)
    assert "batch_1 of 6 requests is submitted" in desk.said[0]


def test_the_requests_are_those_that_would_be_asked_at_once(desk: Desk) -> None:
    desk.run()
    place = open_workplace(str(desk.directory))
    judge, planned = desk.judge(place, name="again"), plan(place.study)

    async def at_once() -> None:
        found = scans(place, [judge], planned, Settings())
        await ask_all(place, [judge], planned, found, Settings(), Tally())
        await judge.close()

    asyncio.run(at_once())
    place.close()

    def without_seed(asked: Asked) -> str:
        return json.dumps({**asked.body, "seed": None}, sort_keys=True)  # which the judge's name is in

    batched = [without_seed(asked) for asked in desk.server.asked if asked.batch]
    others = [without_seed(asked) for asked in desk.server.asked if not asked.batch]
    assert sorted(batched) == sorted(others)
    assert len(batched) == 6


def test_it_is_collected_on_another_day_and_then_nothing_is_left_to_send(desk: Desk) -> None:
    desk.run(wait=False)
    assert (desk.created, desk.tally.in_batches, desk.tally.done, desk.verdicts()) == (1, 6, 0, [])
    desk.run(wait=False)
    assert (desk.created, desk.tally.in_batches) == (1, 6), "what is with a batch is not sent again"
    desk.run(wait=False)
    assert (desk.created, desk.tally.in_batches, desk.tally.done, len(desk.verdicts())) == (1, 0, 6, 6)
    desk.run()
    assert (desk.created, desk.tally.finished, desk.tally.stored) == (1, 6, 0)
    assert not desk.asked_twice()


def test_a_run_without_batches_leaves_their_items_alone(desk: Desk) -> None:
    desk.server.batches.polls = 10**6
    desk.run(wait=False, prompts=["p1"])
    place = open_workplace(str(desk.directory))
    judge, planned, tally = desk.judge(place), plan(place.study), Tally()
    found = scans(place, [judge], planned, Settings())
    asyncio.run(ask_all(place, [judge], planned, found, Settings(), tally))
    place.close()
    assert (tally.stored, tally.in_batches) == (4, 2)


def test_what_has_no_answer_is_said_and_sent_again_the_next_time(desk: Desk) -> None:
    replies = {"p1": expired(), "p2": failure(500, "server_error", "The server had an error."), "p3": content_filter()}
    desk.server.script = lambda asked: replies[next(prompt for prompt in replies if f"on {prompt}" in asked.user)]
    desk.run()
    found = desk.verdicts()
    assert [(one.prompt_id, one.unscored) for one in found] == [("p3", "content filter")] * 2
    assert (desk.tally.failed, desk.tally.left, desk.tally.unscored) == (4, 4, 2)
    assert any("2 without an answer: http" in line and "The server had an error" in line for line in desk.said)
    assert any("2 without an answer: This request was not executed" in line for line in desk.said)
    desk.server.script = first_wins
    desk.run()
    assert (desk.created, desk.tally.finished, desk.tally.stored, len(desk.verdicts())) == (2, 2, 4, 6)
    assert len([asked for asked in desk.server.asked if asked.batch == "batch_2"]) == 4


@pytest.mark.parametrize("status", ["cancelled", "expired"])
def test_of_a_batch_that_ended_early_the_answers_are_kept(desk: Desk, status: str) -> None:
    desk.server.batches.polls = 10**6
    desk.run(wait=False)
    desk.server.batches.finish("batch_1", status, done=4)
    desk.run(wait=False)
    assert (desk.tally.stored, desk.tally.failed, desk.created) == (4, 2, 2)
    assert len(desk.verdicts()) == 4


def test_a_batch_that_fails_as_a_whole_frees_its_items_and_says_why(desk: Desk) -> None:
    desk.server.batches.fails = "Enqueued token limit reached for gpt-4o"
    desk.run()
    assert any("failed: Enqueued token limit reached" in line for line in desk.said)
    assert (desk.created, desk.tally.failed, desk.tally.left) == (1, 6, 6), "and it is not sent over and over"
    desk.server.batches.fails = None
    desk.run()
    assert len(desk.verdicts()) == 6


@pytest.mark.parametrize("whole", [True, False])
def test_a_key_that_the_server_repeats_is_neither_said_nor_stored(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    key = "secretkey-Zq81mVtEw7Rk"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    if whole:
        desk.server.batches.fails = f"Project of {key}\nis over its limit"
    else:
        fault = {"status": 0, "error": {"message": f"no such key {key}"}}
        desk.server.script = lambda asked: Reply(kind="expired")
        finish = desk.server.batches.finish

        def echoing(name: str, *more: Any) -> None:
            finish(name, *more)
            errors = desk.server.batches.batches[name]["error_file_id"]
            purpose, content = desk.server.batches.files[errors]
            lines = [json.loads(line) | {"error": fault["error"]} for line in content.splitlines()]
            told = "".join(json.dumps(line) + "\n" for line in lines)
            desk.server.batches.files[errors] = (purpose, told.encode())

        monkeypatch.setattr(desk.server.batches, "finish", echoing)
    desk.run()
    said = [*desk.said, desk.tally.last_failure]
    assert any("[key]" in line for line in said) and not any(key in line or "\n" in line for line in said)


def test_what_another_run_collected_meanwhile_is_finished(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run(wait=False)
    other = Desk(desk.directory, desk.server)
    desk.server.batches.polls = 3
    sleep = asyncio.sleep

    async def while_the_other_collects(seconds: float) -> None:
        monkeypatch.setattr(asyncio, "sleep", sleep)
        await asyncio.to_thread(other.run)

    monkeypatch.setattr(asyncio, "sleep", while_the_other_collects)
    desk.run()
    assert (other.tally.stored, desk.tally.stored, desk.tally.finished, desk.tally.left) == (6, 0, 6, 0)


def test_a_field_that_the_model_refuses_is_left_out_when_the_requests_are_sent_again(desk: Desk) -> None:
    desk.server.unsupported = ("temperature",)
    desk.run()
    assert (desk.created, len(desk.verdicts()), desk.tally.failed) == (2, 6, 0)
    assert all("temperature" not in asked.body for asked in desk.server.asked if asked.batch == "batch_2")


def test_an_unknown_model_stops_at_once_and_leaves_nothing_behind(desk: Desk) -> None:
    desk.server.models = ("another",)
    with pytest.raises(JudgeStopped, match="does not have the model 'gpt-4o'"):
        desk.run()
    assert desk.created == 1
    desk.server.models = None
    desk.run()
    assert len(desk.verdicts()) == 6


@pytest.mark.parametrize("unlisted", [0, 1])
def test_a_batch_whose_creation_was_not_answered_is_found_and_not_made_again(desk: Desk, unlisted: int) -> None:
    desk.server.batches.lose_answers, desk.server.batches.unlisted = 1, unlisted
    desk.run()
    assert (desk.created, len(desk.verdicts())) == (1, 6)
    assert not desk.asked_twice()


def test_a_creation_that_failed_is_said_and_its_file_is_deleted(desk: Desk) -> None:
    desk.server.batches.faults["POST /v1/batches"] = [failure(500, "server_error", "Try again.")]
    with pytest.raises(RequestFailed, match="500 Try again"):
        desk.run()
    assert (desk.created, desk.server.batches.files) == (0, {})
    desk.run()
    assert (desk.created, len(desk.verdicts())) == (1, 6)


def test_an_upload_that_failed_frees_its_items(desk: Desk) -> None:
    desk.server.batches.faults["POST /v1/files"] = [failure(503)]
    with pytest.raises(RequestFailed):
        desk.run()
    desk.run()
    assert (desk.created, len(desk.verdicts())) == (1, 6)


def test_too_many_requests_for_a_batch_are_waited_for(desk: Desk) -> None:
    busy = failure(429, "rate_limit_exceeded", headers={"retry-after": "0.2"})
    desk.server.batches.faults["POST /v1/batches"] = [busy, busy]
    desk.run()
    assert desk.server.batches.calls.count("POST /v1/batches") == 3
    assert (desk.created, len(desk.verdicts())) == (1, 6)


def test_a_collection_that_breaks_off_keeps_what_it_has_and_goes_on_without_counting_twice(desk: Desk) -> None:
    desk.server.script = in_turn([outcomes({"clarity": "Tie", "overall": "Tie"})] * 4 + [failure(500)] * 2)
    desk.server.batches.polls = 10**6
    desk.run(wait=False)
    desk.server.batches.finish("batch_1")
    errors = desk.server.batches.batches["batch_1"]["error_file_id"]
    kept = desk.server.batches.files.pop(errors)
    with pytest.raises(PPAIError):
        desk.run(wait=False)
    desk.server.batches.files[errors] = kept
    usage = {one.item: one.usage for one in desk.verdicts()}
    assert len(usage) == 4
    desk.run(wait=False)
    assert {one.item: one.usage for one in desk.verdicts()} == usage
    assert (desk.tally.stored, desk.tally.finished, desk.tally.failed, desk.created) == (0, 4, 2, 2)


def test_results_that_are_cut_off_are_had_the_next_time(desk: Desk) -> None:
    desk.server.batches.polls = 0
    desk.run(wait=False)
    line = json.dumps({"custom_id": "x", "response": None}) + "\n"
    desk.server.batches.faults["GET /v1/files/{id}/content"] = [cut(line * 9)]
    with pytest.raises(RequestFailed, match="batch_1 broke off"):
        desk.run(wait=False)
    desk.run(wait=False)
    assert (desk.created, len(desk.verdicts())) == (1, 6)


def test_results_of_texts_that_have_changed_are_left_out(desk: Desk) -> None:
    desk.server.batches.polls = 10**6
    desk.run(wait=False)
    write_study(desk.directory, edited="once more")
    desk.server.batches.finish("batch_1")
    desk.run(wait=False)
    assert any("6 results are of texts that have changed" in line for line in desk.said)
    assert (desk.verdicts(), desk.created) == ([], 2)


def test_large_sets_are_split_by_the_limits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.batches.submitting.MAX_REQUESTS", 4)
    desk.run()
    assert [one["request_counts"]["total"] for one in desk.server.batches.batches.values()] == [4, 2]
    size = max(len(content) for purpose, content in desk.server.batches.files.values() if purpose == "batch")
    monkeypatch.setattr("eval.batches.submitting.MAX_BYTES", size - 20)
    desk.server.asked.clear()
    desk.run(arm=Arm.PLAIN)
    totals = [one["request_counts"]["total"] for one in desk.server.batches.batches.values()]
    assert sum(totals[2:]) == 6 and max(totals[2:]) < 4
    assert len(desk.verdicts()) == 12


def test_only_the_criteria_that_are_missing_are_sent(desk: Desk) -> None:
    desk.run(criteria=["overall"])
    desk.run()
    assert [asked.criteria for asked in desk.server.asked] == [["overall"]] * 6 + [["clarity"]] * 6
    assert all(set(one.outcomes) == {"clarity", "overall"} for one in desk.verdicts())


def test_unscored_ones_are_sent_again_only_where_that_is_asked_for_and_once_a_run(desk: Desk) -> None:
    desk.server.script = lambda asked: Reply("nonsense")
    desk.run()
    desk.run()
    assert desk.created == 1
    desk.run(retry_unscored=True)
    assert (desk.created, desk.tally.unscored) == (2, 6)
    desk.server.script = first_wins
    desk.run(retry_unscored=True)
    assert all(one.outcomes for one in desk.verdicts())


def test_no_more_is_sent_than_the_budget_can_pay(desk: Desk) -> None:
    place = open_workplace(str(desk.directory))
    judge = desk.judge(place)
    ceilings = [judge.ceiling(item.question) or 0.0 for item in plan(place.study).items(judge)]
    place.close()
    assert desk.run(max_cost=sum(ceilings[:4]) / 2 + 1e-9) is False
    assert (len(desk.server.asked), len(desk.verdicts()), desk.tally.left) == (4, 4, 2)


def test_two_runs_at_once_send_every_item_once(desk: Desk, tmp_path: Path) -> None:
    runs = [start(desk) for _ in range(2)]
    assert [run.wait(60) for run in runs] == [0, 0]
    desk.run()
    assert len(desk.server.answers) == len(desk.verdicts()) == 6
    assert not desk.asked_twice()


def test_killed_while_the_server_makes_the_batch_the_next_run_finds_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.server.batches.hold_answers = True
    run = start(desk)
    deadline = time.monotonic() + 60
    while not desk.created:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait(30)
    desk.server.batches.hold_answers = False
    desk.run(wait=False)
    assert (desk.created, desk.tally.in_batches) == (1, 6), "while the run may still be alive its items are its own"
    monkeypatch.setattr("eval.batches.records.LEASE_SECONDS", 0.0)
    desk.run()
    assert (desk.created, len(desk.verdicts())) == (1, 6)
    assert not desk.asked_twice()


def test_a_wrong_key_or_a_server_without_batches_is_one_line(desk: Desk) -> None:
    desk.server.key = "sk-right"
    with pytest.raises(JudgeStopped, match=r"key.*401"):
        desk.run()
    desk.server.key = None
    desk.server.batches.faults["POST /v1/files"] = [failure(404, None, "Not Found")]
    with pytest.raises(PPAIError) as error:
        desk.run()
    assert "\n" not in str(error.value)
    desk.server.batches.faults["POST /v1/files"] = []
    desk.run()
    assert len(desk.verdicts()) == 6


def test_only_judges_of_the_api_have_batches(desk: Desk) -> None:
    with pytest.raises(PPAIError, match="baseline:longest has no Batch API"):
        desk.run(spec="baseline:longest")


def test_the_command_submits_and_collects(desk: Desk) -> None:
    sent = command(desk, "--no-wait").communicate(timeout=60)[0]
    assert "batch_1 of 6 requests is submitted" in sent and "6 with a batch" in sent
    run = command(desk)
    collected = run.communicate(timeout=60)[0]
    assert (run.returncode, desk.created) == (0, 1), collected
    assert len((desk.directory / "verdicts.jsonl").read_text().splitlines()) == 6


def test_nothing_goes_on_where_every_batch_is_collected(desk: Desk) -> None:
    desk.server.script = lambda asked: failure(500, "server_error", "The server had an error.")
    run = command(desk)
    said = run.communicate(timeout=60)[0]
    assert run.returncode == 1 and "6 requests failed" in said, said
    assert "the same command asks what is missing" in said and "batches go on" not in said


def test_interrupted_while_it_waits_it_says_that_the_batch_goes_on(desk: Desk) -> None:
    desk.server.batches.polls = 10**6
    run = command(desk)
    deadline = time.monotonic() + 60
    while not desk.server.batches.looks:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60)[0]
    assert run.returncode == 130 and "the same command collects" in said
    desk.server.batches.finish("batch_1")
    desk.run(wait=False)
    assert (desk.created, len(desk.verdicts())) == (1, 6)


SCRIPT = """
import sys
sys.path.insert(0, "tests")
from pathlib import Path
from test_batches import Desk
from openai_server import ScriptedServer
Desk(Path(sys.argv[1]), ScriptedServer(port=int(sys.argv[2]))).run()
"""


def command(desk: Desk, *options: str) -> subprocess.Popen[str]:
    """`ppai judge --batch` as a user calls it."""
    words = ["judge", str(desk.directory), "--batch", "--base-url", desk.server.url, *options]
    return subprocess.Popen(
        [sys.executable, "-m", "ppai", *words],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "OPENAI_API_KEY": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def start(desk: Desk) -> subprocess.Popen[bytes]:
    """The same run in a process of its own."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", SCRIPT, str(desk.directory), str(desk.server.port)]
    return subprocess.Popen(command, cwd=root, env={**os.environ, "OPENAI_API_KEY": ""}, start_new_session=True)
