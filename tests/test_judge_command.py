"""`ppai judge`: what it asks a server, what it stores and prints, and how it stops."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_replies import Reply, failure, outcomes, refusal
from openai_server import Asked, ScriptedServer, first_wins, in_turn
from rating import rating_study
from small_studies import verdict

from eval.judges.openai import OpenAIJudge
from ppai import __main__ as command
from ppai.schema import Verdict
from ppai.store.base import JudgeRun
from ppai.store.sql import SqlStore
from ppai.studyfiles import check_study, read_study, write_general
from ppai.studyfiles.general import read_verdicts
from ppai.workplace import LEDGER

PRICES = "prices:\n  priced: {input: 1.0, output: 1000.0}\n"
"""US dollars per million tokens: a reply of 1,000 tokens, the most, costs a dollar."""
Ran = Callable[..., str]


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PPAI_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_general(rating_study(3), tmp_path / "study")
    return tmp_path / "study"


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Runs the command to its end with the exit code that is expected; what it said, errors last."""

    def run(*arguments: str | Path | int, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["ppai", "judge", *map(str, arguments)])
        capsys.readouterr()
        ended = 0
        try:
            command.main()
        except SystemExit as error:
            ended = int(error.code or 0)
        said = capsys.readouterr()
        assert ended == code, said.out + said.err
        assert "sk-secret" not in said.out + said.err
        if code == command.WRONG_INPUT:
            assert said.err.count("\n") == 1 and said.out == ""
        return said.out + said.err

    return run


def judged(directory: Path) -> list[Verdict]:
    return read_verdicts(directory / "verdicts.jsonl")


def at(server: ScriptedServer, model: str = "m") -> list[str]:
    return ["--judge", f"openai:{model}", "--base-url", server.url]


def clarity_lost(asked: Asked) -> Reply:
    return outcomes({key: "Response 2" for key in asked.criteria if key != "clarity"})


def test_a_study_is_judged_in_both_orders_and_the_files_say_so(directory: Path, ran: Ran) -> None:
    with ScriptedServer() as server:
        said = ran(directory, *at(server))
        assert len(server.asked) == 6 == len(set(server.answers))
        assert "6 asked now, 0 finished before, 0 failed" in said and "cost unknown" in said
        assert "0.0% of 6" in said and "100.0% of 12" in said, "it always names the first"
        assert f"verdicts: {directory / 'verdicts.jsonl'}" in said
        again = ran(directory, *at(server))
        assert len(server.asked) == 6 and "0 asked now, 6 finished before" in again
    verdicts = judged(directory)
    assert {(v.prompt_id, v.system_a) for v in verdicts} == {(f"p{n}", s) for n in range(3) for s in ("base", "tuned")}
    assert {(v.judge, v.arm.value, v.sample, v.model) for v in verdicts} == {("openai:m", "as_is", 0, "m")}
    assert check_study(directory) == [] and len(read_study(directory).verdicts) == 6


def test_the_report_and_the_store_take_what_a_run_wrote(directory: Path, ran: Ran, tmp_path: Path) -> None:
    ran(directory, "--judge", "baseline:first")
    url = f"sqlite:///{tmp_path / 'app.db'}"
    store = SqlStore(url)
    study = read_study(directory)
    store.load(study.model_copy(update={"verdicts": ()}))
    report = store.load(study)
    assert report.verdicts_added == 6, "which needs no --replace"
    assert store.load(study).unchanged
    store.close()
    assert "0 asked now, 6 finished before" in ran(url, "--judge", "baseline:first"), "the store knows the items"


def test_verdicts_of_a_store_are_stored_there(directory: Path, ran: Ran, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'app.db'}"
    store = SqlStore(url)
    store.load(read_study(directory))
    assert "verdicts: in the store" in ran(url, "--judge", "baseline:longest")
    assert len(store.events("rated").verdicts) == 6
    assert f"verdicts: {tmp_path / 'out.jsonl'}" in ran(
        url, "--judge", "baseline:longest", "--out", tmp_path / "out.jsonl"
    )
    assert len(read_verdicts(tmp_path / "out.jsonl")) == 6 and not (directory / "verdicts.jsonl").exists()
    with store.judging("rated") as work:
        assert work.runs() == []
    store.close()


