"""`ppai curate` from dump to files: what it writes, says and keeps, and how it refuses."""

from __future__ import annotations

import inspect
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from forum_dump import Silent, comment, post, rows_of, wanted, write_lines
from test_command import ROOT, ran, refused, shell

from finetune.curation import run
from finetune.curation.lock import locked
from finetune.curation.recipe import FELLOW_PARENT, RECIPES, Curation, known_recipes, read_recipe
from finetune.curation.run import Wanted, curate
from finetune.curation.tokens import load_counter
from finetune.model import PACKAGED
from ppai.errors import MissingPackage, PPAIError
from ppai.verbs import curate as verb

POSTS = [post(f"p{number:02}") for number in range(20)]
COMMENTS = [comment(f"c{number:02}", f"p{number % 20:02}", score=10 + number) for number in range(50)]


@pytest.fixture
def dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files of posts and one of comments, in the current directory, where no study is."""
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "posts_1", POSTS[:10])
    write_lines(tmp_path / "posts_2", POSTS[10:])
    write_lines(tmp_path / "comments", COMMENTS)
    return tmp_path


FILES = ("--posts", "posts_*", "--comments", "comments", "--tokenizer", "none")


def test_the_command_writes_everything_and_says_the_funnel(dump: Path) -> None:
    said = ran("curate", *FILES, "--out", "chats", "--study", ROOT / "data_to_share").splitlines()
    assert said[0].split() == ["rule", "of", "in", "out", "what", "it", "does"]
    assert said[1].split()[:4] == ["read_posts", "lines", "20", "20"] and "in 2 files" in said[1]
    assert said[-1].startswith("wrote chats: train 15, validation 3, quick 3, preference 2, preference_pairs ")
    names = {"train", "validation", "quick", "preference", "preference_pairs"}
    files = {f"{name}.{ending}" for name in names for ending in ("jsonl", "parquet")}
    assert {path.name for path in Path("chats").iterdir()} == {
        *files, "funnel.json", "recipe.yaml", "data_card.html", "stages"
    }  # fmt: skip
    for name in names:
        lines = [json.loads(line) for line in (Path("chats") / f"{name}.jsonl").open()]
        assert pq.read_table(Path("chats") / f"{name}.parquet").to_pylist() == lines
    row = (
        rows_of(Path("chats"))["p03"]
        if "p03" in rows_of(Path("chats"))
        else rows_of(Path("chats"), "preference")["p03"]
    )
    assert [one["role"] for one in row["messages"]] == ["system", "user", "assistant"]
    assert row["messages"][0]["content"] == FELLOW_PARENT
    assert row["messages"][1]["content"] == f"{POSTS[3]['title']} - {POSTS[3]['selftext']}"
    assert (row["comment_id"], row["score"], row["comment_source"]) == ("c43", 53, "comments:44")
    assert row["subreddit"] == "Parenting" and "author" not in row and row["tokens"] is None
    told = json.loads(Path("chats/funnel.json").read_text())
    assert told["sizes"]["train"] == 15 and told["funnel"][0]["name"] == "read_posts"
    assert read_recipe("chats/recipe.yaml") == Curation(tokenizer="none")


def test_options_come_before_the_recipe_file(dump: Path) -> None:
    Path("mine.yaml").write_text("min_score: 40\nseed: 7\nexclude_flairs: [Advice]\n")
    options = ("--recipe", "mine.yaml", "--min-score", "45", "--exclude-flairs", "x,y", "--no-cut-edits")
    ran("curate", *FILES, "--out", "chats", *options, "--preference-share", "0")
    used = yaml.safe_load(Path("chats/recipe.yaml").read_text())
    assert (used["min_score"], used["seed"], used["exclude_flairs"], used["cut_edits"]) == (45, 7, ["x", "y"], False)
    assert {row["score"] >= 45 for row in rows_of(Path("chats")).values()} == {True}


def test_every_option_of_a_recipe_is_one_of_the_command() -> None:
    assert {field.name for field in fields(Curation)} <= inspect.signature(verb.curate).parameters.keys()


def test_the_same_input_and_seed_give_the_same_bytes(dump: Path) -> None:
    ran("curate", *FILES, "--out", "one", "--threads", "1")
    ran("curate", *FILES, "--out", "two", "--threads", "2", "--memory", "200MB")
    ran("curate", *FILES, "--out", "one")
    files = [path for path in Path("one").iterdir() if path.is_file()]
    assert len(files) == 13 and all(path.read_bytes() == (Path("two") / path.name).read_bytes() for path in files)
    ran("curate", *FILES, "--out", "two", "--seed", "43")
    assert Path("one/train.jsonl").read_bytes() != Path("two/train.jsonl").read_bytes()


def test_a_second_run_does_only_what_is_new(dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran("curate", *FILES, "--out", "chats")
    first = Path("chats/train.jsonl").read_bytes()

    def must_not(*_: object, **__: object) -> None:
        raise AssertionError("was done already")

    monkeypatch.setattr("finetune.curation.dump._stream", must_not)
    ran("curate", *FILES, "--out", "chats", "--min-score", "12")
    assert len(list(Path("chats/stages").glob("rules-*"))) == 1, "those of other rules are forgotten"
    monkeypatch.setattr("finetune.curation.pairing.Pairing.run", must_not)
    ran("curate", *FILES, "--out", "chats", "--min-score", "12", "--seed", "9")
    monkeypatch.undo()
    monkeypatch.chdir(dump)
    ran("curate", *FILES, "--out", "chats")
    assert Path("chats/train.jsonl").read_bytes() == first


KILLED = """
import os, sys, signal
from pathlib import Path
from finetune.curation import run
from finetune.curation.output import Output
import forum_dump as dump
from test_curation_command import COMMENTS, POSTS

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

