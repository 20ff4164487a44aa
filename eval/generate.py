"""Writes a system's responses to a study's prompts, one seeded generator a prompt, resumable.

python -m eval.generate data_to_share/parenting_test_samples.jsonl --system base --prompt generate_plain_v1
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from finetune.model import PACKAGED, load_model

PROMPTS = Path(__file__).parent / "prompts"
_SENTENCE_END = re.compile(r"[.!?][\"'”’)*]*(?=\s|$)")


@dataclass(frozen=True)
class Sampling:
    """How a system writes: the published study's settings by default."""

    model: str = PACKAGED
    prompt: str = "generate_plain_v1"
    """Name of the system prompt, a file of eval/prompts without its ending."""
    max_new_tokens: int = 150
    temperature: float = 0.7
    top_p: float = 0.9
    repetition_penalty: float = 1.15
    seed: int = 42


def prompt_seed(seed: int, prompt_id: str) -> int:
    """The seed of one prompt, so that its response does not depend on which others are asked for."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{prompt_id}".encode()).digest()[:7], "big")


def clean(text: str, hit_limit: bool) -> str:
    """The response as shown: stripped, and cut after its last full sentence where the limit ended it."""
    text = text.strip()
    if not hit_limit:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else text


def writer(sampling: Sampling) -> Callable[[str, str], tuple[str, str]]:
    """A function from (prompt id, post) to (response as shown, raw text)."""
    import torch

    model, tokenizer = load_model(sampling.model)
    system_prompt = (PROMPTS / f"{sampling.prompt}.txt").read_text(encoding="utf-8").strip()

    def write(prompt_id: str, post: str) -> tuple[str, str]:
        messages = [{"role": "system", "content": system_prompt}, {"role": "user", "content": post}]
        inputs = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        torch.manual_seed(prompt_seed(sampling.seed, prompt_id))
        with torch.inference_mode():
            output = model.generate(
                **inputs,
                do_sample=True,
                max_new_tokens=sampling.max_new_tokens,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                top_k=0,
                repetition_penalty=sampling.repetition_penalty,
                pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
            )
        new = output[0, inputs["input_ids"].shape[1] :]
        raw = tokenizer.decode(new, skip_special_tokens=True)
        return clean(raw, hit_limit=len(new) >= sampling.max_new_tokens), raw

    return write


def read_rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


def generate(
    samples: Path, system: str, sampling: Sampling, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Writes STEM_<system>_response.jsonl beside `samples` and returns its path.

    Finished responses are appended to a `.partial` file, from which a later run goes on; those that were made
    with other settings are made again.
    """
    prompts = read_rows(samples)
    target = samples.with_name(f"{samples.stem}_{system}_response.jsonl")
    partial = target.with_suffix(".partial")
    settings = asdict(sampling)
    done = {row["id"]: row for row in read_rows(partial) if row["sampling"] == settings}
    write = writer(sampling) if len(done) < len(prompts) else None
    with partial.open("a", encoding="utf-8") as file:
        for count, prompt in enumerate(prompts, start=1):
            if prompt["id"] not in done and write is not None:
                shown, raw = write(str(prompt["id"]), prompt["text"])
                row = prompt | {"user_prompt": prompt["text"], "ai_answer": shown}
                done[prompt["id"]] = row | {"raw_text": raw, "sampling": settings}
                file.write(json.dumps(done[prompt["id"]], ensure_ascii=False) + "\n")
                file.flush()
            if progress is not None:
                progress(count, len(prompts))
    lines = (json.dumps(done[prompt["id"]], ensure_ascii=False) + "\n" for prompt in prompts)
    partial.write_text("".join(lines), encoding="utf-8")
    partial.replace(target)
    return target


def _advance(bar: Any, done: int) -> None:
    bar.update(done - bar.n)


def main(
    samples: Annotated[Path, typer.Argument(help="the study's STEM.jsonl", exists=True, dir_okay=False)],
    system: Annotated[str, typer.Option(help="id of the system, as in the file name")],
    prompt: Annotated[str, typer.Option(help="system prompt: a file of eval/prompts")] = "generate_plain_v1",
    model: Annotated[str, typer.Option(help="folder, GGUF file, hub id, or the packaged model")] = PACKAGED,
    temperature: Annotated[float, typer.Option(help="of sampling")] = Sampling.temperature,
    top_p: Annotated[float, typer.Option(help="nucleus of sampling")] = Sampling.top_p,
    repetition_penalty: Annotated[float, typer.Option(help="1 for none")] = Sampling.repetition_penalty,
    seed: Annotated[int, typer.Option(help="of all prompts; each has its own from it")] = Sampling.seed,
) -> None:
    """Write a system's responses in the published layout."""
    from tqdm import tqdm

    sampling = Sampling(
        model=model,
        prompt=prompt,
        temperature=temperature,
        top_p=top_p,
        repetition_penalty=repetition_penalty,
        seed=seed,
    )
    with tqdm(total=len(read_rows(samples)), unit="response") as bar:
        target = generate(
            samples,
            system,
            sampling,
            lambda done, _total: _advance(bar, done),
        )
    typer.echo(f"wrote {target}")


if __name__ == "__main__":
    typer.run(main)
