"""Packed rows: the same loss as padded ones, and padding that flash attention does not pay for token by token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finetune.speed import Speed, prepare_trainer
from finetune.speed.attention import NAME, pack_inputs
from finetune.speed.packing import PADDING, few_sequences

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")
trl = pytest.importorskip("trl")
peft = pytest.importorskip("peft")
pytest.importorskip("bitsandbytes")


def packed_row(lengths: list[int], width: int) -> dict[str, Any]:
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    collate = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True, pad_to_multiple_of=width)
    ids = list(range(5, 5 + sum(lengths)))
    return few_sequences(collate)([{"input_ids": ids, "labels": ids, "seq_lengths": lengths}])


def test_padding_is_one_sequence_and_the_rest_stays() -> None:
    row = packed_row([5, 2, 7], 64)
    assert row["cu_seq_lens_q"].tolist() == row["cu_seq_lens_k"].tolist() == [0, 5, 7, 14, 64]
    assert row["cu_seq_lens_q"].dtype == torch.int32 and row["max_length_q"] == row["max_length_k"] == 50
    assert row["position_ids"][0, 14:].sum() == 0 and (row["labels"][0, 14:] == -100).all()


def test_a_full_row_has_no_padding() -> None:
    assert packed_row([40, 24], 64)["cu_seq_lens_q"].tolist() == [0, 40, 64]


def test_much_padding_does_not_make_the_longest_sequence_longer() -> None:
    row = packed_row([300], 8192)
    assert row["max_length_q"] == PADDING and row["cu_seq_lens_q"].tolist()[:3] == [0, 300, 300 + PADDING]
    assert row["cu_seq_lens_q"][-1] == 8192 and len(row["cu_seq_lens_q"]) < 12


def test_other_batches_pass_as_they_are() -> None:
    batch = {"input_ids": torch.ones(2, 3), "attention_mask": torch.ones(2, 3)}
    assert few_sequences(lambda examples: batch)([]) is batch
    assert pack_inputs(None, (1,), batch) == ((1,), batch)


def test_the_decoder_gets_no_mask_and_one_bound_for_all_batches() -> None:
    row = packed_row([5, 2, 7], 64) | {"attention_mask": None}
    _, kwargs = pack_inputs(None, (), row)
    assert kwargs["attention_mask"].shape == (1, 1, 0, 0) and kwargs["max_length_q"] == 1024
    assert pack_inputs(None, (), row | {"max_length_q": 1500})[1]["max_length_q"] == 2048
    assert not {"cu_seq_lens_k", "seq_idx"} & set(kwargs)


def made(speed: Speed | None, folder: Path, **arguments: Any) -> Any:
    """A trainer of TRL's on forty short sequences of two lengths."""
    from datasets import Dataset
    from test_speed_training import PROJECTIONS, build
    from trl import SFTConfig, SFTTrainer

    from benchmarks.qlora_cases.ours import tokenizer

    rows = [[5 + (i * 7 + j * 3) % 240 for j in range(6 + i % 5)] for i in range(40)]
    data = Dataset.from_list([{"input_ids": row, "labels": [-100, -100, *row[2:]]} for row in rows])
    own = {"report_to": "none", "use_cpu": True, "disable_tqdm": True, "save_strategy": "no", "bf16": False}
    own |= {"num_train_epochs": 1, "logging_steps": 1, "learning_rate": 0.0}
    fast = speed.sft_arguments() if speed else {"max_length": None}
    config = SFTConfig(output_dir=str(folder), **(own | arguments | fast))
    trainer = SFTTrainer(
        build().unload(), args=config, train_dataset=data, eval_dataset=data, processing_class=tokenizer(),
        peft_config=peft.LoraConfig(r=4, target_modules=PROJECTIONS, task_type="CAUSAL_LM"),
    )  # fmt: skip
    if speed:
        prepare_trainer(trainer, speed)
    return trainer


def test_packed_rows_train_to_the_loss_of_padded_ones(tmp_path: Path) -> None:
    padded = made(None, tmp_path, per_device_train_batch_size=40, gradient_checkpointing=False)
    packed = made(Speed(tokens_per_batch=64, compile=False), tmp_path, gradient_accumulation_steps=100)
    results = [trainer.train().training_loss for trainer in (padded, packed)]
    assert len(packed.train_dataset) < 8 and results[1] == pytest.approx(results[0], rel=1e-5)


def test_on_a_gpu_packed_rows_go_to_flash_attention(tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    from finetune.speed.attention import operators

    torch.manual_seed(0)
    shapes = ((300, 8, 64), (300, 2, 64), (300, 2, 64))
    query, key, value = (torch.randn(s, device="cuda", dtype=torch.bfloat16, requires_grad=True) for s in shapes)
    starts = torch.tensor([0, 100, 130, 300], dtype=torch.int32, device="cuda")
    out, _ = operators().packed_attention(query, key, value, starts, 1024, 0.125)
    grad = torch.randn_like(out)
    found = [out, *torch.autograd.grad(out, (query, key, value), grad)]
    parts = [
        torch.nn.functional.scaled_dot_product_attention(
            *(one[a:b].transpose(0, 1)[None].float() for one in (query, key, value)), is_causal=True, enable_gqa=True
        )[0].transpose(0, 1)
        for a, b in ((0, 100), (100, 130), (130, 300))
    ]
    plain = torch.cat(parts)
    for one, other in zip(found, [plain, *torch.autograd.grad(plain, (query, key, value), grad.float())], strict=True):
        assert (one - other).norm() < 0.01 * other.norm()
    assert NAME == "ppai_packed"
