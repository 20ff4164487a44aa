"""The `ppai` command: every verb, what it prints, and how it refuses."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rating import rating_study
from small_studies import R2, verdict, vote
from typer.testing import CliRunner

from ppai import __main__ as command
from ppai.errors import PPAIError, StudyError
from ppai.store.sql import SqlStore
from ppai.studyfiles import read_study, write_general

ROOT = Path(__file__).parents[1]
VERBS = [
    ("serve",),
    ("report",),
    ("curate",),
    ("generate",),
    ("judge",),
    ("plan",),
    ("prompts",),
    ("synth",),
    ("score",),
    ("sft",),
    ("merge",),
    ("chat",),
    ("study", "load"),
    ("study", "check"),
    ("study", "export"),
    ("study", "list"),
    ("study", "void"),
    ("study", "new"),
]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in list(os.environ):
        if name.startswith("PPAI_"):
            monkeypatch.delenv(name)
    url = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("PPAI_DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)
    return url


@pytest.fixture
def study_dir(tmp_path: Path) -> Path:
    study = rating_study(3).model_copy(
        update={
            "votes": (
                vote("p0", "base", "tuned", {"overall": "a", "clarity": "b"}, comment="by Ann"),
                vote("p1", "tuned", "base", "a", rater=R2),
                vote("p0", "tuned", "base", "b", rater=R2),
            ),
            "verdicts": (verdict("p0", "base", "tuned", "a"),),
        }
    )
    write_general(study, tmp_path / "study")
    return tmp_path / "study"


def ran(*arguments: str | Path) -> str:
    """What a verb prints, where it succeeds."""
    result = CliRunner().invoke(command.app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def shell(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ppai", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> str:
    """What a verb that is wrong says, through `main` with its exit code."""
    monkeypatch.setattr(sys, "argv", ["ppai", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        command.main()
    said = capsys.readouterr()
    assert ended.value.code == command.WRONG_INPUT
    assert said.out == "" and "Traceback" not in said.err
    return said.err.rstrip("\n")


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_help_has_an_example(verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    said = ran(*verb, "--help")
    assert "Example:" in said and f"ppai {' '.join(verb)}" in said.partition("Example:")[2]


def test_every_verb_is_tested_here() -> None:
    top = {one.name or one.callback.__name__ for one in command.app.registered_commands}  # type: ignore[union-attr]
    study = {one.name or one.callback.__name__ for one in command.study_app.registered_commands}  # type: ignore[union-attr]
    assert {(one,) for one in top} | {("study", one) for one in study} == set(VERBS)


def test_loading_twice_and_replacing(url: str, study_dir: Path) -> None:
    assert ran("study", "load", study_dir) == ("loaded 'rated': 3 prompts, 2 systems, 3 pairs, 3 votes, 1 verdicts\n")
    assert "loaded already and unchanged" in ran("study", "load", study_dir)
    (study_dir / "study.yaml").write_text((study_dir / "study.yaml").read_text("utf-8") + "overlap: 5\n", "utf-8")
    with pytest.raises(PPAIError, match=r"study.yaml: overlap.*--replace"):
        ran("study", "load", study_dir)
    assert ran("study", "load", study_dir, "--replace") == "replaced in 'rated': study.yaml: overlap\n"


def test_a_store_may_be_named_on_the_command_line(url: str, study_dir: Path, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path / 'other.db'}"
    ran("study", "load", study_dir, "--database", other)
    assert ran("study", "list") == "no study is loaded: ppai study load DIR\n"
    assert ran("study", "list", "--database", other) == (
        "rated: 3 prompts, 2 systems, 3 pairs, 3 vote events by 2 raters, 1 verdicts\n"
    )


def test_checking_a_good_study_shows_its_leaks(url: str, study_dir: Path) -> None:
    pytest.importorskip("ppai.leaks")
    said = ran("study", "check", study_dir)
    assert said.startswith("rated: 3 prompts, 2 systems, 3 pairs, 3 votes, 1 verdicts: no problems\n")
    assert "base" in said.partition("\n")[2] and "tuned" in said.partition("\n")[2]


def test_checking_a_bad_study_says_every_problem(
    url: str, study_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with (study_dir / "votes.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"vote_id": 1}\nnot json\n')
    with (study_dir / "responses.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"prompt_id": "p99", "system": "base", "text": "x"}\n')
    lines = refused(capsys, monkeypatch, "study", "check", study_dir).splitlines()
    assert any(line.startswith("responses.jsonl:7: prompt_id: ") for line in lines)
    assert any(line.startswith("votes.jsonl:4: ") for line in lines)
    assert any(line.startswith("votes.jsonl:5: ") for line in lines)
    assert refused(capsys, monkeypatch, "study", "load", study_dir).splitlines() == lines
    assert not list(study_dir.parent.glob("*.db")), "nothing was made"


def test_export_writes_the_layouts_and_tables(url: str, study_dir: Path, tmp_path: Path) -> None:
    ran("study", "load", study_dir)
    said = ran("study", "export", "--out", tmp_path / "out", "--preferences")
    assert said == f"3 votes, 1 verdicts, 0 assignments\n2 preference rows\nwrote {tmp_path / 'out'}\n" or (
        "preference rows" in said
    )
    assert "Ann" not in "".join(file.read_text("utf-8") for file in (tmp_path / "out").iterdir())
    assert len(read_study(tmp_path / "out").votes) == 3
    ran("study", "export", "--out", tmp_path / "all", "--comments", "--format", "csv")
    assert "Ann" in (tmp_path / "all" / "votes.csv").read_text("utf-8")
    said = ran("study", "export", "--out", tmp_path / "published", "--layout", "published", "--format", "parquet")
    assert "3 votes left out" in said
    assert (tmp_path / "published" / "votes.parquet").exists()
    assert read_study(tmp_path / "published").config.system_ids == ("base", "tuned")


def test_report_writes_the_summary(url: str, study_dir: Path, tmp_path: Path) -> None:
    from_directory = json.loads(ran("report", study_dir, "--json", "-"))
    assert from_directory["study"] == "rated"
    assert from_directory["criteria"]["overall"]["human"]["n_votes"] == 3
    ran("study", "load", study_dir)
    ran("report", url, "--json", tmp_path / "deep" / "summary.json")
    assert json.loads((tmp_path / "deep" / "summary.json").read_text("utf-8")) == from_directory
    assert json.loads(ran("report", url, "--study", "rated", "--json", "-")) == from_directory


def test_report_writes_a_page_and_tables_too(study_dir: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    arguments = ("report", study_dir, "--html", made, "--json", tmp_path / "summary.json", "--criterion", "clarity")
    tables = ran(*arguments, "--markdown")
    assert tables.startswith("## Results: rated") and "| Overall | people |" in tables
    assert (made / "summary.json").read_text("utf-8") == (tmp_path / "summary.json").read_text("utf-8")
    assert "--criterion clarity" in (made / "index.html").read_text("utf-8")
    assert ran("report", study_dir, "--markdown", "-") == tables == ran("report", study_dir, "--markdown")
    ran("report", study_dir, "--markdown", tmp_path / "tables.md")
    assert (tmp_path / "tables.md").read_text("utf-8") == tables


def test_voiding_a_vote_and_a_rater(url: str, study_dir: Path) -> None:
    ran("study", "load", study_dir)
    store = SqlStore(url)
    first = store.events("rated").votes[0]
    assert ran("study", "void", "--vote", first.vote_id, "--reason", "a test") == "1 vote voided\n"
    assert ran("study", "void", "--rater", R2, "--reason", "a test") == "2 votes voided\n"
    events = store.events("rated").votes
    assert [one.status.value for one in events] == ["submitted"] * 3 + ["void"] * 3
    assert {one.reason for one in events[3:]} == {"a test"}
    assert json.loads(ran("report", url, "--json", "-"))["criteria"]["overall"]["human"]["n_votes"] == 0
    store.close()


def test_a_study_from_a_spreadsheet(url: str, tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text("prompt,one,two\nWhy?,Because.,So.\nHow?,Thus.,\n", "utf-8")
    said = ran("study", "new", "--csv", tmp_path / "answers.csv", "--out", tmp_path / "made")
    assert f"ppai serve {tmp_path / 'made'}" in said
    assert read_study(tmp_path / "made").config.system_ids == ("one", "two")
    ran("study", "load", tmp_path / "made")


def wrong_inputs(study_dir: Path, url: str) -> dict[str, tuple[list[Any], str]]:
    return {
        "no such directory": (["study", "load", "nowhere"], "nowhere"),
        "no such study": (["study", "export", "--out", "out", "--study", "other"], "no study 'other'"),
        "unknown layout": (["study", "export", "--out", "out", "--layout", "odd"], "--layout: 'odd'"),
        "void what": (["study", "void", "--reason", "x"], "either --vote or --rater"),
        "void both": (["study", "void", "--reason", "x", "--vote", "1", "--rater", "2"], "either --vote or --rater"),
        "void nothing": (["study", "void", "--reason", "x", "--vote", "none"], "no such vote"),
        "void nobody": (["study", "void", "--reason", "x", "--rater", "none"], "no vote of this rater"),
        "new from nothing": (["study", "new", "--out", "out"], "either --csv or --dataset"),
        "new from no file": (["study", "new", "--out", "out", "--csv", "none.csv"], "none.csv"),
        "report without an output": (["report", study_dir], "give --json FILE, --html DIR or --markdown"),
        "report twice to one output": (["report", study_dir, "--json", "-", "--markdown"], "standard output"),
        "report on no criterion": (["report", study_dir, "--html", "out", "--criterion", "x"], "the study has no 'x'"),
        "report page into a file": (["report", study_dir, "--html", study_dir / "study.yaml"], "it is a file"),
        "report into a directory": (["report", study_dir, "--markdown", "."], "is a directory, not a file"),
        "report into no name": (["report", study_dir, "--json="], "--json: names no file"),
        "report without a study": (["report", "--markdown", study_dir], "--markdown took "),
        "report of another study": (["report", study_dir, "--json", "-", "--study", "x"], "the study 'rated', not 'x'"),
        "report of nothing": (["report", "nowhere", "--json", "-"], "nowhere"),
        "report of no store": (["report", "sqlite:///none.db", "--json", "-"], "no such store"),
        "report of a strange store": (["report", "redis://localhost", "--json", "-"], "database"),
        "no such store": (["study", "void", "--reason", "x", "--vote", "1", "--database", "sqlite:///none.db"], "none"),
        "a strange store": (["study", "list", "--database", "nonsense"], "not a database URL"),
        "report into a file": (["report", study_dir, "--json", study_dir / "study.yaml" / "x"], "cannot be written"),
        "export into a file": (["study", "export", "--out", study_dir / "study.yaml"], "cannot be written"),
        "serve nothing": (["serve", "nowhere", "--database", "sqlite:///served.db"], "nowhere"),
        "serve on a strange port": (["serve", study_dir, "--port", "99999"], "port: "),
    }


@pytest.mark.parametrize("what", wrong_inputs(Path(), ""))
def test_wrong_input_is_one_line_and_changes_nothing(
    url: str,
    study_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    ran("study", "load", study_dir)
    store = SqlStore(url)
    before, files = store.events("rated"), {path: path.stat().st_size for path in study_dir.rglob("*")}
    capsys.readouterr()
    arguments, said = wrong_inputs(study_dir, url)[what]
    line = refused(capsys, monkeypatch, *arguments)
    assert "\n" not in line and said in line
    assert store.events("rated") == before
    assert {path: path.stat().st_size for path in study_dir.rglob("*")} == files
    assert not (tmp_path / "out").exists() and not (tmp_path / "none.db").exists()
    store.close()


@pytest.mark.parametrize(
    "arguments",
    [["study", "export"], ["report"], ["study", "void"], ["study", "load"], ["nothing"], ["serve", "--port", "x"]],
)
def test_wrong_options_end_with_the_same_code(url: str, arguments: list[str]) -> None:
    result = CliRunner().invoke(command.app, arguments)
    assert result.exit_code == command.WRONG_INPUT and "Traceback" not in result.output


def test_a_study_error_has_a_line_a_problem() -> None:
    assert str(StudyError(["a:1: x: wrong", "b:2: y: wrong"])) == "a:1: x: wrong\nb:2: y: wrong"


def test_in_a_process_of_its_own(url: str, study_dir: Path, tmp_path: Path) -> None:
    done = shell("study", "load", study_dir)
    assert (done.returncode, done.stderr) == (0, "") and "loaded 'rated'" in done.stdout
    done = shell("report", url, "--json", "-")
    assert done.returncode == 0 and json.loads(done.stdout)["study"] == "rated" and done.stderr == ""
    done = shell("study", "load", tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (2, "") and len(done.stderr.splitlines()) == 1
    done = shell("study", "list", PPAI_DATABASE_URL="postgresql://u:secret@127.0.0.1:1/d")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "secret" not in done.stderr
    done = shell("--help")
    assert done.returncode == 0 and "serve" in done.stdout


def test_a_port_that_is_taken_is_one_line(study_dir: Path, tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = shell("serve", study_dir, "--port", str(port), "--database", f"sqlite:///{tmp_path}/taken.db")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"127.0.0.1:{port} cannot be served, or is taken: choose another with PPAI_PORT or --port\n"
