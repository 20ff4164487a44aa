"""Uploads a directory's adapter or model to the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ppai.errors import PPAIError
from ppai.hub import client, trouble
from ppai.settings import DATASET_ID

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")

SECONDS = 60.0
"""Without a word from the hub after which it is given up."""

LEFT_OUT = ("checkpoints/*", ".partial/*", "run.json", ".*")


class Repository:
    """A private model repository, `owner/name`. Raises PPAIError where that is no such id."""

    def __init__(self, name: str) -> None:
        if not DATASET_ID.fullmatch(name):
            raise PPAIError(f"--push-to-hub: {name!r} is no OWNER/NAME")
        self.name = name

    def open(self) -> None:
        """Makes the repository where it is missing, so that a wrong token is told before hours of training.

        Raises PPAIError where the hub cannot be reached or refuses.
        """
        self._asked(lambda hub: hub.create_repo(self.name, private=True, exist_ok=True))

    def upload(self, folder: Path) -> str:
        """All files of the folder but checkpoints, in one commit; its address. Raises as `open` does."""
        commit = self._asked(
            lambda hub: hub.upload_folder(
                repo_id=self.name, folder_path=folder, ignore_patterns=list(LEFT_OUT), commit_message="Upload by PPAI"
            )
        )
        return str(commit.commit_url)

    def _asked(self, call: Callable[[HfApi], T]) -> T:
        try:
            return call(client(SECONDS))
        except Exception as error:  # httpx, the hub and the disk each have their own
            why = trouble(error, right="write it", anonymous=True)
            raise PPAIError(f"--push-to-hub: {self.name} cannot be written: {why}") from error
