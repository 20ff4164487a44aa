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
from ppai import __main__ as command
from ppai.schema import Arm, Response, Study, System
from ppai.scored import DESCRIPTION_FIGURES, scored_texts
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


def human(n: int) -> str:
    return HUMAN.format(n=n) + " You could read a book with him." * (n % 3)


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Answers to ten of the twelve prompts."""
    rows = [{"prompt_id": prompt, "human_answer": human(n)} for n, prompt in enumerate(PROMPTS[:10])]
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


def against(directory: Path) -> dict[str, Any]:
    """The one scoring against references."""
    (found,) = [row for row in scorings(directory).values() if "references" in row]
    return found


def test_responses_are_described_without_references(study_dir: Path) -> None:
    said, _ = ran(study_dir)
    (found,) = scorings(study_dir).values()
    assert found["name"] == "description as_is" and "references" not in found
    assert set(found["systems"]["base"]) == set(DESCRIPTION_FIGURES)
    assert found["systems"]["base"]["list_share"]["estimate"] == 1
    assert found["systems"]["base"]["list_share"]["low"] < 0.9, "twelve of twelve are not all there could be"
    gap = found["differences"]["tuned>base"]["list_share"]
    assert gap["estimate"] == gap["low"] == -1 < gap["high"] < -0.4, "nor are twelve of twelve differences"
    assert gap["p"] < 0.01 and gap["n"] == 12
    assert "no spread to estimate" in found["differences"]["tuned>base"]["questions"]["reason"]
    assert "Responses (means; n: Base 12, Tuned 12)" in said and "share with a list" in said
    assert read_study(study_dir).scores[0].name == "description as_is"


def test_scores_against_human_answers(study_dir: Path, answers: Path) -> None:
    said, progress = ran(study_dir, "--references", answers, "--encoder", "none")
    found = against(study_dir)
    texts = [TUNED.format(n=n) for n in range(10)]
    measure = bleu(texts, [[human(n)] for n in range(10)])
    stored = {name: found["systems"]["tuned"][name]["estimate"] for name in measure.names}
    assert stored == pytest.approx(dict(zip(measure.names, measure.of_all.tolist(), strict=True)), abs=1e-12)
    assert found["systems"]["tuned"]["rougeL"]["n"] == 10 and found["references"] == "human.jsonl"
    assert set(found["signatures"]) == {"bleu", "rouge"} and "encoder" not in found
    gap = found["differences"]["tuned>base"]["rouge1"]
    assert gap["estimate"] == pytest.approx(
        found["systems"]["tuned"]["rouge1"]["estimate"] - found["systems"]["base"]["rouge1"]["estimate"]
    )
    assert found["texts"] == scored_texts(read_study(study_dir), Arm.AS_IS) and len(found["references_digest"]) == 16
    assert len(found["responses"]) == 20 and {"prompt_id", "system", "rouge2", "bleu"} <= set(found["responses"][0])
    assert "answers to 10 of 12 prompts; 2 without one are left out" in progress
    header = said.splitlines()[1].split()
    assert header == ["Model", "BLEU", "P@1", "P@2", "P@3", "P@4", "Brevity", "Penalty", "Length", "Ratio", "n"]
    assert "ROUGE-Lsum" in said and "signature: sacrebleu|nrefs:1" in said
    assert f"{found['systems']['tuned']['bleu']['estimate']:.5f} [" in said


def test_scores_against_the_answers_of_each_prompts_topic(study_dir: Path, tmp_path: Path) -> None:
    rows = [prompt.model_dump(exclude_none=True) for prompt in read_study(study_dir).prompts]
    prompts = "".join(json.dumps(row | {"topic": f"t{n % 3}"}) + "\n" for n, row in enumerate(rows))
    (study_dir / "prompts.jsonl").write_text(prompts, "utf-8")
    sides = [(topic, side) for topic in range(2) for side in ("train", "validation")]
    told = [
        {"id": f"o{n}", "topic": f"t{topic}", "split": side, "response": human(n)}
        for n, (topic, side) in enumerate(sides)
    ]
    file = tmp_path / "told.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in told), "utf-8")
    _, progress = ran(study_dir, "--references", file, "--by-topic", "--encoder", "none")
    found = against(study_dir)
    assert "answers to posts of the topics of 8 of 12 prompts; 4 without one are left out" in progress
    assert found["references"] == "told.jsonl by topic"
    places = [n for n in range(12) if n % 3 < 2]
    measure = bleu([TUNED.format(n=n) for n in places], [[human(1 if n % 3 == 0 else 3)] for n in places])
    assert found["systems"]["tuned"]["bleu"]["estimate"] == pytest.approx(measure.of_all[0], abs=1e-12)


def test_arms_and_files_are_kept_apart_and_a_second_run_takes_the_place_of_the_first(
    study_dir: Path, answers: Path
) -> None:
    other = answers.rename(answers.with_name("other.jsonl"))
    for arm in ("as_is", "plain", "plain"):
        ran(study_dir, "--references", other, "--encoder", "none", "--arm", arm)
    found = scorings(study_dir)
    (digest,) = {row["references_digest"][:6] for row in found.values() if "references" in row}
    assert sorted(found) == [
        "description as_is",
        "description plain",
        f"other.jsonl {digest} as_is no BERTScore",
        f"other.jsonl {digest} plain no BERTScore",
    ]
    assert found["description plain"]["systems"]["base"]["list_share"]["estimate"] == 0


def test_other_answers_in_a_file_of_the_same_name_are_another_scoring(study_dir: Path, answers: Path) -> None:
    ran(study_dir, "--references", answers, "--encoder", "none")
    first = against(study_dir)["name"]
    answers.write_text(answers.read_text("utf-8").replace("and rest", "and sleep"), "utf-8")
    ran(study_dir, "--references", answers, "--encoder", "none")
    assert len(scorings(study_dir)) == 3

    said, _ = ran(study_dir, "--forget", first)
    assert said.startswith(f"forgot {first!r}; wrote")
    assert first not in scorings(study_dir) and len(scorings(study_dir)) == 2
    assert against(study_dir)["references"] == "human.jsonl"
    assert ran(study_dir, "--list")[0].splitlines() == sorted(scorings(study_dir))
    for name in scorings(study_dir):
        said, _ = ran(study_dir, "--forget", name)
    assert "; removed " in said
    assert not (study_dir / "scores.jsonl").exists() and ran(study_dir, "--list")[0] == "no scorings\n"


def test_a_scoring_of_responses_that_have_changed_is_said_to_be_stale(study_dir: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = SqlStore(url)
    store.load(written_study())
    ran(url)
    assert ran(url, "--list")[0] == "description as_is\n"
    store.load(written_study(tuned=TUNED + " Really."), replace=True)
    assert ran(url, "--list")[0] == "description as_is  (stale: the responses have changed since)\n"
    ran(url)
    assert ran(url, "--list")[0] == "description as_is\n"


@pytest.mark.parametrize(("have", "said"), [(1, "1 has several: ROUGE"), (2, "2 have several: ROUGE")])
def test_the_answers_are_counted_in_words_that_fit(study_dir: Path, tmp_path: Path, have: int, said: str) -> None:
    rows = [
        {"id": prompt, "answer": [HUMAN, "Rest."] if number < have else HUMAN}
        for number, prompt in enumerate(PROMPTS[:11])
    ]
    file = tmp_path / "several.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    _, progress = ran(study_dir, "--references", file, "--encoder", "none")
    assert "; 1 without one is left out" in progress and said in progress
    assert "BLEU the n-grams of all" in progress


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
    found = against(study_dir)
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
    found = against(study_dir)
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
        (["--by-topic"], "--by-topic: there are no --references"),
        (["--encoder", "minilm"], "--encoder: there are no --references"),
        (["--encoder-layers", "3"], "--encoder-layers: there are no --references"),
        (["--list", "--forget", "x"], "--list and --forget: one at a time"),
        (["--list", "--references", "human.jsonl"], "--list: scores nothing, and takes no --references"),
        (["--forget", "x"], "--forget: there is no scoring 'x'; there are: none"),
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
