"""The files that `ppai generate` writes: what stands there stays, also what came meanwhile, and a full disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from generated import Ran, general, published, rows_of, save, target
from openai_replies import Reply, text
from openai_server import Asked, ScriptedServer

from eval.generating import files as study_files
from eval.generating.files import StudyFiles, open_files
from eval.generating.kept import Kept
from eval.generating.locks import LOCK_FILE
from ppai.digest import texts_digest
from ppai.errors import PPAIError, StudyError
from ppai.studyfiles.whole_files import write_whole


def echo(asked: Asked) -> Reply:
    return text(f"On {asked.user.split(':')[0]}: wait.")


def at(server: ScriptedServer, system: str = "base") -> list[str]:
    return ["--system", system, "--model", "m", "--base-url", server.url]


def made(files: StudyFiles, words: str, only: str = "") -> dict[str, dict[str, Any]]:
    """Responses as a run makes them, to all prompts or to one."""
    return {
        prompt.id: {"text": words, "sampling": {"seed": 1}, "post": texts_digest(prompt.text)}
        for prompt in files.prompts
        if only in ("", prompt.id)
    }


def with_columns(directory: Path, **columns: object) -> Path:
    path = directory / "posts_test_samples.jsonl"
    return save(path, [row | columns for row in rows_of(path)])


# Columns


def test_a_prompts_column_takes_nothing_from_the_response(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 2)
    with_columns(directory, post="x1", tokens=5, ended="?", raw_text="r", sampling="random", finish="f", ai_answer="a")
    with ScriptedServer(echo) as server:
        for told in ("2 responses to make", "0 responses to make, 2 made already"):
            assert told in ran(directory, *at(server))
        assert len(server.asked) == 2
    row = rows_of(target(directory))[0]
    assert row["post"] == texts_digest(row["text"]) and row["ai_answer"] == row["raw_text"] == "On Post 1: wait."
    assert row["ended"] is True and row["sampling"]["model"] == "m" and row["finish"] == "f", "it had none of its own"


def test_a_prompts_column_does_not_make_a_response_this_programs(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 1)
    with_columns(directory, sampling="random")
    by_hand = rows_of(directory / "posts_test_samples.jsonl")[0] | {"ai_answer": "by hand"}
    save(target(directory), [by_hand])
    with ScriptedServer(echo) as server:
        assert "that another program made: --again replaces them" in ran(directory, *at(server), code=2)
    assert rows_of(target(directory)) == [by_hand]


# What stands there, and what comes meanwhile


def test_responses_that_were_not_made_now_stay_as_they_stand(tmp_path: Path, ran: Ran) -> None:
    directory = published(tmp_path / "study", 3)
    with ScriptedServer(echo) as server:
        ran(directory, *at(server))
        before = target(directory).read_text(encoding="utf-8").split("\n")
        before[2] = before[2].replace('"topic": "sleep"', '"topic":"night",  "note": 1.50')
        target(directory).write_text("\n".join(before), encoding="utf-8")
        prompts = rows_of(directory / "posts_test_samples.jsonl")
        prompts[1]["text"] = "A wholly new text: hm"
        save(directory / "posts_test_samples.jsonl", prompts)
        ran(directory, *at(server), "--ids", "1", "--seed", 3)
        now = target(directory).read_text(encoding="utf-8").split("\n")
        assert now[1:] == before[1:] and '"seed": 3' in now[0]
        ran(directory, *at(server), "--ids", "1,2,3")
    assert rows_of(target(directory))[1]["user_prompt"] == "A wholly new text: hm"


def test_a_response_that_was_read_does_not_replace_what_came_to_its_place(tmp_path: Path) -> None:
    files = open_files(published(tmp_path / "study", 2))
    files.write("base", made(files, "first"))
    held = {key: dict(row) for key, row in files.responses("base").items()}
    files.write("base", made(files, "of another run", "2"))
    files.write("base", held | made(files, "of this run", "1"))
    assert [row["ai_answer"] for row in rows_of(target(files.directory))] == ["of this run", "of another run"]
    target(files.directory).unlink()
    files.write("base", held)
    assert [row["ai_answer"] for row in rows_of(target(files.directory))] == ["first", "first"], "it is all there is"


def test_prompts_and_responses_that_come_during_a_run_stay(tmp_path: Path, ran: Ran) -> None:
    directory = general(tmp_path / "study", 3)
    live = {"id": "live-1", "text": "Mine?", "split": "live"}
    answers = [{"prompt_id": "live-1", "system": name, "text": "precious"} for name in ("base", "other")]

    def meanwhile(asked: Asked) -> Reply:
        save(directory / "prompts.jsonl", [live, *({"id": f"p{n}", "text": f"Post {n}"} for n in (3, 1))])
        save(directory / "responses.jsonl", answers)
        return echo(asked)

    with ScriptedServer(meanwhile) as server:
        assert "1 left out, whose prompts are gone" in ran(directory, *at(server))
    rows = [(row["system"], row["prompt_id"]) for row in rows_of(directory / "responses.jsonl")]
    assert rows == [("base", "live-1"), ("base", "p3"), ("base", "p1"), ("other", "live-1")]


def test_a_prompts_file_that_is_wrong_by_then_costs_no_response(tmp_path: Path, ran: Ran) -> None:
    directory = general(tmp_path / "study", 2)
    whole = (directory / "prompts.jsonl").read_text()

    def torn(asked: Asked) -> Reply:
        (directory / "prompts.jsonl").write_text(whole + '{"id": "p3", "te')
        return echo(asked)

    with ScriptedServer(torn) as server:
        assert "prompts.jsonl:3: is not JSON" in ran(directory, *at(server), code=2)
        assert not (directory / "responses.jsonl").exists()
        (directory / "prompts.jsonl").write_text(whole)
        assert "0 responses to make, 2 made already" in ran(directory, *at(server))
        assert len(server.asked) == 2 and len(rows_of(directory / "responses.jsonl")) == 2


def test_a_prompt_whose_text_changed_meanwhile_stands_with_the_text_that_was_answered(tmp_path: Path) -> None:
    files = open_files(published(tmp_path / "study", 1))
    answered = files.prompts[0].text
    save(files.directory / "posts_test_samples.jsonl", [{"id": 1, "text": "Another"}])
    files.write("base", made(files, "an answer"))
    assert rows_of(target(files.directory))[0]["user_prompt"] == answered


# Runs that end together


def slow(directory: Path, files: Mapping[str, str | bytes]) -> tuple[Path, ...]:
    """Long enough between reading and writing for another run to come in between."""
    time.sleep(0.05)
    return write_whole(directory, files)


def together(*calls: Callable[[], object]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_runs_of_different_systems_that_end_together_keep_each_others_responses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fcntl")
    monkeypatch.setattr(study_files, "write_whole", slow)
    files = open_files(general(tmp_path / "study", 2))
    systems = list("abcdef")
    together(*(lambda name=name: files.write(name, made(files, name)) for name in systems))
    rows = rows_of(files.directory / "responses.jsonl")
    assert sorted(row["system"] for row in rows) == sorted(systems * 2)
    assert not (files.directory / LOCK_FILE).exists()


def test_a_lock_that_a_killed_run_left_keeps_nobody_out(tmp_path: Path) -> None:
    files = open_files(general(tmp_path / "study", 1))
    (files.directory / LOCK_FILE).touch()
    files.write("a", made(files, "text"))
    assert len(rows_of(files.directory / "responses.jsonl")) == 1
    (files.directory / LOCK_FILE).mkdir()
    with pytest.raises(PPAIError, match=r"\.generate\.lock: cannot be written"):
        files.write("a", made(files, "text"))


# Disks and torn files


def test_a_full_disk_is_one_error_and_what_was_kept_before_stays(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    kept, limits = Kept(tmp_path / "x.partial"), resource.getrlimit(resource.RLIMIT_FSIZE)
    row = {"text": "x" * 1000}
    try:
        with pytest.raises(PPAIError, match=r"x\.partial: cannot be written: File too large"), kept.held():
            kept.keep("1", row)
            resource.setrlimit(resource.RLIMIT_FSIZE, (kept.path.stat().st_size + 500, limits[1]))
            kept.keep("2", row)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert Kept(kept.path).rows == {"1": row}
    with kept.held():
        kept.keep("2", row)
    assert Kept(kept.path).rows == {"1": row, "2": row}, "the torn line is passed over"


def test_a_file_of_responses_that_cannot_be_read_is_told_and_left(tmp_path: Path) -> None:
    files = open_files(general(tmp_path / "study", 1))
    path = files.directory / "responses.jsonl"
    path.write_text('{"prompt_id": "p1", "system": "b", "text": "t"}\n\n{"prompt_id": ')
    with pytest.raises(StudyError, match=r"responses\.jsonl:3: is not JSON"):
        files.write("a", made(files, "text"))
    assert path.read_text().endswith('{"prompt_id": ')
