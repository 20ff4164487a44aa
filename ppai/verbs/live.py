"""Opens the study's systems for live questions; asked for where `PPAI_LIVE` says so, and importing nothing before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppai.live.answering import Answerers
    from ppai.schema import StudyConfig
    from ppai.settings import Settings


def answerers(config: StudyConfig, directory: Path, settings: Settings) -> Answerers:
    """Raises PPAIError in one line where a system cannot answer, MissingPackage where the extra `live` is missing."""
    from eval.generating.live import open_answerers

    return open_answerers(config, directory, settings)
