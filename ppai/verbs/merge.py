"""`ppai merge`: an adapter and its base as one model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ppai.verbs.options import example

EPILOG = example(
    "ppai merge adapter --out merged", "ppai merge adapter --out merged --gguf q8_0 --llama-cpp ../llama.cpp"
)


def merge(
    adapter: Annotated[Path, typer.Argument(help="directory that ppai sft wrote")],
    out: Annotated[Path, typer.Option(help="directory to write, which must not be there yet")],
    base: Annotated[str | None, typer.Option(help="base model, where it is no longer where the adapter says")] = None,
    dtype: Annotated[str, typer.Option(help="of the weights: auto, float32, bfloat16 or float16")] = "auto",
    gguf: Annotated[str | None, typer.Option(help="also a GGUF file: f32, f16, bf16 or q8_0")] = None,
    llama_cpp: Annotated[
        Path | None, typer.Option("--llama-cpp", help="checkout with convert_hf_to_gguf.py; default PATH")
    ] = None,
) -> None:
    """Merge an adapter into its base, to serve it anywhere: safetensors, and GGUF on request."""
    from finetune.merge import merge as merged

    merged(adapter, out, base=base, dtype=dtype, gguf=gguf, llama_cpp=llama_cpp, say=typer.echo)
