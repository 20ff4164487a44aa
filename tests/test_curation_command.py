"""`ppai curate` from dump to files: what it writes, says and keeps, and how it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from forum_dump import Silent, comment, post, rows_of, wanted, write_lines
from test_command import ROOT, ran, refused, shell

from finetune.curation import run
from finetune.curation.recipe import FELLOW_PARENT, RECIPES, Curation, known_recipes, read_recipe
from finetune.curation.run import curate
from finetune.curation.tokens import load_counter
from finetune.model import PACKAGED
from ppai.errors import MissingPackage, PPAIError

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


def test_a_run_that_is_killed_leaves_no_output_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = wanted(tmp_path, POSTS, COMMENTS)
    with monkeypatch.context() as patched:
        patched.setattr(run, "data_card", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            curate(asked, Silent())
    assert not (asked.out / "funnel.json").exists()
    (asked.out / ".train-01234567.jsonl.tmp").write_text("as kill -9 leaves it")
    assert curate(asked, Silent()).sizes["train"] == 17
    assert not [path for path in asked.out.rglob("*") if path.name.endswith(".tmp")]


def test_bad_lines_are_told(dump: Path) -> None:
    with Path("comments").open("a") as file:
        file.write("{\n")
    said = ran("curate", *FILES, "--out", "chats", "--allow-bad", ".05")
    assert "1 bad lines were skipped:\ncomments:51: is not JSON: " in said
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
        (("--posts", "nowhere*"), r"nowhere\*: there is no such file"),
        (("--study", "nowhere"), r"nowhere"),
        (("--engine", "spark"), r"--engine: 'spark' is neither duckdb nor pyspark://MASTER"),
        (("--memory", "much"), r"duckdb does not start: "),
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


def test_a_disk_that_fills_leaves_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = wanted(tmp_path, POSTS, COMMENTS)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("finetune.curation.output._Split.add", full)
    with pytest.raises(PPAIError, match=r"^[^\n]*out: cannot be written: No space left on device$"):
        curate(asked, Silent())
    assert {path.name for path in asked.out.iterdir()} == {"stages"}
