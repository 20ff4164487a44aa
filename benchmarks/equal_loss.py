"""The validation loss that the fast recipe reaches, beside the published one's, on real weights and real data.

    python -m benchmarks.equal_loss --data chats [--seeds 42 43 44] [--set SECTION.KEY=VALUE ...] [--out FILE]

Trains SmolLM2 in NF4 with `mistral_7b_qlora_published`, `mistral_7b_qlora_fast` and `mistral_7b_qlora_lean` on the same
conversations for the same two epochs, that is on the same tokens, and prints the lowest validation loss of each. The
fast ones may be .5% above the published one's, as the mean over the seeds. The data's conversations may be longer than
the published ones: 1,024 tokens. Needs the `train` extra and a GPU: minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import mean

from benchmarks.learning import train
from finetune.model import PACKAGED, load_model
from finetune.training.quiet import quiet

PUBLISHED, *OURS = (f"mistral_7b_qlora_{name}" for name in ("published", "fast", "lean"))
MARGIN = 0.005


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="what `ppai curate` wrote")
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44])
    parser.add_argument("--recipes", nargs="+", choices=[PUBLISHED, *OURS], default=[PUBLISHED, *OURS])
    parser.add_argument("--set", nargs="*", default=[], dest="changes", help="of all recipes, as of `ppai sft`")
    parser.add_argument("--out", type=Path, help="also append a JSON line of each run to this file")
    options = parser.parse_args()
    lowest: dict[str, list[float]] = {recipe: [] for recipe in options.recipes}
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "smollm2"  # as a folder, since a GGUF file cannot be quantized again
        with quiet():
            for part in load_model(PACKAGED):
                part.save_pretrained(weights)
        for seed in options.seeds:
            for recipe in options.recipes:
                changes = [f"base.name={weights}", "training.max_length=1024", "training.eval_steps=10",
                           f"training.seed={seed}", *options.changes]  # fmt: skip
                if recipe == PUBLISHED:
                    changes = [change for change in changes if not change.startswith("speed.")]
                run = train(options.data, Path(folder) / f"{recipe}-{seed}", changes, recipe)
                loss = min(point["validation_loss"] for point in run["points"])
                told = {"recipe": recipe, "seed": seed, "steps": run["steps"], "device": run["device"],
                        "start": run["points"][0]["validation_loss"], "lowest": loss,
                        "last": run["points"][-1]["validation_loss"]}  # fmt: skip
                print(json.dumps(told), flush=True)
                if options.out:
                    with options.out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(told) + "\n")
                lowest[recipe].append(loss)
    good = True
    for recipe, losses in lowest.items():
        if recipe == PUBLISHED or not lowest.get(PUBLISHED):
            continue
        more = mean(losses) / mean(lowest[PUBLISHED]) - 1
        good &= more <= MARGIN
        print(f"{recipe}: {mean(losses):.4f}, {more:+.2%} beside the published {mean(lowest[PUBLISHED]):.4f}")
    sys.exit(not good)


if __name__ == "__main__":
    main()
