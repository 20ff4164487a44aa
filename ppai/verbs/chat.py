"""`ppai chat`: talks to a base model, to an adapter, or to both."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ppai.errors import PPAIError
from ppai.verbs.options import example

EPILOG = example("ppai chat adapter --both", "echo 'She will not sleep.' | ppai chat adapter", "ppai chat --base MODEL")


def chat(
    adapter: Annotated[Path | None, typer.Argument(help="directory that ppai sft wrote; without it the base")] = None,
    base: Annotated[str | None, typer.Option(help="base model; default what the adapter says, else SmolLM2")] = None,
    both: Annotated[bool, typer.Option("--both", help="base and adapter answer, one after the other")] = False,
    system: Annotated[str, typer.Option(help="what the system says first")] = "",
    max_new_tokens: Annotated[int, typer.Option(min=1, help="of an answer")] = 300,
    temperature: Annotated[float, typer.Option(min=0, help="0 takes the most probable token each time")] = 0.7,
    top_p: Annotated[float, typer.Option(min=0.01, max=1)] = 0.9,
    seed: Annotated[int, typer.Option(min=0)] = 42,
    load_in_4bit: Annotated[
        bool, typer.Option("--load-in-4bit", help="the base in NF4, as QLoRA trains on it: a quarter of the memory")
    ] = False,
) -> None:
    """Talk to a model, line by line; Ctrl-C stops an answer, /new begins anew, /quit ends."""
    from finetune.adapter import base_warning, four_bits, load_adapted, read_adapter
    from finetune.chat import ADAPTER, BASE, Answering, Chat, talk
    from finetune.model import PACKAGED, load_base, load_model
    from finetune.training.failures import memory_told
    from finetune.training.quiet import quiet

    if both and adapter is None:
        raise PPAIError("--both: name an adapter beside its base")
    found = None if adapter is None else read_adapter(adapter)
    with quiet(), memory_told("--load-in-4bit takes a quarter of it"):
        if found is not None:
            model, tokenizer = load_adapted(found, base=base, four_bit=load_in_4bit)
            if warning := base_warning(found, base):
                typer.echo(warning, err=True)
        elif load_in_4bit:
            model, tokenizer = load_base(base or PACKAGED, quantization=four_bits(base or PACKAGED))
        else:
            model, tokenizer = load_model(base or PACKAGED, device=None)
        names = [BASE, ADAPTER] if both else [BASE if found is None else ADAPTER]
        how = Answering(system, max_new_tokens, temperature, top_p, seed)
        talk(Chat(model, tokenizer, names, how), _lines(), _write, by_hand=sys.stdin.isatty())


def _write(text: str) -> None:
    """At once: an answer comes in pieces."""
    typer.echo(text, nl=False)


def _lines() -> Iterator[str]:
    """Of a person at a terminal, who is asked for each, or of a pipe."""
    while True:
        if sys.stdin.isatty():
            sys.stdout.write("you: ")
            sys.stdout.flush()
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            return
        if not line:
            return
        yield line
