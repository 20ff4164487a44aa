"""What `finetune.speed` computes is what PEFT's own path computes: losses, gradients, packed rows, saved adapters."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from finetune.speed import Speed, prepare
from ppai.errors import PPAIError

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")
bnb = pytest.importorskip("bitsandbytes")
transformers = pytest.importorskip("transformers")
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def nf4(linear: Any, double: bool) -> Any:
    """The same layer in NF4, its statistics quantized again or not."""
    shape = {"compress_statistics": double, "quant_type": "nf4"}
    result = bnb.nn.Linear4bit(
        linear.in_features, linear.out_features, bias=False, compute_dtype=torch.float32, **shape
    )
    result.weight = bnb.nn.Params4bit(linear.weight.data, requires_grad=False, module=result, **shape)
    return result.to("cpu")


def build(base: str = "double", adapters: list[str] = PROJECTIONS, **lora: Any) -> Any:
    """A Mistral of three small layers with adapters that are not zero; `base` is plain, single or double."""
    torch.manual_seed(0)
    config = transformers.MistralConfig(
        vocab_size=256, hidden_size=128, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=32, sliding_window=None, attn_implementation="sdpa", use_cache=False,
    )  # fmt: skip
    model = transformers.AutoModelForCausalLM.from_config(config)
    if base != "plain":
        for layer in model.model.layers:
            for part in (layer.self_attn, layer.mlp):
                for name, child in [one for one in part.named_children() if isinstance(one[1], torch.nn.Linear)]:
                    setattr(part, name, nf4(child, base == "double"))
        model.is_loaded_in_4bit = True
    settings = {"r": 8, "lora_alpha": 32, "lora_dropout": 0.0} | lora
    model = peft.get_peft_model(
        model, peft.LoraConfig(target_modules=adapters, task_type="CAUSAL_LM", **settings)
    ).train()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    return model


IDS = torch.randint(5, 250, (2, 48), generator=torch.Generator().manual_seed(1))


def losses(model: Any, **inputs: Any) -> tuple[float, dict[str, Any]]:
    """The loss, and each adapter's gradient."""
    inputs = inputs or {"input_ids": IDS, "labels": IDS}
    model.zero_grad()
    loss = model(**inputs).loss
    loss.backward()
    return loss.item(), {name: one.grad for name, one in model.named_parameters() if one.requires_grad}


def same(found: tuple[float, dict[str, Any]], expected: tuple[float, dict[str, Any]], tolerance: float = 1e-5) -> None:
    assert found[0] == pytest.approx(expected[0], rel=tolerance)
    assert found[1].keys() == expected[1].keys() and len(expected[1]) >= 2
    for name, gradient in expected[1].items():
        assert (found[1][name] - gradient).norm() <= tolerance * gradient.norm(), name
        assert gradient.norm() > 0, name


@pytest.mark.parametrize("base", ["plain", "single", "double"])
@pytest.mark.parametrize(
    "speed",
    [
        Speed(compile=False),
        Speed(compile=False, recompute_layers=2),
        Speed(compile=False, dequantized_layers=1),
        Speed(compile=False, fused_projections=False, recompute_layers="all"),
    ],
    ids=["fused", "recomputed", "dequantized", "peft-recomputed"],
)
def test_losses_and_gradients_are_those_of_peft(base: str, speed: Speed) -> None:
    expected = losses(build(base))
    model = build(base)
    done = prepare(model, speed)
    same(losses(model), expected)
    assert done.layers == 3 and done.fused_projections == (21 if speed.fused_projections else 0)


@pytest.mark.parametrize("recompute", [0, "all"])
def test_compiled_layers_give_the_same_and_share_one_region(recompute: Any) -> None:
    from torch._dynamo.utils import counters

    expected = losses(build())
    model = build()
    prepare(model, Speed(recompute_layers=recompute))
    torch._dynamo.reset()
    counters.clear()
    same(losses(model), expected)
    same(losses(model), expected)
    assert counters["stats"]["unique_graphs"] == 1 and not counters["graph_break"]