moved = []
def move(self, target, replace=Path.replace):
    if ".unfinished-" in str(self):
        moved.append(target)
        if len(moved) == 4:
            kill()
    return replace(self, target)

if sys.argv[2] == "before":
    run.data_card = kill
else:
    Path.replace = move
run.curate(dump.wanted(Path(sys.argv[1]), POSTS, COMMENTS, seed=7), dump.Silent())
"""


@pytest.mark.parametrize("when", ["before", "while files are moved"])
def test_a_killed_run_leaves_what_was_there_or_no_funnel_and_goes_on(tmp_path: Path, when: str) -> None:
    asked = wanted(tmp_path, POSTS, COMMENTS)
    curate(asked, Silent())
    before = files_of(asked.out)
    where = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path, when], env=where, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    if when == "before":
        assert files_of(asked.out) == before
    else:
        assert not (asked.out / "funnel.json").exists() and (asked.out / "train.jsonl").exists()
    assert list(asked.out.glob(".unfinished-*"))
    assert curate(asked, Silent()).sizes["train"] == 17
    assert files_of(asked.out) == before and not list(asked.out.glob(".*"))


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_splits_of_an_earlier_run_that_this_one_has_not_are_gone(dump: Path) -> None:
    ran("curate", *FILES, "--out", "chats")
    Path("chats/notes.txt").write_text("mine")
    ran("curate", *FILES, "--out", "chats", "--preference-share", "0")
    splits = {f"{name}.{ending}" for name in ("train", "validation", "quick") for ending in ("jsonl", "parquet")}
    others = {"funnel.json", "recipe.yaml", "data_card.html", "stages", "notes.txt"}
    assert {path.name for path in Path("chats").iterdir()} == splits | others


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for year, stem in (("2022", "p"), ("2023", "q")):
        posts = [post(f"{stem}{number}", title=f"{stem}{number} of {year}?") for number in range(10)]
        comments = [comment(f"c{stem}{number}", f"{stem}{number}") for number in range(10)]
        write_lines(tmp_path / year / "RS", posts)
        write_lines(tmp_path / year / "RC", [*comments, {"id": "bad"}])
    names = {kind: tuple(str(tmp_path / year / kind) for year in ("2022", "2023")) for kind in ("RS", "RC")}
    recipe = Curation(tokenizer="none", train_multiple=1)
    result = curate(Wanted(names["RS"], names["RC"], tmp_path / "out", recipe, {}, allow_bad=0.5), Silent())
    rows = rows_of(tmp_path / "out", "train", "validation", "preference")
    assert len(rows) == sum(result.sizes[name] for name in ("train", "validation", "preference")) == 20
    for key, row in rows.items():
        year = "2022" if key.startswith("p") else "2023"
        assert row["messages"][1]["content"].startswith(f"{key} of {year}? - ") and row["comment_id"] == f"c{key}"
        assert row["messages"][2]["content"].endswith(f" c{key}")
        assert row["source"] == f"{year}/RS:{int(key[1:]) + 1}" and row["comment_source"].startswith(f"{year}/RC:")
    assert [line.split(" has ")[0] for line in result.bad] == ["2022/RC:11:", "2023/RC:11:"]


def test_two_runs_in_one_directory_are_refused(tmp_path: Path) -> None:
    asked = wanted(tmp_path, POSTS, COMMENTS)
    (asked.out / "stages").mkdir(parents=True)
    with (
        locked(asked.out / "stages", "taken"),
        pytest.raises(PPAIError, match=r"out: another run is writing there$"),
    ):
        curate(asked, Silent())
    assert curate(asked, Silent()).sizes["train"] == 17


@pytest.mark.parametrize("name", ["pairs.parquet", "comments.parquet", "funnel.json"])
def test_a_stage_of_which_something_is_gone_is_done_again(tmp_path: Path, name: str) -> None:
    asked = wanted(tmp_path, POSTS, COMMENTS)
    curate(asked, Silent())
    before = files_of(asked.out)
    (stage,) = (asked.out / "stages").glob("rules-*")
    if name == "funnel.json":
        (stage / name).write_text('[{"name"')
    else:
        (stage / name).unlink()
    curate(asked, Silent())
    assert files_of(asked.out) == before


def test_stages_that_were_cut_off_are_done_again(tmp_path: Path) -> None:
    """As a system does that stops before all is on its disk."""
    asked = wanted(tmp_path, POSTS, COMMENTS, preference_share=0.2)
    curate(asked, Silent())
    before = files_of(asked.out)
    stages = [path for path in (asked.out / "stages").rglob("*") if path.suffix in (".parquet", ".json")]
    assert len(stages) == 9
    for path in stages:
        for length in (0, path.stat().st_size // 2):
            os.truncate(path, length)
            curate(asked, Silent())
            assert files_of(asked.out) == before


def test_bad_lines_are_told(dump: Path) -> None:
    with Path("comments").open("a") as file:
        file.write("{\n")
    said = ran("curate", *FILES, "--out", "chats", "--allow-bad", ".05")
    assert "1 bad line was skipped:\ncomments:51: is not JSON: " in said
    assert "comments:51: is not JSON" in Path("chats/data_card.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--recipe", "none.yaml"),
            r"--recipe: 'none.yaml' is neither a file .* nor one of counsel_chat, default, published",
        ),
        (("--recipe", "bad.yaml"), r"bad.yaml: 'min_scores' is no option; did you mean 'min_score'\?"),
        (("--recipe", "type.yaml"), r"type.yaml: bots: must be a list of texts, not 'AutoModerator'"),
        (("--recipe", "yaml.yaml"), r"yaml.yaml: is not YAML: "),
        (("--recipe", "list.yaml"), r"list.yaml: must be a mapping of options to values"),
        (("--train-share", "1"), r"train_share: must be above 0 and below 1, not 1.0"),
        (("--min-characters", "-1"), r"min_characters: must be at least 0, not -1"),
        (("--max-tokens", "0"), r"max_tokens: must be above 0, not 0"),
        (
            ("--posts", "posts_1", "posts_2"),
            r"posts_2: what option is it of\? A glob needs quotes, as in --posts 'RS_\*'",
        ),
        (("--posts", "po**ts"), r"po\*\*ts: is neither a file nor a glob: "),
        (("--min-score", "9" * 30), r"min_score: must be below 9,007,199,254,740,992"),
        (("--posts", "nowhere*"), r"nowhere\*: there is no such file"),
        (("--study", "nowhere"), r"nowhere"),
        (("--engine", "spark"), r"--engine: 'spark' is neither duckdb nor pyspark://MASTER"),
        (("--memory", "much"), r"--memory: 'much' is no amount such as 512MB or 2GB"),
        (("--memory", "-5MB"), r"--memory: '-5MB' is no amount"),
        (("--memory", "63.9 mb"), r"--memory: must be at least 64MB, not 63.9 mb"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_input_is_one_line_and_writes_no_output(
    dump: Path,
    arguments: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in {
        "bad": "min_scores: 3", "type": "bots: AutoModerator", "yaml": "a: [", "list": "[1]"
    }.items():  # fmt: skip
        Path(f"{name}.yaml").write_text(text)
    said = refused(capsys, monkeypatch, "curate", *FILES, "--out", "chats", *arguments)
    assert re.match(told, said) and "\n" not in said
    assert not Path("chats/train.jsonl").exists() and not Path("chats/funnel.json").exists()


def test_an_output_that_cannot_be_written_is_one_line(
    dump: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").write_text("x")
    said = refused(capsys, monkeypatch, "curate", *FILES, "--out", "file")
    assert said == "file/stages: cannot be made: Not a directory"


def test_a_missing_package_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingPackage, match=re.escape("transformers is not installed: pip install 'ppai[curate]'")):
        load_counter(PACKAGED)
    assert load_counter("none") is None


def test_the_recipes_that_come_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert known_recipes() == ["counsel_chat", "default", "published"]
    assert read_recipe("default") == Curation()
    published = read_recipe("published")
    assert not (published.bots or published.near_duplicates or published.near_tests or published.preference_share)
    assert not (published.unescape or published.cut_edits or published.replace_personal or published.by_author)
    assert not (published.skip_moderators or published.skip_askers or published.recheck)
    rules = (
        "min_score",
        "min_characters",
        "max_tokens",
        "comments_above",
        "train_share",
        "train_multiple",
        "quick",
        "seed",
    )
    assert tuple(getattr(published, name) for name in rules) == (10, 55, 620, 2, 0.85, 2400, 100, 42)
    assert (RECIPES / "curation_default.yaml").read_text("utf-8").partition("\n")[2] == Curation().as_yaml()


def test_the_system_prompt_is_the_one_that_responses_are_written_with() -> None:
    assert (ROOT / "eval/prompts/generate_fellow_parent_v1.txt").read_text("utf-8").strip() == FELLOW_PARENT


def test_help_needs_none_of_the_packages_and_the_real_command_is_quiet(dump: Path) -> None:
    code = "import sys; import ppai.__main__; print([m for m in ('ibis', 'duckdb', 'zstandard') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    done = shell("curate", *FILES, "--out", "chats")
    assert (done.returncode, done.stderr) == (0, "") and "wrote chats" in done.stdout


def test_the_real_dump_of_counsel_chat(counsel_chat: Path, tmp_path: Path) -> None:
    files = ("--posts", counsel_chat / "*_submissions*", "--comments", counsel_chat / "*_comments*")
    options = ("--recipe", "counsel_chat", "--tokenizer", "none", "--study", ROOT / "data_to_share")
    said = ran("curate", *map(str, files), *map(str, options), "--out", tmp_path)
    assert re.search(r"read_posts +lines +815 +815", said) and re.search(r"answers +comments +2,129 +2,129", said)
    sizes = json.loads((tmp_path / "funnel.json").read_text())["sizes"]
    assert sizes["train"] == 600 and sum(sizes[name] for name in ("train", "validation", "preference")) == 814
    rows = rows_of(tmp_path)
    assert all(0 <= row["score"] <= 9 and len(row["messages"][-1]["content"]) >= 55 for row in rows.values())
    assert not [row for row in rows.values() if re.search(r"https?://|  |\n", row["messages"][-1]["content"])]


@pytest.mark.parametrize("where", ["_Split.add", "Output.write"])
def test_a_disk_that_fills_leaves_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    asked = wanted(tmp_path, POSTS, COMMENTS)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"finetune.curation.output.{where}", full)
    with pytest.raises(PPAIError, match=r"^[^\n]*out: cannot be written: No space left on device$"):
        curate(asked, Silent())
    assert {path.name for path in asked.out.iterdir()} == {"stages"}


def test_a_disk_that_fills_while_tokens_are_kept_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes, write: Callable[[Path, bytes], int] = Path.write_bytes) -> int:
        if self.name.startswith("tokens-"):
            write(self, content[:10])
            raise OSError(28, "No space left on device")
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(run, "load_counter", lambda name: lambda conversations: [10] * len(conversations))
    with pytest.raises(PPAIError, match=r"cannot be written: No space left on device$"):
        curate(wanted(tmp_path, POSTS, COMMENTS, tokenizer="mine"), Silent())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"stages"}
    assert not list((tmp_path / "out").rglob("tokens-*"))
