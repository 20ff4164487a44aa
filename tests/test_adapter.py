"""Adapters after training: they load with their base alone, are merged without a change, and answer beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finetune.adapter import load_adapted, read_adapter
from finetune.chat import ADAPTER, BASE, Answering, Chat, talk
from finetune.merge import CONVERTER, find_converter, merge
from finetune.model import PACKAGED, end_tokens
from ppai.errors import PPAIError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
QUESTION = [{"role": "user", "content": "She will not sleep. What helped you?"}]


@pytest.fixture(scope="module")
def adapter(small_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that changes what the base says."""
    import torch
    from peft import LoraConfig, get_peft_model

    from finetune.model import load_base

    model, tokenizer = load_base(str(small_base))
    torch.manual_seed(1)
    config = LoraConfig(r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    adapted = get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = str(small_base)
    folder = tmp_path_factory.mktemp("adapter") / "adapter"
    adapted.save_pretrained(folder, save_embedding_layers=False)
    tokenizer.save_pretrained(folder)
    return folder


def scores(model: Any, tokenizer: Any) -> Any:
    import torch

    inputs = tokenizer.apply_chat_template(QUESTION, return_tensors="pt", return_dict=True)
    with torch.inference_mode():
        return model(**inputs).logits


def copied(adapter: Path, folder: Path) -> Path:
    return Path(shutil.copytree(adapter, folder / "copy"))


def test_a_merged_model_is_the_base_with_its_adapter(adapter: Path, small_base: Path, tmp_path: Path) -> None:
    from finetune.model import load_model

    said: list[str] = []
    merge(adapter, tmp_path / "merged", say=said.append)
    merged = scores(*load_model(str(tmp_path / "merged")))
    adapted = scores(*load_adapted(read_adapter(adapter), device="cpu"))
    plain = scores(*load_model(str(small_base)))
    assert (merged - adapted).abs().max() < 1e-2 < (adapted - plain).abs().max()
    assert len(said) == 1 and "model.safetensors" in said[0]
    assert not list(tmp_path.glob(".merged*"))
    with pytest.raises(PPAIError, match="is there already"):
        merge(adapter, tmp_path / "merged")


def test_a_gguf_file_is_asked_of_the_converter(adapter: Path, tmp_path: Path) -> None:
    converter = tmp_path / "llama.cpp" / CONVERTER
    converter.parent.mkdir()
    with pytest.raises(PPAIError, match=f"has no {CONVERTER}"):
        find_converter(converter.parent)
    converter.write_text(
        "import sys, pathlib\n"
        "folder, out, kind = sys.argv[1], sys.argv[3], sys.argv[5]\n"
        "assert (pathlib.Path(folder) / 'config.json').is_file()\n"
        "pathlib.Path(out).write_text(kind)\n"
    )
    merge(adapter, tmp_path / "one", gguf="q8_0", llama_cpp=converter.parent, say=lambda _: None)
    assert (tmp_path / "one" / "one-q8_0.gguf").read_text() == "q8_0"
    converter.write_text("raise SystemExit('this model is not supported')")
    with pytest.raises(PPAIError, match=r"^--gguf: .* failed: this model is not supported$"):
        merge(adapter, tmp_path / "two", gguf="f16", llama_cpp=converter, say=lambda _: None)
    assert not (tmp_path / "two").exists() and not list(tmp_path.glob(".two*"))


def test_without_the_converter_nothing_is_merged(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PPAIError, match=r"name a checkout of llama\.cpp with --llama-cpp"):
        merge(adapter, tmp_path / "out", gguf="f16")
    assert not (tmp_path / "out").exists()


def test_another_base_is_told_by_what_does_not_fit(adapter: Path, small_base: Path, tmp_path: Path) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    def other(**changed: Any) -> str:
        config = LlamaConfig.from_pretrained(small_base)
        config.update({"vocab_size": 49152, **changed})
        folder = tmp_path / "other"
        LlamaForCausalLM(config).to(torch.float32).save_pretrained(folder)
        for file in small_base.glob("*token*"):
            shutil.copy(file, folder)
        return str(folder)

    with pytest.raises(PPAIError, match=r"was not trained on '.*', which has no model\.layers\.1\."):
        load_adapted(read_adapter(adapter), base=other(num_hidden_layers=1), device="cpu")
    with pytest.raises(PPAIError, match=r"was not trained on '.*', which has 5 layers: it adapts \d$"):
        load_adapted(read_adapter(adapter), base=other(num_hidden_layers=5), device="cpu")
    with pytest.raises(PPAIError, match=r"was not trained on '.*', whose model\.layers\.0\.mlp\.down_proj is of size"):
        load_adapted(read_adapter(adapter), base=other(intermediate_size=512), device="cpu")


def test_a_directory_that_holds_no_whole_adapter_is_one_line(adapter: Path, tmp_path: Path) -> None:
    folder = copied(adapter, tmp_path)
    (folder / "adapter_model.safetensors").write_bytes(b"torn")
    with pytest.raises(PPAIError, match="is torn or no safetensors file"):
        load_adapted(read_adapter(folder), device="cpu")
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(PPAIError, match=r"adapter_config\.json cannot be read"):
        read_adapter(folder)
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": ""}))
    with pytest.raises(PPAIError, match="names no base model"):
        read_adapter(folder)
    (folder / "adapter_config.json").unlink()
    with pytest.raises(PPAIError, match=r"holds no adapter: adapter_config\.json is missing"):
        read_adapter(folder)
    with pytest.raises(PPAIError, match="no such directory"):
        read_adapter(tmp_path / "nowhere")


def test_both_sides_answer_with_one_model_in_memory(adapter: Path, small_base: Path) -> None:
    from finetune.model import load_model

    how = Answering(max_new_tokens=8, temperature=0)
    adapted, tokenizer = load_adapted(read_adapter(adapter), device="cpu")
    both = dict(answers(Chat(adapted, tokenizer, (BASE, ADAPTER), how)))
    alone = dict(answers(Chat(*load_model(str(small_base)), (BASE,), how)))
    assert both[BASE] == alone[BASE] != both[ADAPTER]


def test_a_base_in_four_bits_answers_with_its_adapter(adapter: Path) -> None:
    import torch

    adapted, tokenizer = load_adapted(read_adapter(adapter), device="cpu", four_bit=True)
    assert hasattr(adapted.get_base_model().model.layers[0].mlp.up_proj.weight, "quant_state")
    inputs = tokenizer("She will not sleep.", return_tensors="pt")
    with torch.inference_mode():
        tuned = adapted(**inputs).logits
        with adapted.disable_adapter():
            assert not torch.allclose(tuned, adapted(**inputs).logits, atol=0.1)
    assert all(answer for _, answer in answers(Chat(adapted, tokenizer, (BASE, ADAPTER), Answering(max_new_tokens=8))))
    with pytest.raises(PPAIError, match=r"^--load-in-4bit: .* is a GGUF file"):
        load_adapted(read_adapter(adapter), base=PACKAGED, device="cpu", four_bit=True)


def answers(chat: Chat) -> list[tuple[str, str]]:
    return [(name, answer) for name, answer, _ in chat.answers(QUESTION[0]["content"])]


def test_a_side_remembers_what_it_said_until_a_new_conversation(adapter: Path) -> None:
    chat = Chat(*load_adapted(read_adapter(adapter), device="cpu"), (BASE, ADAPTER), Answering("Be kind.", 4, 0))
    said: list[str] = []
    talk(chat, ["Hello\n", "\n", "And?\n"], said.append)
    assert [line.split(":")[0] for line in said] == [BASE, ADAPTER] * 2
    for voice in chat.voices:
        assert [one["role"] for one in voice.history] == ["system", *["user", "assistant"] * 2]
        assert voice.history[3]["content"] == "And?"
    assert chat.voices[0].history[2] != chat.voices[1].history[2]
    talk(chat, ["/new", "/quit", "Hello"], said.append)
    assert all(voice.history == [{"role": "system", "content": "Be kind."}] for voice in chat.voices)


def test_an_answer_that_is_cut_says_so(adapter: Path) -> None:
    model, tokenizer = load_adapted(read_adapter(adapter), device="cpu")
    assert tokenizer.eos_token_id in end_tokens(model.generation_config, tokenizer)
    (found,) = Chat(model, tokenizer, (ADAPTER,), Answering(max_new_tokens=3, temperature=0)).answers("Hello")
    assert found[2] is False


def test_the_command_talks_line_by_line(adapter: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ppai", "chat", str(adapter), "--both", "--max-new-tokens", "4"],
        input="Hello\n/quit\n",
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines() if line.startswith(("base:", "adapter:"))] == [
        "base",
        "adapter",
    ]
