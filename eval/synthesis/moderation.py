"""Has pairs looked at by the moderation endpoint of a server, if it has one; what it says is kept like any reply."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from eval.asking.author import Costs, ModelAuthor
from eval.asking.replies import KeptReplies
from eval.asking.request import Request
from eval.asking.rounds import Rounds
from eval.client import ModelClient, Reply
from eval.judges.base import Usage
from eval.synthesis.pair import Pair
from eval.synthesis.selection import Selection
from ppai.errors import PPAIError, RequestFailed

DIALECT = "moderation"
_HARMLESS = "The weather is nice today."


class ModerationRequest(Request):
    """Asks whether a pair is flagged; the text is in `user`."""


def moderation_request(number: int, pair: Pair) -> ModerationRequest:
    key = f"{DIALECT}-{hashlib.sha256(pair.text.encode()).hexdigest()[:32]}"
    return ModerationRequest(number, key, "", pair.text, 0, 0)


def flagged(kept: KeptReplies, pair: Pair) -> str | None:
    """The categories in which a pair was flagged, as its server names them."""
    found = kept[moderation_request(0, pair).key].text
    return found or None


class ModeratingRounds(Rounds):
    """Rounds in which every pair that is sound by itself is looked at before the round is decided."""

    def lacking(self, requests: Sequence[Request]) -> list[Request]:
        if lacking := super().lacking(requests):
            return lacking
        assert isinstance(self.selection, Selection)
        read = [(request.id, self.selection.read(self._kept[request.key])) for request in requests]
        return super().lacking([moderation_request(number, pair) for number, pair in read if isinstance(pair, Pair)])


class ModeratingCosts(Costs):
    """The endpoint costs nothing."""

    def of(self, reply: Reply) -> float | None:
        return 0.0 if reply.dialect == DIALECT else super().of(reply)

    def estimate(self, request: Request) -> Usage:
        return Usage(cost_usd=0.0) if isinstance(request, ModerationRequest) else super().estimate(request)


class ModeratingAuthor(ModelAuthor):
    """Writes, and has what was written looked at."""

    async def write(self, request: Request) -> Reply:
        if not isinstance(request, ModerationRequest):
            return await super().write(request)
        return Reply(", ".join(await _categories(self._client, request.user)), dialect=DIALECT)

    def ceiling(self, request: Request) -> float | None:
        return 0.0 if isinstance(request, ModerationRequest) else super().ceiling(request)


async def check_endpoint(client: ModelClient) -> None:
    """Raises PPAIError where the server has no moderation endpoint that answers, before anything is paid for."""
    try:
        await _categories(client, _HARMLESS)
    except RequestFailed as error:
        raise PPAIError(f"--moderation: the server has no moderation endpoint that answers: {error}") from None


async def _categories(client: ModelClient, text: str) -> list[str]:
    """In which categories a text is flagged. Raises JudgeStopped or RequestFailed."""
    from openai import APIError

    try:
        answer = await client.api.moderations.create(input=text)
        results: Any = json.loads(answer.model_dump_json(by_alias=True))["results"]
        found = {name for one in results for name, is_flagged in one["categories"].items() if is_flagged is True}
        return sorted(found) or ["not named"] * any(one["flagged"] for one in results)
    except APIError as error:
        raise client.explained(error) from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise RequestFailed(f"{client.server} answered with no moderation") from None