def test_selections_are_added_to_and_never_asked_twice(directory: Path, ran: Ran) -> None:
    (directory / "some.txt").write_text("p0\np2\n")
    with ScriptedServer() as server:
        ran(directory, *at(server), "--prompts", f"@{directory / 'some.txt'}", "--order", "first")
        assert len(server.asked) == 2
        ran(directory, *at(server), "--criteria", "clarity", "--prompts", "p0,p1")
        asked = [one.criteria for one in server.asked[2:]]
        assert asked == [["clarity"]] * 3, "p0 has one order, with all criteria"
        ran(directory, *at(server))
        assert sorted(one.criteria for one in server.asked[5:]) == [["clarity", "overall"]] + [["overall"]] * 3
        ran(directory, *at(server), "--samples", 2, "--arm", "plain")
        assert len(server.asked) == 9 + 12
    everything = judged(directory)
    assert len(everything) == 6 + 12
    assert all(set(one.asked or ()) == {"clarity", "overall"} == set(one.outcomes) for one in everything)
    assert {(one.arm.value, one.sample) for one in everything} == {("as_is", 0), ("plain", 0), ("plain", 1)}


def test_what_a_reply_lacks_is_unscored_and_asked_again_only_when_told(directory: Path, ran: Ran) -> None:
    with ScriptedServer(in_turn([refusal(), clarity_lost])) as server:
        said = ran(directory, *at(server), "--concurrency", 1)
        assert "unscored of openai:m: " in said and "6 asked now" in said
        unscored = [one for one in judged(directory) if one.unscored]
        partly = [one for one in judged(directory) if one.unscored_criteria]
        assert (
            [len(unscored), len(partly)] == [1, 1]
            and unscored[0].raw
            and partly[0].unscored_criteria.keys() == {"clarity"}
        )
        ran(directory, *at(server))
        assert len(server.asked) == 6
        ran(directory, *at(server), "--retry-unscored")
        assert sorted(one.criteria for one in server.asked[6:]) == [["clarity"], ["clarity", "overall"]]
    assert all(not one.unscored and not one.unscored_criteria for one in judged(directory))


def test_a_run_without_any_outcome_says_so_and_why(directory: Path, ran: Ran) -> None:
    with ScriptedServer(in_turn([refusal()], lambda asked: Reply("Response 1 is better."))) as server:
        said = ran(directory, *at(server))
        assert said.endswith("none of the 6 replies has a usable outcome, most often (5): not JSON\n")
        server.script = in_turn([first_wins], lambda asked: Reply("Response 1 is better."))
        assert "none of the" not in ran(directory, *at(server), "--retry-unscored")
        assert "none of the" not in ran(directory, *at(server)), "where nothing was asked"


def test_a_panel_is_several_judges_in_one_go(directory: Path, ran: Ran) -> None:
    with ScriptedServer() as server:
        said = ran(directory, "--panel", "openai:a, baseline:longest,openai:b", "--base-url", server.url)
    assert "18 asked now" in said
    assert {one.judge for one in judged(directory)} == {"openai:a", "baseline:longest", "openai:b"}


