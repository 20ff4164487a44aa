"""Supervised fine-tuning from a recipe; the entry for several GPUs.

accelerate launch -m finetune.sft --recipe mistral_7b_qlora_published --data curated --out adapter
"""

from __future__ import annotations

import sys

import typer

from ppai.errors import PPAIError
from ppai.verbs.sft import sft


def main() -> None:
    """`ppai sft` in each process that accelerate starts; an error is one line, and exit code 2."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(sft)
    try:
        app()
    except PPAIError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
