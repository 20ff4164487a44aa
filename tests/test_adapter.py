"""Adapters after training: they load with their base alone, are merged without a change, and tell of another base."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from small_model import write_small_adapter
from talking import talked

from finetune.adapter import Adapter, base_warning, load_adapted, read_adapter
from finetune.chat import ADAPTER, BASE, Answering, Chat
from finetune.merge import CONVERTER, find_converter, merge
from finetune.model import HUB_ID, PACKAGED
from ppai.errors import PPAIError

pytestmark = pytest.mark.slow

QUESTION = [{"role": "user", "content": "She will not sleep. What helped you?"}]


@pytest.fixture(scope="module")
def adapter(small_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_adapter(small_base, tmp_path_factory.mktemp("adapter") / "adapter")


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


@pytest.fixture
def same_shape(small_base: Path, tmp_path: Path) -> Path:
    """Another base on which the adapter fits, as one version of a model stands to the next."""
    from finetune.model import load_base

    model, tokenizer = load_base(str(small_base))
    for weight in model.parameters():
        weight.data.mul_(0.9)
    model.save_pretrained(tmp_path / "next")
    tokenizer.save_pretrained(tmp_path / "next")
    return tmp_path / "next"


def test_a_base_of_the_same_shape_is_warned_of_in_one_line(adapter: Path, small_base: Path, same_shape: Path) -> None:
    out, base = same_shape.with_name("merged"), str(same_shape)
    said: list[str] = []
    merge(adapter, out, base=base, say=said.append)
    (warning,) = [line for line in said if line.startswith("warning: ")]
    assert f"was trained on {str(small_base)!r}, not on {base!r}: " in warning and out.is_dir()
    for named, told in ((base, warning + "\n"), (str(small_base / ".." / small_base.name), "")):
        done = talked(str(adapter), "--base", named, "--max-new-tokens", "3")
        assert (done.returncode, done.stderr) == (0, told) and done.stdout.startswith("adapter: ")


def test_names_of_one_base_are_not_warned_of(small_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small_base.parent)
    for trained_on, base in ((PACKAGED, HUB_ID), (small_base.name, f"{small_base}/"), ("a/b", "a/b"), ("a/b", None)):
        assert base_warning(Adapter(tmp_path, trained_on, None), base) is None
    for trained_on, base in (("mistral/v0.1", "mistral/v0.3"), (str(small_base), PACKAGED), ("gone", str(small_base))):
        assert base in str(base_warning(Adapter(tmp_path, trained_on, None), base))


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
    for more, kind in (({"peft_type": "PREFIX_TUNING"}, "PREFIX_TUNING"), ({"alora_invocation_tokens": [1]}, "aLoRA")):
        (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "b"} | more))
        with pytest.raises(PPAIError, match=f"of the kind {kind} cannot be used"):
            read_adapter(folder)
    (folder / "adapter_config.json").unlink()
    with pytest.raises(PPAIError, match=r"holds no adapter: adapter_config\.json is missing"):
        read_adapter(folder)
    with pytest.raises(PPAIError, match="no such directory"):
        read_adapter(tmp_path / "nowhere")


def test_a_base_in_four_bits_answers_with_its_adapter(adapter: Path) -> None:
    import torch

    adapted, tokenizer = load_adapted(read_adapter(adapter), device="cpu", four_bit=True)
    assert hasattr(adapted.get_base_model().model.layers[0].mlp.up_proj.weight, "quant_state")
    inputs = tokenizer("She will not sleep.", return_tensors="pt")
    with torch.inference_mode():
        tuned = adapted(**inputs).logits
        with adapted.disable_adapter():
            assert not torch.allclose(tuned, adapted(**inputs).logits, atol=0.1)
    chat = Chat(adapted, tokenizer, (BASE, ADAPTER), Answering(max_new_tokens=8))
    assert all(chat.answer(voice, QUESTION[0]["content"]).text for voice in chat.voices)
    with pytest.raises(PPAIError, match=r"^--load-in-4bit: .* is a GGUF file"):
        load_adapted(read_adapter(adapter), base=PACKAGED, device="cpu", four_bit=True)
