"""Speed of QLoRA on one GPU: the published recipe, Unsloth where it is installed, and ours, on one stream of tokens.

    python -m benchmarks.qlora [--only published fast lean ...] [--steps 24] [--gpus 1 2] [--out FILE]

Every setting runs in a process of its own, on a Mistral-7B with random weights in NF4 (double quantization, computed in
bfloat16) with LoRA r=16, alpha=64 on the seven projections, and prints one JSON line: tokens/s (padding not counted),
samples/s, hours for the 38,400 samples of the published run, peak GiB, MFU and the last loss. The lengths follow the
published training set (mean 354 tokens, 75 to 619); every token bears loss, as in the published run. MFU counts
4 x 7.11e9 FLOPs a token (the weights are frozen; recomputation is not counted) against the 790 TFLOP/s that an H100
reaches on dense bfloat16 products.

`published` is the study's own loop: LoRA on lm_head too, dropout 0.05, micro-batch 6 x 4 padded to the longest, full
recomputation, autocast over float32 norms and adapters, paged 8-bit AdamW. Ours run the project's trainer, a subclass
of TRL's, with the optimizer and the `speed:` section of the recipes that ship; with `--gpus 1 2` each of them is run
again on two GPUs, every GPU with rows of its own. Needs torch, transformers, peft, trl,
bitsandbytes and one CUDA GPU; the settings of Unsloth need that package and 15 GB of disk for the weights.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.qlora_cases import ours, unsloth
from benchmarks.qlora_cases.published import run_published

WARMUP = 4


def run_here(name: str, steps: int, tiny: bool, weights: Path) -> dict[str, Any]:
    """One setting in this process; its figures. A step of micro-batches of 6 sequences is four of them."""
    if name == "published":
        return run_published(4 * steps, WARMUP, tiny)
    if name in unsloth.SETTINGS:
        small = "micro_batch" in unsloth.SETTINGS[name]
        return unsloth.run_unsloth(name, 4 * steps if small else steps, WARMUP, weights)
    return ours.run_ours(name, steps, WARMUP, tiny)


def main() -> None:
    """Runs each setting in a process of its own and prints its line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ["published", *unsloth.SETTINGS, *ours.SETTINGS]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--steps", type=int, default=12, help="timed optimizer steps of some 8,192 tokens")
    parser.add_argument("--tiny", action="store_true", help="two small layers, to try the script on a CPU")
    parser.add_argument("--weights", type=Path, default=Path("random-mistral-7b"), help="where Unsloth's weights lie")
    parser.add_argument(
        "--gpus", type=int, nargs="+", default=[1], help="GPUs that ours run on, one number after the other"
    )
    parser.add_argument("--out", type=Path, help="also append the lines to this file")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        name = options.only[0]
        figures = {"setting": name} | run_here(name, options.steps, options.tiny, options.weights)
        if os.environ.get("RANK", "0") == "0":
            print(json.dumps(figures), flush=True)
        return
    wanted = any(name in unsloth.SETTINGS for name in options.only) and find_spec("unsloth") is not None
    if wanted and not (options.weights / "config.json").exists():
        unsloth.write_weights(options.weights)
    environment = os.environ | {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True", "HF_HUB_OFFLINE": "1"}
    for name, gpus in [(name, gpus) for name in options.only for gpus in options.gpus]:
        if gpus > 1 and name not in ours.SETTINGS:
            continue
        same = ["--steps", str(options.steps), "--weights", str(options.weights), *(["--tiny"] * options.tiny)]
        launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(gpus)] if gpus > 1 else []
        command = [sys.executable, *launch, "-m", "benchmarks.qlora", "--here", "--only", name, *same]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith('{"setting"')]
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        line = lines[-1] if lines else json.dumps({"setting": name, "failed": last[:300]})
        print(line, flush=True)
        if options.out:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    main()
