"""`ppai generate` at a server: files of both layouts, going on after a stop, other settings, costs, errors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from generated import Ran, configured, general, partial, published, rows_of, save, target
from openai_replies import Reply, failure, incomplete, refusal, text
from openai_server import Asked, ScriptedServer, in_turn

from eval.generating.endpoint import SEEDS
from eval.generating.seeds import prompt_seed
from ppai.schema import Generation
from ppai.studyfiles import check_study, read_study

ROOT = Path(__file__).parents[1]
PRICES = "prices:\n  priced: {input: 1.0, output: 1000.0}\n"
"""US dollars per million tokens: a response of 1,000 tokens costs a dollar."""


def echo(asked: Asked) -> Reply:
    return text(f"On {asked.user.split(':')[0]}: wait.\n\nIt passes. Source: a book")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(echo) as server:
        yield server


def at(server: ScriptedServer, system: str = "base", model: str = "m") -> list[str]:
    return ["--system", system, "--model", model, "--base-url", server.url]


# Files


def test_the_published_layout_keeps_each_prompt_and_says_how_its_response_was_made(
    tmp_path: Path, server: ScriptedServer, ran: Ran
) -> None:
    directory = published(tmp_path / "study")
    said = ran(directory, *at(server), "--seed", 7)
    assert "base: 4 responses to make" in said and str(target(directory)) in said
    assert '- {id: base, generation: {model: m, base_url: "http' in said, "what study.yaml lacks"
    prompts = rows_of(directory / "posts_test_samples.jsonl")
    for prompt, row in zip(prompts, rows_of(target(directory)), strict=True):
        shown = f"On Post {prompt['id']}: wait.\n\nIt passes."
        assert row.items() >= (prompt | {"user_prompt": prompt["text"], "ai_answer": shown, "ended": True}).items()
        assert row["raw_text"] == f"{shown} Source: a book" and "text" in row and row["text"] == prompt["text"]
        sampling = dict(row["sampling"])
        made_with = sampling.pop("made_with")
        assert made_with["model"] == "m" and made_with["fingerprint"] and "openai" in made_with
        assert sampling.pop("prompt_digest") and Generation.model_validate(sampling).model_dump()["seed"] == 7
    assert sorted(path.name for path in directory.iterdir()) == [
        "posts_test_samples.jsonl",
        "posts_test_samples_base_response.jsonl",
    ]


def test_each_prompt_is_asked_with_the_settings_and_a_seed_of_its_own(
    tmp_path: Path, server: ScriptedServer, ran: Ran
) -> None:
    directory = published(tmp_path / "study")
    ran(directory, *at(server), "--temperature", 0.5, "--top-p", 0.8, "--repetition-penalty", 1.2)
    for asked in server.asked:
        number = asked.user.split(":")[0].removeprefix("Post ")
        wanted = {"temperature": 0.5, "top_p": 0.8, "repetition_penalty": 1.2, "max_tokens": 150, "stream": False}
        assert asked.body.items() >= wanted.items()
        assert asked.path == "/v1/chat/completions" and asked.body["seed"] == prompt_seed(42, number) % SEEDS
        assert "fellow parent" in asked.system
    assert len({asked.body["seed"] for asked in server.asked}) == 4


def test_the_general_layout_keeps_what_other_systems_wrote(tmp_path: Path, server: ScriptedServer, ran: Ran) -> None:
    directory = general(tmp_path / "study")
    others = [{"prompt_id": f"p{n}", "system": "human", "text": f"mine {n}", "note": 1} for n in (4, 2)]
    save(directory / "responses.jsonl", others)
    ran(directory, *at(server, "new"))
    rows = rows_of(directory / "responses.jsonl")
    assert rows[:2] == others and [row["prompt_id"] for row in rows[2:]] == ["p1", "p2", "p3", "p4"]
    assert rows[2]["text"] == "On Post 1: wait.\n\nIt passes." and rows[2]["system"] == "new"
    assert check_study(directory) == []
    ran(directory, *at(server, "new"), "--seed", 1, "--ids", "p2")
    again = rows_of(directory / "responses.jsonl")
    assert [row["prompt_id"] for row in again] == [row["prompt_id"] for row in rows]
    assert [row["sampling"]["seed"] for row in again[2:]] == [42, 1, 42, 42]


def test_live_questions_are_neither_answered_again_nor_lost(tmp_path: Path, server: ScriptedServer, ran: Ran) -> None:
    directory = general(tmp_path / "study", 1)
    prompts = [*rows_of(directory / "prompts.jsonl"), {"id": "live-1", "text": "Mine?", "split": "live"}]
    save(directory / "prompts.jsonl", prompts)
    live = [{"prompt_id": "live-1", "system": name, "text": "Then."} for name in ("new", "old")]
    save(directory / "responses.jsonl", live)
    ran(directory, *at(server, "new"))
    assert len(server.asked) == 1
    rows = rows_of(directory / "responses.jsonl")
    assert [(row["prompt_id"], row["system"]) for row in rows] == [("p1", "new"), ("live-1", "new"), ("live-1", "old")]
    assert "live-1" in ran(directory, *at(server, "new"), "--ids", "live-1", code=2)


@pytest.mark.parametrize(("system", "part"), [("finetuned", "ft"), ("ft", "ft"), ("a/b c", "a%2Fb c")])
def test_a_system_is_named_in_the_file_as_a_study_reads_it(
    tmp_path: Path, server: ScriptedServer, ran: Ran, system: str, part: str
) -> None:
    directory = published(tmp_path / "study", 1)
    ran(directory, *at(server))
    ran(directory, *at(server, system), "--add")
    assert target(directory, part).exists()
    assert set(read_study(directory).config.system_ids) == {"base", system}
    ran(directory, *at(server, system))
    assert len(server.asked) == 2, "the file is found again"


# Going on


def test_what_holds_is_never_asked_again(tmp_path: Path, server: ScriptedServer, ran: Ran) -> None:
    directory = published(tmp_path / "study")
    ran(directory, *at(server))
    before = target(directory).read_bytes()
    assert "0 responses to make, 4 made already" in ran(directory, *at(server))
    assert len(server.asked) == 4 and target(directory).read_bytes() == before
    ran(directory, *at(server), "--again")
    assert len(server.asked) == 8


def test_other_settings_and_other_texts_are_made_again_and_said(
    tmp_path: Path, server: ScriptedServer, ran: Ran
) -> None:
    directory = published(tmp_path / "study")
    ran(directory, *at(server))
    prompts = rows_of(directory / "posts_test_samples.jsonl")
    prompts[1]["text"] = "Another post: hm"
    save(directory / "posts_test_samples.jsonl", prompts)
    assert "1 responses to make, 3 made already; 1 written for another text are" in ran(directory, *at(server))
    assert "4 made with other settings are made again" in ran(directory, *at(server), "--temperature", 0.2)
    assert len(server.asked) == 4 + 1 + 4
    assert {row["sampling"]["temperature"] for row in rows_of(target(directory))} == {0.2}


def test_another_text_of_the_prompt_file_is_another_setting(tmp_path: Path, server: ScriptedServer, ran: Ran) -> None:
    directory = published(tmp_path / "study", 1)
    for words in ("Be kind.", "Be brief."):
        (directory / "own.txt").write_text(words)
        ran(directory, *at(server), "--prompt", "own.txt")
    assert [asked.system for asked in server.asked] == ["Be kind.", "Be brief."]


def test_what_another_program_wrote_is_replaced_only_when_asked(
    tmp_path: Path, server: ScriptedServer, ran: Ran
) -> None:
    directory = published(tmp_path / "study", 1)
    row = rows_of(directory / "posts_test_samples.jsonl")[0] | {"ai_answer": "by hand"}
    save(target(directory), [row])
    assert "that another program made: --again replaces them" in ran(directory, *at(server), code=2)
    assert rows_of(target(directory)) == [row] and not server.asked
    ran(directory, *at(server), "--again")
    assert rows_of(target(directory))[0]["ai_answer"].startswith("On Post 1")


def test_a_run_that_was_killed_goes_on_and_the_file_is_the_same(tmp_path: Path, ran: Ran) -> None:
    directory, whole = published(tmp_path / "study", 30), published(tmp_path / "whole", 30)
    with ScriptedServer(lambda asked: Reply(echo(asked).text, delay=0.05)) as slow:
        command = [sys.executable, "-m", "ppai", "generate", directory, *at(slow), "--concurrency", "2"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        run = subprocess.Popen(list(map(str, command)), cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while len(slow.answers) < 8 and time.monotonic() < until:
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert not target(directory).exists()
        kept = len(partial(directory).read_bytes().splitlines())
        assert 6 <= kept < 30
        with partial(directory).open("ab") as file:
            file.write('{"prompt_id": "29", "text": "torn in a letter: \u2028'.encode()[:-1])
        ran(directory, *at(slow))
        assert len(slow.asked) <= 30 + 2 + 2, "but for those in flight"
        ran(whole, *at(slow))
    assert target(directory).read_bytes() == target(whole).read_bytes() and not partial(directory).exists()


def test_two_runs_never_write_one_system_at_once(tmp_path: Path, server: ScriptedServer, ran: Ran) -> None:
    pytest.importorskip("fcntl")
    from eval.generating.kept import Kept

    directory = published(tmp_path / "study")
    with Kept(partial(directory)).held():
        assert "another run is writing these responses" in ran(directory, *at(server), code=2)
    ran(directory, *at(server))


# Servers


def test_a_limit_that_ended_a_response_cuts_its_last_sentence_and_is_recorded(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 1)
    with ScriptedServer(lambda _: incomplete("It passes. Then he")) as server:
        ran(directory, *at(server))
    (row,) = rows_of(target(directory))
    assert (row["ai_answer"], row["raw_text"], row["ended"]) == ("It passes.", "It passes. Then he", False)


def test_empty_responses_are_kept_and_counted(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 2)
    with ScriptedServer(lambda asked: text("" if "Post 2" in asked.user else "It passes.")) as server:
        assert f"2 responses in {target(directory)}, 1 of them empty\n" in ran(directory, *at(server))
    assert [row["ai_answer"] for row in rows_of(target(directory))] == ["It passes.", ""]


def test_a_refusal_is_a_response_and_called_one(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 1)
    with ScriptedServer(lambda _: refusal("I cannot help.")) as server:
        ran(directory, *at(server))
    (row,) = rows_of(target(directory))
    assert (row["ai_answer"], row["finish"]) == ("I cannot help.", "refusal")


def test_settings_that_a_server_refuses_are_recorded_as_not_sent(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 2)
    with ScriptedServer(echo, unsupported=("repetition_penalty", "seed")) as server:
        ran(directory, *at(server))
        assert "0 responses to make" in ran(directory, *at(server))
    rows = rows_of(target(directory))
    assert {tuple(row["sampling"]["made_with"]["not_sent"]) for row in rows} == {("repetition_penalty", "seed")}


def test_requests_that_fail_leave_the_rest_for_the_next_run(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study")
    script = in_turn([echo, failure(400, None, "no such luck")], echo)
    with ScriptedServer(script) as server:
        said = ran(directory, *at(server), "--concurrency", 1, code=1)
        assert "1 requests failed" in said and "no such luck" in said and not target(directory).exists()
        assert "base: 1 responses to make, 3 made already" in ran(directory, *at(server))
        assert len(server.asked) == 5
    assert len(rows_of(target(directory))) == 4


def test_the_cost_is_told_and_never_passed(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 10)
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES)
    options = ["--prices", prices, "--max-cost", 0.5]
    with ScriptedServer(lambda _: Reply("Wait.", output_tokens=100)) as server:
        said = ran(directory, *at(server, model="priced"), *options, code=1)
        assert "stopped before --max-cost is passed" in said and len(server.asked) == 4
        assert "$0.40" in said
        assert "price of m is not known" in ran(directory, *at(server), *options, code=2)


def test_a_wrong_key_or_model_ends_in_one_line(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study")
    with ScriptedServer(echo, models=["other"]) as server:
        assert "does not have the model 'm'" in ran(directory, *at(server), code=2)
    with ScriptedServer(echo, key="another") as server:
        assert "does not accept the key" in ran(directory, *at(server), code=2)
    assert sorted(path.name for path in directory.iterdir()) == ["posts_test_samples.jsonl"]


# study.yaml

CONFIG = """name: Trial
# who writes
systems:
  - {id: base, generation: {model: m, base_url: "URL"}}
  - id: other
    name: Other   # ours

