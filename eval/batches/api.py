"""OpenAI's Batch API as judges use it: a file of requests goes up, a batch is made of it, its results come down."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppai.errors import RequestFailed

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types import Batch

MAX_REQUESTS = 50_000
MAX_BYTES = 200 * 1000 * 1000
"""Of one batch's file; OpenAI says 200 MB, and not which."""
RUN = "ppai_run"
"""The key of a batch's metadata under which our own id of it stands, so that it can be found again."""
FINAL = frozenset({"completed", "failed", "expired", "cancelled", "forgotten"})
"""The last is ours: the server does not know it any more."""
PAGES = 100
"""How many pages of 100 batches are looked through for one of ours."""


@dataclass(frozen=True)
class BatchState:
    """What the server says of a batch."""

    batch_id: str
    status: str
    total: int = 0
    done: int = 0
    """Requests that were answered or failed."""
    problems: tuple[str, ...] = ()
    """Why it failed as a whole, a line each."""
    files: tuple[str, ...] = ()
    """Ids of the files of its results, good ones and errors."""

    @property
    def final(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True)
class Result:
    """One request's fate. `body` is what the server would have answered to it; None where it was not asked."""

    key: str
    status: int | None
    body: Mapping[str, Any] | None
    error: str | None = None
    """Why it has no usable body."""

    @property
    def good(self) -> bool:
        return self.status == 200 and self.body is not None


def request_line(key: str, path: str, body: Mapping[str, Any]) -> bytes:
    """One line of a batch's file; `path` is `/v1/responses` or `/v1/chat/completions`."""
    line = {"custom_id": key, "method": "POST", "url": path, "body": body}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


class BatchApi:
    """The calls to the server. Every method raises what the openai client raises."""

    def __init__(self, client: AsyncOpenAI, redacted: Callable[[str], str]) -> None:
        """`redacted` takes the key out of what the server says in words."""
        self._client, self._redacted = client, redacted
        # Asking again for a batch whose creation was not answered could make, and pay for, a second one.
        self._once = client.with_options(max_retries=0)

    async def upload(self, file: Path) -> str:
        """Returns the id of the file at the server."""
        made = await self._client.files.create(file=file, purpose="batch", timeout=600)
        return made.id

    async def drop(self, file_id: str) -> None:
        """Deletes a file; from then on no batch can be made of it."""
        from openai import NotFoundError

        try:
            await self._client.files.delete(file_id)
        except NotFoundError:
            return

    async def create(self, file_id: str, path: str, run_id: str) -> BatchState:
        """Makes a batch of an uploaded file: from here on it costs money. Asks once only."""
        made = await self._once.batches.create(
            input_file_id=file_id,
            endpoint=path,  # type: ignore[arg-type]
            completion_window="24h",
            metadata={RUN: run_id},
        )
        return self._state(made)

    async def find(self, run_id: str) -> BatchState | None:
        """The batch that was made with this id of ours, among the account's latest."""
        seen = 0
        async for batch in self._client.batches.list(limit=100):
            if (batch.metadata or {}).get(RUN) == run_id:
                return self._state(batch)
            seen += 1
            if seen >= PAGES * 100:
                break
        return None

    async def look(self, batch_id: str) -> BatchState:
        return self._state(await self._client.batches.retrieve(batch_id))

    async def results(self, state: BatchState) -> AsyncIterator[Result]:
        """The results of a batch that has come to its end, in no order; RequestFailed where a file breaks off."""
        import httpx2

        for file in state.files:
            async with self._client.files.with_streaming_response.content(file) as response:
                try:
                    async for line in response.iter_lines():
                        if line.strip():
                            yield self._result(json.loads(line))
                except (httpx2.TransportError, ValueError):
                    raise RequestFailed(f"the results of {state.batch_id} broke off: {file}") from None

    def _state(self, batch: Batch) -> BatchState:
        counts = batch.request_counts
        problems = (batch.errors.data if batch.errors else None) or []
        said = (f"line {one.line}: {one.message}" if one.line else str(one.message or one.code) for one in problems)
        return BatchState(
            batch_id=batch.id,
            status=batch.status,
            total=counts.total if counts else 0,
            done=counts.completed + counts.failed if counts else 0,
            problems=tuple(self._redacted(problem) for problem in said),
            files=tuple(file for file in (batch.output_file_id, batch.error_file_id) if file),
        )

    def _result(self, line: Mapping[str, Any]) -> Result:
        answer = line.get("response") or {}
        body = answer.get("body")
        fault = line.get("error") or (body or {}).get("error")
        words = None if not fault else self._redacted(str(fault.get("message") or fault.get("code")))
        return Result(str(line.get("custom_id")), answer.get("status_code"), body, words)
