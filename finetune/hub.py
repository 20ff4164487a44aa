"""Uploads a directory's adapter or model to the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ppai.errors import PPAIError
from ppai.settings import DATASET_ID

T = TypeVar("T")

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
        from huggingface_hub import HfApi

        self._asked(lambda: HfApi().create_repo(self.name, private=True, exist_ok=True))

    def upload(self, folder: Path) -> str:
        """All files of the folder but checkpoints, in one commit; its address. Raises as `open` does."""
        from huggingface_hub import HfApi

        commit = self._asked(
            lambda: HfApi().upload_folder(
                repo_id=self.name, folder_path=folder, ignore_patterns=list(LEFT_OUT), commit_message="Upload by PPAI"
            )
        )
        return str(commit.commit_url)

    def _asked(self, call: Callable[[], T]) -> T:
        """One line of our own: the library's messages have several, and may show signed addresses."""
        from huggingface_hub import constants
        from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

        constants.HF_HUB_DISABLE_PROGRESS_BARS = True
        try:
            return call()
        except Exception as error:  # httpx, the hub and the disk each have their own
            chain: list[BaseException] = [error]
            while cause := chain[-1].__cause__ or chain[-1].__context__:
                chain.append(cause)
            status = next((one.response.status_code for one in chain if isinstance(one, HfHubHTTPError)), None)
            kinds = {kind.__name__ for one in chain for kind in type(one).__mro__}
            if any(isinstance(one, OfflineModeIsEnabled) for one in chain):
                why = "HF_HUB_OFFLINE is set"
            elif status == 401 or any(isinstance(one, LocalTokenNotFoundError) for one in chain):
                why = "the hub does not accept the token in HF_TOKEN, or there is none"
            elif status in (403, 404, 409):
                why = f"the token in HF_TOKEN may not write it (status {status})"
            elif status is not None:
                why = f"the hub answers with status {status}"
            elif "TimeoutException" in kinds:
                why = "the hub does not answer in time"
            elif kinds & {"TransportError", "ConnectionError"}:
                why = "the hub cannot be reached"
            else:
                why = type(error).__name__
            raise PPAIError(f"--push-to-hub: {self.name} cannot be written: {why}") from error
