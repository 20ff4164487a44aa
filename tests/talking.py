"""`ppai chat` as a program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COMMAND = (sys.executable, "-m", "ppai", "chat")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "HF_HUB_OFFLINE": "1"}


def talked(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A talk of one line."""
    return subprocess.run(
        [*COMMAND, *arguments],
        input="Hello\n/quit\n",
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
