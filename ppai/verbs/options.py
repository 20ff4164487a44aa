"""What several verbs of the `ppai` command share: options, and the example under a verb's help."""

from __future__ import annotations

from typing import Annotated

import typer


def example(*lines: str) -> str:
    return "Example:  " + "  |  ".join(lines)


Database = Annotated[
    str | None, typer.Option("--database", help="store URL; default PPAI_DATABASE_URL, else sqlite:///var/ppai.db")
]
StudyName = Annotated[
    str | None, typer.Option("--study", help="name of the study, where the store holds more than one")
]
