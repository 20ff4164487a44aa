"""The shipped study is what its card says: made by these settings with this adapter, and made again word for word."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eval.generating.cleaning import clean
from eval.generating.setup import adapter_digest, choose
from ppai.digest import texts_digest
from ppai.schema import Study
from ppai.studyfiles import read_study

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "data_to_share"
MOST_BYTES = 15_000_000
MADE_AGAIN = ("1", "21", "41", "61", "81")
ROUNDING = 1e-3
"""Margin below which the rounding of another machine may draw another token."""


@pytest.fixture(scope="module")
def study() -> Study:
    return read_study(SHIPPED)


def rows(system: str) -> list[dict[str, Any]]:
    text = (SHIPPED / f"parenting_test_samples_{system}_response.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_base_and_fine_tuned_answer_every_prompt_under_the_same_settings(study: Study) -> None:
    assert study.config.system_ids == ("base", "ft") and study.config.reference_id == "base"
    base, tuned = choose(study.config, SHIPPED)
    for setup in (base, tuned):
        found = rows(setup.system)
        assert [str(row["id"]) for row in found] == [prompt.id for prompt in study.prompts]
        for row, prompt in zip(found, study.prompts, strict=True):
            made = {key: value for key, value in row["sampling"].items() if key != "made_with"}
            assert made == setup.settings() and row["post"] == texts_digest(prompt.text)
            assert (row["sampling"]["made_with"]["device"], row["sampling"]["made_with"]["dtype"]) == ("cpu", "float32")
            assert row["ai_answer"] == clean(row["raw_text"], hit_limit=not row["ended"])
    given = base.settings() | {"adapter": "adapter", "adapter_digest": adapter_digest(SHIPPED / "adapter")}
    assert given == tuned.settings()


def test_the_adapter_is_small_and_learned_from_the_shipped_set() -> None:
    from finetune.training.data import read_data

    folder = SHIPPED / "adapter"
    assert sum(path.stat().st_size for path in folder.iterdir()) < MOST_BYTES
    learned = read_data(str(SHIPPED / "synthetic_parenting_sft.jsonl"), None, share=0.1, seed=42)
    summary = json.loads((folder / "training_summary.json").read_text("utf-8"))
    assert summary["digest"] == learned.digest and summary["train"] == len(learned.train)
    assert learned.digest in (folder / "README.md").read_text("utf-8")


def test_no_vote_is_shipped_and_every_verdict_is_of_a_judge_that_runs_offline(study: Study) -> None:
    assert study.votes == ()
    assert {one.judge for one in study.verdicts} == {"baseline:longest", "local:smollm2-135m-instruct"}
    for judge in {one.judge for one in study.verdicts}:
        asked = [(one.prompt_id, one.system_a) for one in study.verdicts if one.judge == judge]
        assert sorted(asked) == sorted((prompt.id, system) for prompt in study.prompts for system in ("base", "ft"))


def test_the_readme_shows_the_samples_that_the_rule_chooses(study: Study) -> None:
    script = runpy.run_path(str(ROOT / "docs" / "samples.py"))
    assert script["samples"](study) in (ROOT / "README.md").read_text("utf-8")


def test_the_readme_shows_the_metrics_that_the_command_prints() -> None:
    asked = [sys.executable, "-m", "ppai", "report", str(SHIPPED), "--markdown"]
    printed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout
    shown = [line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("| SmolLM2")]
    assert len(shown) == 9 and [line for line in shown if line not in printed.splitlines()] == []


@pytest.mark.slow
def test_responses_are_made_again_from_seed_and_adapter() -> None:
    pytest.importorskip("peft", reason="pip install 'ppai[live]'")
    from eval.generating.engine import Engine
    from eval.generating.local import request_of
    from eval.generating.seeds import prompt_seed

    setups = choose(read_study(SHIPPED).config, SHIPPED)
    engine = Engine.open(setups[1].model, setups[1].adapter, device="cpu")
    shipped, requests = {}, []
    for setup in setups:
        for row in rows(setup.system):
            if str(row["id"]) in MADE_AGAIN:
                key = f"{setup.system} {row['id']}"
                shipped[key] = row["raw_text"]
                seed = prompt_seed(setup.generation.seed, str(row["id"]))
                requests.append(request_of(setup, row["user_prompt"], seed, key))
    differing = {}
    for written in engine.write(requests):
        place = engine.first_difference(written, shipped[written.key])
        if place is not None:
            differing[written.key] = written.margins[place]
    print(f"{len(shipped) - len(differing)} of {len(shipped)} word for word; margins of the others: {differing}")
    assert len(shipped) == 2 * len(MADE_AGAIN) and all(margin < ROUNDING for margin in differing.values()), differing
    assert len(differing) < len(shipped) / 2
