"""Conversations as tokens of the real tokenizer: the end is learned, the prompt is not, nothing stands twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conversations import row, write_rows

from finetune.training.data import Conversation, read_conversations
from finetune.training.tokens import IGNORED, tokenize
from ppai.errors import PPAIError, StudyError

pytestmark = pytest.mark.slow

ROWS = [
    row(0),
    {"messages": row(1)["messages"][1:]},
    {"messages": [*row(2)["messages"], {"role": "user", "content": "And then?"}, *row(0)["messages"][2:]]},
    {"prompt": "Émile mord 🙂", "completion": "Le nôtre aussi… <b>patience</b>\n\nTrès vite."},
]

WITH_START = (
    "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer(small_base: Path) -> Any:
    from finetune.model import load_tokenizer

    return load_tokenizer(str(small_base))


@pytest.fixture
def conversations(tmp_path: Path) -> list[Conversation]:
    return read_conversations(write_rows(tmp_path / "a.jsonl", ROWS))


def with_template(tokenizer: Any, template: str | None) -> Any:
    import copy

    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    return other


def test_the_loss_is_on_the_answer_and_its_end_alone(tokenizer: Any, conversations: list[Conversation]) -> None:
    for example, one in zip(tokenize(tokenizer, conversations, None), conversations, strict=True):
        learned = [label for label in example.labels if label != IGNORED]
        assert tokenizer.decode(learned) == f"{one.answer}<|im_end|>\n"
        start = len(example.labels) - len(learned)
        assert example.labels == [IGNORED] * start + example.input_ids[start:]
        assert tokenizer.decode(example.input_ids[:start]).endswith("<|im_start|>assistant\n")


def test_the_end_of_an_answer_is_learned_though_it_is_the_padding_token(tokenizer: Any, small_base: Path) -> None:
    """The published run masked all padding tokens, and with them the end of every answer."""
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    conversations = [
        Conversation(({"role": "user", "content": "Hello"},), answer, "a", 1) for answer in ("Yes", "Yes, " * 20)
    ]
    examples = tokenize(tokenizer, conversations, None)
    batch = DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id)(
        [{"input_ids": one.input_ids, "labels": one.labels} for one in examples]
    )
    for ids, labels, example in zip(batch["input_ids"], batch["labels"], examples, strict=True):
        length = len(example.input_ids)
        assert (labels == tokenizer.eos_token_id).sum() == 1, "the end, and no padding"
        assert (labels[length:] == IGNORED).all() and ids.shape[0] >= length


def test_trl_makes_the_same_of_prompt_and_completion(
    tokenizer: Any, conversations: list[Conversation], small_base: Path, tmp_path: Path
) -> None:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    rows = [{"prompt": list(one.prompt), "completion": one.messages[-1:]} for one in conversations]
    config = SFTConfig(output_dir=str(tmp_path / "out"), bf16=False, report_to="none", max_length=None)
    model = AutoModelForCausalLM.from_pretrained(small_base)
    theirs = SFTTrainer(model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    ours = tokenize(tokenizer, conversations, None)
    assert theirs.train_dataset["input_ids"][:] == [one.input_ids for one in ours]
    assert theirs.train_dataset["labels"][:] == [one.labels for one in ours]


def test_a_template_that_begins_with_a_start_token_has_it_once(
    tokenizer: Any, conversations: list[Conversation]
) -> None:
    """The published run wrote the template's text and let the tokenizer add a second one."""
    for example in tokenize(with_template(tokenizer, WITH_START), conversations, None):
        assert example.input_ids[0] == tokenizer.bos_token_id != example.input_ids[1]
    twice = with_template(tokenizer, "{{ bos_token }}" + WITH_START)
    with pytest.raises(PPAIError, match=r"^a\.jsonl:1: .* two begin-of-sequence tokens$"):
        tokenize(twice, conversations, None)


def test_a_template_that_does_not_end_an_answer_is_refused(tokenizer: Any, conversations: list[Conversation]) -> None:
    endless = with_template(tokenizer, WITH_START.replace("{{ eos_token }}", ""))
    with pytest.raises(PPAIError, match=r"^a\.jsonl:1: .* would not learn to stop$"):
        tokenize(endless, conversations, None)


def test_an_end_of_turn_that_only_the_generation_settings_name_ends_an_answer(
    tokenizer: Any, conversations: list[Conversation], tmp_path: Path
) -> None:
    """Gemma ends a turn with a token that is not its tokenizer's end of sequence."""
    from transformers import GenerationConfig

    from finetune.model import load_end_tokens

    turn = tokenizer.convert_tokens_to_ids("<|im_start|>")
    GenerationConfig(eos_token_id=[tokenizer.eos_token_id, turn]).save_pretrained(tmp_path / "gemma")
    ends = load_end_tokens(str(tmp_path / "gemma"), tokenizer)
    assert ends == {tokenizer.eos_token_id, turn}
    other = with_template(tokenizer, WITH_START.replace("{{ eos_token }}", "<|im_start|>\n"))
    assert tokenize(other, conversations, None, ends)[0].labels[-2] == turn
    with pytest.raises(PPAIError, match=r"does not end an answer with '<\|im_end\|>', so that"):
        tokenize(other, conversations, None)


def test_a_template_that_takes_no_system_message_is_one_line(tokenizer: Any, conversations: list[Conversation]) -> None:
    strict = with_template(
        tokenizer,
        "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        + WITH_START,
    )
    with pytest.raises(PPAIError, match=r"^a\.jsonl:1: .* refuses it: System role not supported$"):
        tokenize(strict, conversations, None)


def test_a_template_that_writes_the_prompt_otherwise_is_refused(
    tokenizer: Any, conversations: list[Conversation]
) -> None:
    other = with_template(tokenizer, "{{ messages | length }}" + WITH_START)
    with pytest.raises(PPAIError, match=r"^a\.jsonl:1: the chat template writes the prompt otherwise"):
        tokenize(other, conversations, None)


def test_a_model_without_a_template_is_refused(tokenizer: Any, conversations: list[Conversation]) -> None:
    with pytest.raises(PPAIError, match="no chat template: take its instruct variant"):
        tokenize(with_template(tokenizer, None), conversations, None)


def test_a_longer_sequence_than_the_limit_is_told_by_its_line(
    tokenizer: Any, conversations: list[Conversation]
) -> None:
    lengths = [len(one.input_ids) for one in tokenize(tokenizer, conversations, None)]
    assert tokenize(tokenizer, conversations, max(lengths))
    longest = lengths.index(max(lengths)) + 1
    with pytest.raises(StudyError) as refused:
        tokenize(tokenizer, conversations, max(lengths) - 1)
    assert str(refused.value) == (
        f"a.jsonl:{longest}: {max(lengths)} tokens, above training.max_length, {max(lengths) - 1}"
    )
