"""People's votes on responses that are about to be replaced: a vote does not say which text it was given on."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ppai.errors import StudyError
from ppai.schema import Vote, VoteStatus
from ppai.studyfiles.draft import Draft, located_records
from ppai.studyfiles.general import VOTES


def votes_on(directory: Path, system: str, prompts: Collection[str]) -> int:
    """How many votes of a study's directory compare the system's response to one of the prompts.

    Skipped pairs and votes that were taken back are none. Raises StudyError where the file of votes is wrong.
    """
    if not prompts or not (directory / VOTES).exists():
        return 0
    draft = Draft(directory)
    rows = located_records(draft, VOTES, Vote)
    if draft.problems:
        raise StudyError(draft.problems)
    last: dict[str, Vote] = {}
    for vote in sorted((row.record for row in rows), key=lambda vote: vote.revision):
        last[vote.vote_id] = vote
    return sum(
        vote.status is VoteStatus.SUBMITTED and vote.prompt_id in prompts and system in (vote.system_a, vote.system_b)
        for vote in last.values()
    )
