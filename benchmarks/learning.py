"""Whether a fine-tuned small model has learned: its validation loss, and whether its answers end by themselves.

    python -m benchmarks.learning --data chats [--set SECTION.KEY=VALUE ...] [--answers 40] [--out DIR]

Trains SmolLM2 with the recipe `smollm2_135m` on what `ppai curate` wrote, prints the loss on the validation set as it
went, then lets the base and the adapter answer the first prompts of that set, the most probable token each time, and
counts the answers that end before the limit. Needs the `train` extra; on two CPU cores an hour, a few minutes with
`--set training.num_train_epochs=.3 --answers 10`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from eval.generating.engine import Engine, Request, Settings
from finetune.adapter import read_adapter
from finetune.training.data import read_data
from finetune.training.quiet import quiet


def train(data: str, out: Path, changes: list[str], recipe: str = "smollm2_135m") -> dict[str, Any]:
    """Runs `ppai sft` in a process of its own; what it wrote of the run."""
    settings = [part for change in changes for part in ("--set", change)]
    command = ["-m", "finetune.sft", "--recipe", recipe, "--data", data, "--out", str(out), *settings]
    if subprocess.run([sys.executable, *command], stdout=sys.stderr).returncode:
        sys.exit(2)
    summary: dict[str, Any] = json.loads((out / "training_summary.json").read_text("utf-8"))
    return summary


def answered(out: Path, data: str, count: int, limit: int) -> dict[str, list[tuple[int, bool]]]:
    """For base and adapter, of each of the first prompts: the answer's words, and whether it ended by itself."""
    with quiet():
        engine = Engine.open(read_adapter(out).base, str(out), four_bit=False)
    prompts = [one.prompt for one in read_data(data, None, share=0.1, seed=42).validation[:count]]
    settings = Settings(limit, temperature=0, repetition_penalty=1)
    requests = [
        Request(name, tuple(prompt), seed=0, adapted=name == "adapter", settings=settings)
        for name in ("base", "adapter")
        for prompt in prompts
    ]
    found: dict[str, list[tuple[int, bool]]] = {"base": [], "adapter": []}
    for one in engine.write(requests):
        found[one.key].append((len(one.raw.split()), one.ended))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="what `ppai curate` wrote")
    parser.add_argument("--set", nargs="*", default=[], dest="changes", help="of the recipe, as of `ppai sft`")
    parser.add_argument("--answers", type=int, default=40)
    parser.add_argument("--limit", type=int, default=600, help="tokens of an answer, at most")
    parser.add_argument("--out", type=Path, help="where the adapter is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder) / "adapter"
        run = train(options.data, out, options.changes)
        print(f"{run['device']}: {run['steps']} steps, {run['figures']['seconds']:.0f} s, {run['train']} conversations")
        print("step   training loss   validation loss")
        for point in run["points"]:
            before = "" if point["training_loss"] is None else f"{point['training_loss']:.4f}"
            saved = "   saved" if point["step"] == run["best_step"] else ""
            print(f"{point['step']:4d}   {before:>13}   {point['validation_loss']:15.4f}{saved}")
        for name, found in answered(out, options.data, options.answers, options.limit).items():
            ended = sum(end for _, end in found)
            words = median(words for words, _ in found)
            print(f"{name}: {ended} of {len(found)} answers ended by themselves within {options.limit} tokens, "
                  f"median {words:.0f} words")  # fmt: skip


if __name__ == "__main__":
    main()
