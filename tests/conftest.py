"""Fixtures for real studies that stand beside the repository; their tests are skipped where they are absent."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"


def _study_directory(name: str) -> Path:
    directory = SHARED / name
    if not directory.is_dir():
        pytest.skip(f"{name} is not beside the repository")
    return directory


@pytest.fixture(scope="session")
def published_study() -> Path:
    """The published study of PretendParentAI, in the published layout."""
    return _study_directory("published_study")


@pytest.fixture(scope="session")
def pandalm_study() -> Path:
    """PandaLM's test set, in the general layout."""
    return _study_directory("pandalm_study")