def test_a_dry_run_asks_and_changes_nothing(directory: Path, ran: Ran, tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(PRICES)
    with ScriptedServer() as server:
        said = ran(directory, *at(server), "--dry-run")
        assert "6 requests to make, 0 of 6 finished already; about " in said and "a cost that is not known" in said
        priced = ran(directory, *at(server, "priced"), "--dry-run", "--prices", tmp_path / "prices.yaml")
        assert "$0." in priced.partition("about")[2]
        assert server.asked == [] and sorted(path.name for path in directory.iterdir()) == [
            *("prompts.jsonl", "responses.jsonl", "study.yaml"),
        ]
        ran(directory, *at(server), "--prompts", "p0")
        (directory / "verdicts.jsonl").unlink()
        assert "4 requests to make, 2 of 6 finished" in ran(directory, *at(server), "--dry-run"), "the store knows"
        ran(directory, *at(server), "--prompts", "p0")
        shutil.copytree(directory, tmp_path / "copy", ignore=lambda *_: [LEDGER])
        assert "4 requests to make, 2 of 6 finished" in ran(tmp_path / "copy", *at(server), "--dry-run"), (
            "the file knows"
        )
        assert not (tmp_path / "copy" / LEDGER).exists() and len(server.asked) == 2


def test_an_estimate_uses_the_output_that_was_measured(directory: Path, ran: Ran) -> None:
    def long(asked: Asked) -> Reply:
        return Reply(first_wins(asked).text, output_tokens=777)

    with ScriptedServer(long) as server:
        ran(directory, *at(server), "--prompts", "p0")
        assert "4 requests to make" in (said := ran(directory, *at(server), "--dry-run"))
        assert f"and {4 * 777:,} out" in said
        assert f"{4 * 777:,} out" not in ran(directory, *at(server), "--dry-run", "--name", "other")


def test_spending_stops_before_the_limit_is_passed(directory: Path, ran: Ran, tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(PRICES)
    long = in_turn([], then=lambda asked: outcomes(dict.fromkeys(asked.criteria, "Tie"), justification="word " * 400))
    options = ["--prices", tmp_path / "prices.yaml", "--max-cost", "1.8"]
    with ScriptedServer(long) as server:
        said = ran(directory, *at(server, "priced"), *options, code=1)
        assert "stopped before --max-cost is passed" in said
        costs = [(one.usage or {})["cost_usd"] for one in judged(directory)]
        assert 0 < sum(costs) <= 1.8 < sum(costs) + 1.1, "what one more can cost would have passed it"
        assert len(server.asked) == len(costs) < 6
        said = ran(directory, *at(server, "priced"), "--prices", tmp_path / "prices.yaml", "--max-cost", "100")
        assert len(server.asked) == 6 == len(judged(directory))


def test_failed_requests_stay_missing_and_are_asked_again(directory: Path, ran: Ran) -> None:
    with ScriptedServer(
        in_turn([failure(400, None, "bad luck"), failure(400, None, "bad luck")], first_wins)
    ) as server:
        server.script = in_turn([first_wins, failure(400, None, "bad luck")])
        said = ran(directory, *at(server), "--concurrency", 1, code=1)
        assert "5 asked now, 0 finished before, 1 failed" in said and "bad luck" in said
        assert len(judged(directory)) == 5
        assert "1 asked now, 5 finished before, 0 failed" in ran(directory, *at(server))


def test_a_server_that_answers_nothing_ends_the_run_at_once(tmp_path: Path, ran: Ran) -> None:
    write_general(rating_study(100), tmp_path / "large")
    server = ScriptedServer(lambda asked: failure(400, None, "out of order"))
    with server:
        said = ran(tmp_path / "large", *at(server), code=2)
    assert "16 requests in a row failed" in said and "out of order" in said
    assert len(server.asked) <= 3 * 32 and not (tmp_path / "large" / "verdicts.jsonl").exists()


@pytest.mark.parametrize("concurrency", [1, 16])
def test_a_server_that_is_down_is_told_by_the_first_request(
    directory: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch, concurrency: int
) -> None:
    tried = 0
    ask = OpenAIJudge.ask

    async def counted(*given: Any) -> Any:
        nonlocal tried
        tried += 1
        return await ask(*given)

    monkeypatch.setattr(OpenAIJudge, "ask", counted)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.01)
    with ScriptedServer() as server:
        pass
    said = ran(directory, *at(server), "--concurrency", concurrency, code=2)
    assert said.startswith("openai:m: ") and "cannot be reached" in said
    assert tried <= concurrency


def test_a_wrong_key_stops_at_once_with_one_line(directory: Path, ran: Ran) -> None:
    with ScriptedServer(key="sk-right") as server:
        said = ran(directory, *at(server), code=2)
    assert "OPENAI_API_KEY" in said and not (directory / "verdicts.jsonl").exists()


def test_what_came_before_a_stop_is_kept(directory: Path, ran: Ran) -> None:
    with ScriptedServer(in_turn([first_wins, first_wins, failure(429, "insufficient_quota", "quota")])) as server:
        ran(directory, *at(server), "--concurrency", 1, code=2)
        assert len(judged(directory)) == 2
        assert "4 asked now, 2 finished before" in ran(directory, *at(server))
        assert server.asked_after_answer() == []


def test_interrupting_saves_what_has_come_and_frees_the_rest(directory: Path, ran: Ran) -> None:
    def slow_after_three(asked: Asked) -> Reply:
        answer = first_wins(asked)
        return answer if len(server.asked) <= 3 else Reply(answer.text, delay=30)

    def interrupt() -> None:
        until = time.monotonic() + 20
        while len(server.asked) < 6 and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    with ScriptedServer(slow_after_three) as server:
        threading.Thread(target=interrupt).start()
        begun = time.monotonic()
        said = ran(directory, *at(server), "--concurrency", 3, code=130)
        assert time.monotonic() - begun < 20
        assert "3 asked now" in said and "stopped: the same command asks what is missing" in said
        assert len(judged(directory)) == 3
        server.script = first_wins
        assert "3 asked now, 3 finished before" in ran(directory, *at(server)), "at once, without waiting for a lease"
        assert server.asked_after_answer() == []


def test_verdicts_of_another_program_are_not_lost_unasked(directory: Path, ran: Ran) -> None:
    own = verdict("p0", "base", "tuned", "b", judge="openai:m", justification="by hand")
    (directory / "verdicts.jsonl").write_text(own.model_dump_json(exclude_defaults=True) + "\n")
    with ScriptedServer() as server:
        said = ran(directory, *at(server), code=2)
        assert "another program gave (1)" in said and "--name" in said and "--replace-foreign" in said
        assert server.asked == [] and judged(directory) == [own]
        ran(directory, *at(server), "--name", "mine")
        assert own in judged(directory) and len(judged(directory)) == 7
        ran(directory, *at(server), "--replace-foreign")
    assert len(judged(directory)) == 12 and own not in judged(directory) and len(server.asked) == 12


def test_a_changed_response_is_asked_again_and_nothing_else(directory: Path, ran: Ran) -> None:
    with ScriptedServer() as server:
        ran(directory, *at(server))
        responses = (directory / "responses.jsonl").read_text("utf-8").splitlines()
        changed = json.loads(responses[0]) | {"text": "Another answer altogether."}
        (directory / "responses.jsonl").write_text("\n".join([json.dumps(changed), *responses[1:]]) + "\n", "utf-8")
        assert "2 verdicts on other texts" in ran(directory, *at(server))
    assert len(server.asked) == 8 and len(judged(directory)) == 6


def test_another_prompt_is_another_question(directory: Path, ran: Ran, tmp_path: Path) -> None:
    template = Path(command.__file__).parents[1] / "eval" / "prompts" / "judge_v1.txt"
    (tmp_path / "mine.txt").write_text(template.read_text("utf-8") + "\n\nThink of the child.\n", "utf-8")
    with ScriptedServer() as server:
        ran(directory, *at(server))
        first = {one.prompt_version for one in judged(directory)}
        other = [*at(server), "--prompt", tmp_path / "mine.txt"]
        assert "6 verdicts on other texts, or by another prompt or model" in ran(directory, *other)
        assert "0 asked now" in ran(directory, *other)
    assert len(judged(directory)) == 6 and len(server.asked) == 12
    assert not first & {one.prompt_version for one in judged(directory)}


def test_a_batch_that_is_under_way_is_left_alone(directory: Path, ran: Ran) -> None:
    ran(directory, "--judge", "baseline:first", "--prompts", "p0")
    from eval.judges.baseline import BaselineJudge
    from eval.judging.plan import plan

    study = read_study(directory)
    item = next(plan(study, prompts=["p1"]).items(BaselineJudge("first")))
    store = SqlStore(f"sqlite:///{directory / LEDGER}")
    with store.judging("rated") as work:
        work.start(JudgeRun("batch", None, {"batch": "b"}))
        work.claim("batch", [item.key], lease=15)
    store.close()
    said = ran(directory, "--judge", "baseline:first")
    assert "3 asked now, 2 finished before" in said and "1 with a batch" in said
    assert len(judged(directory)) == 5


WRONG: dict[str, tuple[list[str], str]] = {
    "no such study": (["nowhere"], "nowhere: there is no such directory"),
    "no such store": (["sqlite:///none.db"], "there is no such store"),
    "no such judge": (["study", "--judge", "oracle:x"], "--judge: 'oracle:x'"),
    "no such baseline": (["study", "--judge", "baseline:best"], "baseline:best"),
    "a judge and a panel": (["study", "--judge", "baseline:first", "--panel", "baseline:longest"], "either"),
    "an empty panel": (["study", "--panel", ","], "--panel names no judge"),
    "a name for several": (["study", "--panel", "baseline:first,baseline:random", "--name", "x"], "--name"),
    "a judge twice": (["study", "--panel", "baseline:first,baseline:first"], "stands twice"),
    "no such criterion": (["study", "--judge", "baseline:first", "--criteria", "taste"], "--criteria: 'taste'"),
    "no such prompt": (["study", "--judge", "baseline:first", "--prompts", "p0,p9"], "--prompts: 'p9'"),
    "no such list": (["study", "--judge", "baseline:first", "--prompts", "@none.txt"], "--prompts: none.txt"),
    "no such order": (["study", "--judge", "baseline:first", "--order", "third"], "--order: 'third'"),
    "live": (["study", "--judge", "baseline:first", "--arm", "live"], "--arm"),
    "no sample": (["study", "--judge", "baseline:first", "--samples", "0"], "--samples"),
    "no request": (["study", "--judge", "baseline:first", "--concurrency", "0"], "--concurrency"),
    "a negative sum": (["study", "--judge", "baseline:first", "--max-cost", "-1"], "--max-cost"),
    "an unknown price": (["study", "--judge", "openai:unheard-of", "--max-cost", "1"], "--max-cost"),
    "no such prices": (["study", "--judge", "openai:m", "--prices", "none.yaml"], "none.yaml"),
    "no such template": (["study", "--judge", "openai:m", "--prompt", "none.txt"], "none.txt"),
    "out into nothing": (["study", "--judge", "baseline:first", "--out", "none/x.jsonl"], "none/x.jsonl"),
    "out onto a directory": (["study", "--judge", "baseline:first", "--out", "study"], "study: is not a file"),
    "no wait without batch": (["study", "--judge", "baseline:first", "--no-wait"], "--no-wait goes with --batch"),
    "a batch of a baseline": (["study", "--judge", "baseline:first", "--batch"], "--batch"),
    "a long name": (["study", "--judge", "baseline:first", "--name", "x" * 201], "at most 200 characters"),
    "an empty name": (["study", "--judge", "baseline:first", "--name", " "], "--name is empty"),
    "a name of two lines": (["study", "--judge", "baseline:first", "--name", "a\nb"], "--name: 'a\\nb' holds"),
    "a model of two lines": (["study", "--judge", "openai:a\x1bb"], "'openai:a\\x1bb' holds"),
    "no criteria": (["study", "--judge", "baseline:first", "--criteria", ""], "--criteria names nothing"),
    "no prompts": (["study", "--judge", "baseline:first", "--prompts", " ,"], "--prompts names nothing"),
    "an empty list": (["study", "--judge", "baseline:first", "--prompts", "@/dev/null"], "/dev/null names nothing"),
    "no time": (["study", "--judge", "openai:m", "--timeout", "0"], "--timeout must be above 0, not 0"),
    "negative time": (["study", "--judge", "openai:m", "--timeout", "-1"], "--timeout must be above 0, not -1"),
    "no output": (
        ["study", "--judge", "openai:m", "--max-output-tokens", "0"],
        "--max-output-tokens must be at least 1",
    ),
    "negative output": (["study", "--max-output-tokens", "-5"], "--max-output-tokens must be at least 1, not -5"),
    "a prompt for a baseline": (["study", "--judge", "baseline:first", "--prompt", "study/study.yaml"], "no prompt"),
    "no placeholder": (
        ["study", "--panel", "baseline:first,openai:m", "--prompt", "study/study.yaml"],
        "openai:m: --prompt study/study.yaml: the placeholder {post} is missing",
    ),
    "another study": (["study", "--judge", "baseline:first", "--study", "other"], "--study"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input_is_one_line_and_changes_nothing(directory: Path, ran: Ran, what: str) -> None:
    arguments, said = WRONG[what]
    assert said in ran(*arguments, code=2)
    assert sorted(path.name for path in directory.iterdir() if path.name != LEDGER) == [
        *("prompts.jsonl", "responses.jsonl", "study.yaml"),
    ]


def test_without_a_key_openai_is_not_asked(directory: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    assert "OPENAI_API_KEY is not set" in ran(directory, code=2)


def test_the_key_is_in_no_file(directory: Path, ran: Ran) -> None:
    with ScriptedServer(lambda asked: outcomes({"overall": f"Bearer {asked.headers['Authorization']}"})) as server:
        ran(directory, *at(server))
    for path in directory.iterdir():
        assert b"sk-secret" not in path.read_bytes(), path


def test_a_published_study_is_read_with_both_its_tables_and_the_verdicts(
    published_study: Path, tmp_path: Path, ran: Ran
) -> None:
    study = Path(shutil.copytree(published_study, tmp_path / "published"))
    ran(study, "--judge", "baseline:longest", "--order", "first")
    read: Any = {}
    for one in read_study(study).verdicts:
        read.setdefault(one.judge, []).append(one)
    assert {judge: len(found) for judge, found in read.items()} == {"gpt-4o": 100, "baseline:longest": 100}
    lines = [json.loads(line) for line in (study / "verdicts.jsonl").read_text("utf-8").splitlines()]
    assert {line["judge"] for line in lines} == {"baseline:longest"}