def test_what_is_recomputed_is_not_kept_and_the_last_projection_not_run_again() -> None:
    def traffic(recompute: Any) -> tuple[int, int]:
        """Bytes that are kept for the backward pass, and forward projections that are run in all."""
        from torch.profiler import profile

        model, kept = build(), 0
        prepare(model, Speed(recompute_layers=recompute))
        losses(model)

        def count(tensor: Any) -> Any:
            nonlocal kept
            kept += tensor.nbytes if tensor.dtype == torch.float32 and IDS.numel() in tensor.shape[:1] else 0
            return tensor

        with profile() as record, torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            losses(model)
        runs = sum(one.count for one in record.key_averages() if one.key == "ppai::lora_projection")
        return kept, runs

    plain, again = traffic(0), traffic("all")
    assert plain[1] == 21 and again[1] == 21 + 3 * 6
    assert again[0] < plain[0]


def test_in_bfloat16_the_fused_projection_is_as_near_to_the_truth_as_pefts() -> None:
    truth = losses(build("plain").double())
    errors = []
    for fused in (False, True):
        model = build("plain").bfloat16()
        if fused:
            prepare(model, Speed(compile=False))
        with torch.autocast("cpu", torch.bfloat16, enabled=not fused):
            found = losses(model)
        errors.append([float((found[1][n] - g).norm() / g.norm()) for n, g in truth[1].items()])
    assert sum(errors[1]) <= 1.1 * sum(errors[0])


def test_adapters_are_kept_in_the_type_that_is_asked_for() -> None:
    for dtype in ("float32", "bfloat16"):
        model = build("plain").bfloat16()
        prepare(model, Speed(compile=False, adapter_dtype=dtype))
        assert {str(p.dtype) for p in model.parameters() if p.requires_grad} == {f"torch.{dtype}"}
        assert {str(p.dtype) for p in model.parameters() if not p.requires_grad} == {"torch.bfloat16"}
        assert losses(model)[0] > 0


def test_a_saved_adapter_has_pefts_names_and_loads_without_this(tmp_path: Path) -> None:
    model = build()
    expected = losses(copy.deepcopy(model))[0]
    prepare(model, Speed())
    losses(model)
    model.save_pretrained(tmp_path, save_embedding_layers=False)
    loaded = peft.PeftModel.from_pretrained(build().unload(), tmp_path, is_trainable=True)
    assert loaded(input_ids=IDS, labels=IDS).loss.item() == pytest.approx(expected, rel=1e-5)


def test_without_its_adapter_the_model_is_the_base() -> None:
    model = build()
    with model.disable_adapter():
        expected = model(input_ids=IDS, labels=IDS).loss.item()
    prepare(model, Speed(compile=False))
    with model.disable_adapter():
        assert model(input_ids=IDS, labels=IDS).loss.item() == expected
    assert model(input_ids=IDS, labels=IDS).loss.item() != expected


@pytest.mark.parametrize(
    ("lora", "told"),
    [
        ({"lora_dropout": 0.05}, "needs lora_dropout: 0"),
        ({"use_dora": True}, "needs plain LoRA"),
        ({"lora_bias": True, "bias": "none"}, "needs plain LoRA"),
        ({"adapters": ["lm_head"]}, "no LoRA projection in its layers"),
    ],
)
def test_adapters_that_the_operator_does_not_do_are_refused_in_one_line(lora: dict[str, Any], told: str) -> None:
    with pytest.raises(PPAIError, match=told):
        prepare(build("plain", **lora), Speed(compile=False))


def test_a_second_adapter_is_refused() -> None:
    model = build("plain")
    model.add_adapter("other", peft.LoraConfig(target_modules=PROJECTIONS, task_type="CAUSAL_LM"))
    with pytest.raises(PPAIError, match="has 2 adapters instead of one"):
        prepare(model, Speed(compile=False))


def test_more_layers_than_there_are_are_refused() -> None:
    with pytest.raises(PPAIError, match="9, but the model has 3 layers"):
        prepare(build("plain"), Speed(compile=False, recompute_layers=9))
