"""Writes a system's responses to a study's prompts, one seeded generator a prompt, resumable.

python -m eval.generate data_to_share/parenting_test_samples.jsonl --system base --prompt generate_plain_v1
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from finetune.model import PACKAGED, load_model
from ppai.errors import PPAIError, StudyError
from ppai.schema import Prompt
from ppai.studyfiles.lines import read_objects
from ppai.studyfiles.problems import Problem, problems_of, quoted
from ppai.studyfiles.published_names import response_file

PROMPTS = Path(__file__).parent / "prompts"

Writer = Callable[[str, str], tuple[str, str]]
"""From (prompt id, post) to (response as shown, raw text)."""

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

    def __post_init__(self) -> None:
        """Raises PPAIError where nothing can be sampled so."""
        for name, fits, wanted in (
            ("max_new_tokens", self.max_new_tokens > 0, "above 0"),
            ("temperature", 0 < self.temperature < math.inf, "above 0"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("repetition_penalty", 0 < self.repetition_penalty < math.inf, "above 0"),
        ):
            if not fits:
                raise PPAIError(f"--{name.replace('_', '-')} must be {wanted}, not {getattr(self, name)}")


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


def read_system_prompt(name: str) -> str:
    """Raises PPAIError, naming those that there are."""
    known = {path.stem: path for path in sorted(PROMPTS.glob("generate_*.txt"))}
    if name not in known:
        raise PPAIError(f"--prompt: {name!r} is not one of {', '.join(known)}")
    return known[name].read_text(encoding="utf-8").strip()


def writer(sampling: Sampling) -> Writer:
    """Raises PPAIError where the system prompt or the model is not there."""
    system_prompt = read_system_prompt(sampling.prompt)
    model, tokenizer = load_model(sampling.model)
    import torch

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


def read_samples(path: Path) -> list[dict[str, Any]]:
    """The rows of a study's prompts, as they stand there.

    Raises StudyError, with the line and the field of every row that is no prompt.
    """
    problems: list[Problem] = []
    rows, seen = [], set()
    for line, row in read_objects(path, problems):
        try:
            key = Prompt.model_validate(row).id
        except ValidationError as error:
            problems += problems_of(error, path.name, line)
            continue
        if key in seen:
            problems.append(Problem(path.name, line, "id", f"{quoted(key)} stands twice"))
        seen.add(key)
        rows.append(row)
    if not rows and not problems:
        problems.append(Problem(path.name, 0, "", "holds no prompts"))
    if problems:
        raise StudyError(problems)
    return rows


def finished(partial: Path, prompts: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of a `.partial` file that still hold, by prompt id: of the same texts, made with these settings.

    A line that a killed run tore is passed over.
    """
    texts = {str(prompt["id"]): prompt["text"] for prompt in prompts}
    rows = [row for _, row in read_objects(partial, [])] if partial.exists() else []
    return {
        str(row["id"]): row
        for row in rows
        if row.get("sampling") == settings and texts.get(str(row.get("id"))) == row.get("user_prompt") is not None
    }


def generate(
    samples: Path,
    system: str,
    sampling: Sampling,
    progress: Callable[[int, int], None] | None = None,
    make_writer: Callable[[Sampling], Writer] = writer,
) -> Path:
    """Writes STEM_<system>_response.jsonl beside `samples` and returns its path; the file appears whole or not at all.

    Finished responses are appended to a `.partial` file, from which a later run goes on; those that were made
    with other settings or of another text are made again.

    Raises StudyError where `samples` cannot be used, and what `make_writer` raises.
    """
    prompts = read_samples(samples)
    target = samples.with_name(response_file(samples.stem, system))
    partial = target.with_suffix(".partial")
    settings = asdict(sampling)
    done = finished(partial, prompts, settings)
    write = make_writer(sampling) if len(done) < len(prompts) else None
    _replace(partial, done.values())
    with partial.open("a", encoding="utf-8") as file:
        for count, prompt in enumerate(prompts, start=1):
            key = str(prompt["id"])
            if key not in done and write is not None:
                shown, raw = write(key, prompt["text"])
                answered = prompt | {"user_prompt": prompt["text"], "ai_answer": shown}
                done[key] = answered | {"raw_text": raw, "sampling": settings}
                file.write(_line(done[key]))
                file.flush()
            if progress is not None:
                progress(count, len(prompts))
    _replace(partial, [done[str(prompt["id"])] for prompt in prompts])
    partial.replace(target)
    return target


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _replace(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """The file holds these rows, or, where this is interrupted, what it held."""
    new = path.with_suffix(".new")
    new.write_text("".join(map(_line, rows)), encoding="utf-8", newline="\n")
    new.replace(path)


def _advance(bar: Any, done: int, total: int) -> None:
    bar.total = total
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
    with tqdm(unit="response", delay=0.1) as bar:  # the delay keeps it from showing before there is progress
        target = generate(samples, system, sampling, lambda done, total: _advance(bar, done, total))
    typer.echo(f"wrote {target}")


def command() -> None:
    """Runs `main`; an error that PPAI raises on purpose is one line a problem, and exit code 2."""
    try:
        typer.run(main)
    except PPAIError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    command()
