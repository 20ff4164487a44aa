"""`ppai score`: what it prints, what it stores, and how it refuses."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from small_studies import small_study
from typer.testing import CliRunner

from eval.metrics.bleu import bleu
from eval.metrics.describe import NAMES
from ppai import __main__ as command
from ppai.schema import Response, Study, System
from ppai.store.sql import SqlStore
from ppai.studyfiles import read_study, write_general

PROMPTS = tuple(f"p{number}" for number in range(12))
BASE = "1. Talk to him.\n2. Read a book about week {n} with him.\n3. Rest."
TUNED = "We did the same with my son in week {n}! Do you talk to him? You will rest again."
HUMAN = "My son was the same in week {n}. Talk to him, and rest."


@pytest.fixture
def study_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("PPAI_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    write_general(written_study(), tmp_path / "study")
    return tmp_path / "study"


def written_study(**texts: str) -> Study:
    texts = {"base": BASE, "tuned": TUNED} | texts
    study = small_study(PROMPTS, systems=tuple(texts))
    responses = [
        Response(prompt_id=prompt, system=system, text=text.format(n=number))
        for number, prompt in enumerate(PROMPTS)
        for system, text in texts.items()
    ]
    systems = tuple(System(id=system, name=system.title()) for system in texts)
    config = study.config.model_copy(update={"systems": systems})
    return study.model_copy(update={"responses": tuple(responses), "config": config})


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Answers to ten of the twelve prompts."""
    rows = [{"prompt_id": prompt, "human_answer": HUMAN.format(n=n)} for n, prompt in enumerate(PROMPTS[:10])]
    file = tmp_path / "human.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def ran(*arguments: str | Path) -> tuple[str, str]:
    result = CliRunner().invoke(command.app, ["score", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> str:
    monkeypatch.setattr(sys, "argv", ["ppai", "score", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        command.main()
    said = capsys.readouterr()
    assert ended.value.code == command.WRONG_INPUT and said.out == ""
    assert said.err.count("\n") - said.err.startswith("human.jsonl: human_answer:") == 1
    return said.err.splitlines()[-1]


def scorings(directory: Path) -> dict[str, dict[str, Any]]:
    rows = map(json.loads, (directory / "scores.jsonl").read_text("utf-8").splitlines())
    return {row["name"]: row for row in rows}


def test_responses_are_described_without_references(study_dir: Path) -> None:
    said, _ = ran(study_dir)
    (found,) = scorings(study_dir).values()
    assert found["name"] == "description as_is" and "references" not in found
    assert set(found["systems"]["base"]) == set(NAMES)
    assert found["systems"]["base"]["list_share"]["estimate"] == 1
    assert found["systems"]["base"]["list_share"]["low"] < 0.9, "twelve of twelve are not all there could be"
    gap = found["differences"]["tuned>base"]["first_person_share"]
    assert gap["low"] > 0 and gap["p"] < 0.01 and gap["n"] == 12
    assert "Responses (means; n: Base 12, Tuned 12)" in said and "share with a list" in said
    assert read_study(study_dir).scores[0].name == "description as_is"


def test_scores_against_human_answers(study_dir: Path, answers: Path) -> None:
    said, progress = ran(study_dir, "--references", answers, "--encoder", "none")
    found = scorings(study_dir)["human.jsonl as_is no BERTScore"]
    texts = [TUNED.format(n=n) for n in range(10)]
    measure = bleu(texts, [[HUMAN.format(n=n)] for n in range(10)])
    stored = {name: found["systems"]["tuned"][name]["estimate"] for name in measure.names}
    assert stored == pytest.approx(dict(zip(measure.names, measure.of_all.tolist(), strict=True)), abs=1e-12)
    assert found["systems"]["tuned"]["rougeL"]["n"] == 10 and found["references"] == "human.jsonl"
    assert set(found["signatures"]) == {"bleu", "rouge"} and "encoder" not in found
    gap = found["differences"]["tuned>base"]["rouge1"]
    assert gap["estimate"] == pytest.approx(
        found["systems"]["tuned"]["rouge1"]["estimate"] - found["systems"]["base"]["rouge1"]["estimate"]
    )
    assert len(found["responses"]) == 20 and {"prompt_id", "system", "rouge2", "bleu"} <= set(found["responses"][0])
    assert "answers to 10 of 12 prompts; 2 without one are left out" in progress
    header = said.splitlines()[1].split()
    assert header == ["Model", "BLEU", "P@1", "P@2", "P@3", "P@4", "Brevity", "Penalty", "Length", "Ratio", "n"]
    assert "ROUGE-Lsum" in said and "signature: sacrebleu|nrefs:1" in said
    assert f"{found['systems']['tuned']['bleu']['estimate']:.5f} [" in said


def test_arms_and_files_are_kept_apart_and_a_second_run_takes_the_place_of_the_first(
    study_dir: Path, answers: Path
) -> None:
    other = answers.rename(answers.with_name("other.jsonl"))
    for arm in ("as_is", "plain", "plain"):
        ran(study_dir, "--references", other, "--encoder", "none", "--arm", arm)
    found = scorings(study_dir)
    assert sorted(found) == [
        "description as_is",
        "description plain",
        "other.jsonl as_is no BERTScore",
        "other.jsonl plain no BERTScore",
    ]
    assert found["description plain"]["systems"]["base"]["list_share"]["estimate"] == 0


def test_a_store_is_scored_too(study_dir: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = SqlStore(url)
    store.load(written_study())
    said, _ = ran(url, "--json", "-")
    (printed,) = json.loads(said)
    assert [scores.name for scores in store.scores("small")] == [printed["name"]] == ["description as_is"]
    assert not (study_dir / "scores.jsonl").exists()


def test_empty_and_missing_responses(study_dir: Path, answers: Path) -> None:
    """An empty response is scored as empty, a missing one is not scored, and differences leave its prompt out."""
    study = written_study()
    kept = [one for one in study.responses if (one.prompt_id, one.system) != ("p0", "base")]
    emptied = [
        one.model_copy(update={"text": ""}) if (one.prompt_id, one.system) == ("p1", "tuned") else one for one in kept
    ]
    pairs = tuple(pair for pair in study.pairs if pair.prompt_id != "p0")
    write_general(study.model_copy(update={"responses": tuple(emptied), "pairs": pairs}), study_dir)
    ran(study_dir, "--references", answers, "--encoder", "none")
    found = scorings(study_dir)["human.jsonl as_is no BERTScore"]
    assert found["systems"]["base"]["bleu"]["n"] == 9 and found["systems"]["tuned"]["bleu"]["n"] == 10
    assert found["differences"]["tuned>base"]["bleu"]["n"] == 9
    (empty,) = [row for row in found["responses"] if (row["prompt_id"], row["system"]) == ("p1", "tuned")]
    assert empty["rouge1"] == empty["bleu"] == 0


def test_a_system_without_a_scored_response_has_a_reason_for_each_figure(study_dir: Path, answers: Path) -> None:
    """Its only two responses are to the prompts that have no answer."""
    study = written_study()
    kept = [one for one in study.responses if one.system == "base" or one.prompt_id in PROMPTS[10:]]
    pairs = tuple(pair for pair in study.pairs if pair.prompt_id in PROMPTS[10:])
    write_general(study.model_copy(update={"responses": tuple(kept), "pairs": pairs}), study_dir)
    said, _ = ran(study_dir, "--references", answers, "--encoder", "none")
    found = scorings(study_dir)["human.jsonl as_is no BERTScore"]
    nothing = {
        "estimate": None,
        "low": None,
        "high": None,
        "n": 0,
        "method": "none",
        "reason": "fewer than two prompts",
    }
    assert found["systems"]["tuned"]["rouge1"] == nothing
    assert found["differences"]["tuned>base"]["bleu"] == nothing | {"p": None}
    assert found["systems"]["base"]["bleu"]["n"] == 10 and "- (fewer than two prompts)" in said


def test_every_pair_that_the_study_compares_is_tested(study_dir: Path) -> None:
    write_general(written_study(third="You could rest, and talk to him in week {n}."), study_dir)
    ran(study_dir)
    found = scorings(study_dir)["description as_is"]
    assert set(found["differences"]) == {"tuned>base", "third>base", "tuned>third"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--arm", "live"], "--arm: 'live' is neither as_is nor plain"),
        (["--reference-column", "x"], "--reference-column: there are no --references"),
        (["--references", "nowhere.csv"], "nowhere.csv: the file is missing"),
        (["--references", "human.jsonl", "--reference-column", "x"], "no column 'x'"),
        (["--references", "human.jsonl", "--encoder", "./nowhere"], "--encoder: there is no folder ./nowhere"),
    ],
)
def test_a_wrong_input_changes_nothing(
    study_dir: Path,
    answers: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    if "--encoder" in arguments:
        pytest.importorskip("bert_score")
    before = sorted(study_dir.iterdir())
    assert said in refused(capsys, monkeypatch, study_dir, *arguments)
    assert sorted(study_dir.iterdir()) == before


def test_without_bert_score_the_command_says_what_to_install(
    study_dir: Path, answers: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bert_score", None)
    said = refused(capsys, monkeypatch, study_dir, "--references", answers)
    assert said == "bert-score is not installed: pip install 'ppai[eval]'"
    assert not (study_dir / "scores.jsonl").exists()