results: open
"""


def test_the_systems_of_the_study_are_written_without_naming_them(
    tmp_path: Path, server: ScriptedServer, ran: Ran
) -> None:
    directory = published(tmp_path / "study", 2, CONFIG.replace("URL", server.url))
    assert "study.yaml" not in ran(directory)
    assert target(directory).exists() and not target(directory, "other").exists() and len(server.asked) == 2


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (CONFIG, "  - id: other\n    name: Other   # ours\n  - {id: new, generation"),
        ("systems: [{id: base}, ]\n", "systems: [{id: base}, {id: new, generation"),
        ("systems:\n- id: base\n", "systems:\n- id: base\n- {id: new, generation"),
        ("name: T", "name: T\nsystems:\n  - {id: base}\n  - {id: new, generation"),
        ("", "systems:\n  - {id: base}\n  - {id: new, generation"),
    ],
    ids=["block", "flow", "flat", "none listed", "no file"],
)
def test_a_system_is_added_and_the_rest_of_the_file_stays(
    tmp_path: Path, server: ScriptedServer, ran: Ran, config: str, line: str
) -> None:
    directory = published(tmp_path / "study", 1)
    ran(directory, *at(server))
    configured(directory, config.replace("URL", server.url))
    said = ran(directory, *at(server, "new"), "--top-p", 0.5, "--add")
    written = (directory / "study.yaml").read_text()
    assert line in written and f"added to {directory / 'study.yaml'}" in said
    for kept in config.replace("URL", server.url).rstrip("]},\n ").splitlines():
        assert kept.rstrip() in written
    assert "study.yaml" not in ran(directory, "--system", "new"), "it is all there now"
    assert len(server.asked) == 2


def test_an_entry_that_says_otherwise_is_replaced_where_asked(tmp_path: Path, server: ScriptedServer, ran: Ran) -> None:
    directory = published(tmp_path / "study", 1, CONFIG.replace("URL", server.url))
    ran(directory, "--system", "other", "--model", "n", "--base-url", server.url, "--add")
    written = (directory / "study.yaml").read_text()
    assert "- {id: other, name: Other, generation: {model: n" in written and "\nresults: open\n" in written
    assert written.startswith("name: Trial\n# who writes\n")


# Wrong input


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "study.yaml gives no system a generation: name one with --system ID --model MODEL"),
        (("--system", "x"), "study.yaml says no generation of 'x'"),
        (("--system", "x,x", "--model", "m"), "named twice"),
        (("--system", "x", "--model", "m", "--prompt", "../secret.txt"), "--prompt: '../secret.txt' is neither"),
        (("--system", "x", "--model", "m", "--temperature", "-1"), "--temperature: "),
        (("--system", "x", "--model", "m", "--temperature", "nan"), "--temperature: "),
        (("--system", "x", "--model", "m", "--top-p", "0"), "--top-p: "),
        (("--system", "x", "--model", "m", "--repetition-penalty", "inf"), "--repetition-penalty: "),
        (("--system", "x", "--model", "m", "--max-new-tokens", "0"), "--max-new-tokens: "),
        (("--system", "x", "--model", "m", "--adapter", "nowhere"), "there is no directory 'nowhere'"),
        (("--system", "x", "--model", "m", "--base-url", "nowhere"), "--base-url: 'nowhere' is not an address"),
        (("--system", "x", "--model", "m", "--base-url", "http://h", "--adapter", "a/b"), "--adapter: a server has"),
        (("--system", "x", "--model", "m", "--ids", "99"), "--ids: the study has no prompt '99'"),
        (("--system", "x", "--model", "m", "--concurrency", "0"), "--concurrency"),
        (("--system", "x", "--model", "m", "--timeout", "nan"), "--timeout"),
        (("--system", "x", "--model", "m", "--max-cost", "-1"), "--max-cost"),
    ],
)
def test_wrong_options_are_one_line_and_nothing_is_written(
    tmp_path: Path, ran: Ran, options: tuple[str, ...], told: str
) -> None:
    directory = published(tmp_path / "study")
    assert told in ran(directory, *options, code=2)
    assert [path.name for path in directory.iterdir()] == ["posts_test_samples.jsonl"]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('{"id": 1, "text": "a"}\n{"id": 2, "te', "posts_test_samples.jsonl:2: is not JSON"),
        ('{"id": 1}\n', "posts_test_samples.jsonl:1: text: "),
        ('{"id": 1, "text": "a"}\n{"id": "1", "text": "b"}\n', "posts_test_samples.jsonl:2: id: '1' stands twice"),
        ("", "posts_test_samples.jsonl: holds no prompts"),
    ],
)
def test_what_is_wrong_with_the_prompts_is_told(tmp_path: Path, ran: Ran, lines: str, told: str) -> None:
    directory = published(tmp_path / "study")
    (directory / "posts_test_samples.jsonl").write_text(lines, encoding="utf-8")
    assert told in ran(directory, "--system", "x", "--model", "m", code=2)


def test_wrong_places_and_settings_of_study_yaml_are_told(tmp_path: Path, ran: Ran) -> None:
    assert "there is no such directory" in ran(tmp_path / "none", code=2)
    assert "name a study's directory, not a store" in ran("sqlite:///x.db", code=2)
    wrong = "systems:\n  - {id: x, generation: {model: m, temprature: 1}}\n"
    directory = published(tmp_path / "study", 1, wrong)
    assert "systems.0.generation.temprature: is not a known key: did you mean temperature?" in ran(directory, code=2)
    configured(directory, "systems:\n  - {id: x, generation: {model: m, top_p: 2}}\n")
    assert "study.yaml:2: systems.0.generation.top_p: " in ran(directory, code=2)


def test_a_missing_package_is_told_with_the_command(tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    directory = published(tmp_path / "study", 1)
    said = ran(directory, "--system", "x", "--model", "smollm2-135m-instruct", code=2)
    assert "torch is not installed: pip install 'ppai[live]'" in said


def test_records_are_plain_json(tmp_path: Path, server: ScriptedServer, ran: Ran) -> None:
    """What the report and other tools read back as a study."""
    directory = general(tmp_path / "study", 2)
    for system in ("a", "b"):
        ran(directory, *at(server, system))
    study = read_study(directory)
    kept: dict[str, Any] = study.responses[0].extra
    assert json.loads(json.dumps(kept))["sampling"]["base_url"] == server.url and len(study.pairs) == 2
