"""From a store to anonymised files: the contract's layouts, tables, and preference rows for TRL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from ppai.errors import MissingPackage
from ppai.plain import flatten
from ppai.schema import Arm, Outcome, Record, Study, Verdict, Vote, VoteStatus
from ppai.studyfiles import write_general, write_published
from ppai.studyfiles.whole_files import write_whole


class Format(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


def anonymised(study: Study, *, comments: bool = False) -> Study:
    """The study without what could name a rater: comments, unless asked for, and with them the reasons of void events
    and what a file added to its votes.

    Raters are salted hashes in every store.
    """
    if comments:
        return study
    votes = tuple(_bare(vote) for vote in study.votes)
    return study.model_copy(update={"votes": votes})


def explained(study: Study) -> tuple[Study, list[str]]:
    """The study without the events that its other files do not explain, and how many those were, in words.

    Events stay stored when a study is replaced; those on prompts, responses or criteria that it has no more would make
    an export that cannot be read.
    """
    texts = {(response.prompt_id, response.system) for response in (*study.responses, *study.live_responses)}
    keys = set(study.config.keys)

    def standing(events: Iterable[Any]) -> list[Any]:
        return [e for e in events if {(e.prompt_id, e.system_a), (e.prompt_id, e.system_b)} <= texts]

    def asked(event: Any) -> Any:
        known = {key: outcome for key, outcome in event.outcomes.items() if key in keys}
        return event if len(known) == len(event.outcomes) else event.model_copy(update={"outcomes": known})

    votes = [asked(vote) for vote in standing(study.votes)]
    verdicts = [asked(verdict) for verdict in standing(study.verdicts)]
    kept = study.model_copy(
        update={
            "votes": tuple(votes),
            "verdicts": tuple(verdict for verdict in verdicts if verdict.outcomes or verdict.unscored is not None),
            "assignments": tuple(standing(study.assignments)),
        }
    )
    said = []
    for name in ("votes", "verdicts", "assignments"):
        gone = len(getattr(study, name)) - len(getattr(kept, name))
        if gone:
            said.append(f"{gone} {name} left out: on prompts, systems or criteria that the study has no more")
    return kept, said


def _bare(vote: Vote) -> Vote:
    kept = {name: getattr(vote, name) for name in Vote.model_fields if name != "comment"}
    return Vote(**(kept | ({"reason": None} if vote.status is VoteStatus.VOID else {})))


def event_rows(events: Iterable[Any]) -> list[dict[str, Any]]:
    """Votes or verdicts as flat rows: a column `outcome_<criterion>` instead of the mapping."""
    rows = []
    for event in events:
        row = event.model_dump(mode="json", exclude_none=True)
        outcomes = row.pop("outcomes", {})
        rows.append(row | {f"outcome_{key}": value for key, value in outcomes.items()})
    return rows


def _columns(record: type[Record], keys: Sequence[str]) -> list[str]:
    """The columns of a table of events, which a table without rows has too."""
    fields = [name for name in record.model_fields if name != "outcomes"]
    return [*fields, *(f"outcome_{key}" for key in keys)]


def _nested_as_json(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def table_bytes(rows: Sequence[Mapping[str, Any]], table: Format, columns: Sequence[str] = ()) -> bytes:
    """Rows as a file of the format; `columns` come first, whether or not a row has them.

    A list or mapping in a cell is JSON. Raises MissingPackage for Parquet without pyarrow.
    """
    if table is Format.JSONL:
        return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
    import pandas as pd

    names = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    frame = pd.DataFrame([{name: _nested_as_json(row.get(name)) for name in names} for row in rows], columns=names)
    if table is Format.CSV:
        return frame.to_csv(index=False).encode()
    try:
        return frame.to_parquet(index=False)
    except ImportError:
        raise MissingPackage("pyarrow", "hub") from None


PREFERENCE_COLUMNS = (
    "prompt",
    "chosen",
    "rejected",
    "criterion",
    "margin",
    "n_votes",
    "raters",
    "prompt_id",
    "chosen_system",
    "rejected_system",
    "arm",
)


@dataclass(frozen=True)
class PreferenceKey:
    prompt_id: str
    first: str
    second: str
    arm: Arm


def preference_rows(study: Study, *, criteria: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """One row a pair, arm and criterion that has a preferred response, as TRL's preference trainers read it.

    `prompt`, `chosen` and `rejected` are texts, as the raters of the arm were shown them; `margin` is the share of
    votes for the chosen response less that for the other, in (0, 1]; `n_votes` counts all of them, ties too. Hidden
    repeats, skips and void votes do not count. Pairs whose votes are even give no row.
    """
    from ppai.frames import submitted, vote_frame

    keys = tuple(criteria) if criteria is not None else study.config.keys
    study = study.live_arm()
    prompts = {prompt.id: prompt.text for prompt in study.prompts}
    texts = {(response.prompt_id, response.system): response.text for response in study.responses}
    counting = set(submitted(vote_frame(study.votes, ()))["vote_id"])
    by_pair: dict[PreferenceKey, list[Vote]] = defaultdict(list)
    for vote in study.votes:
        if vote.vote_id in counting and vote.repeat == 0:
            first, second = sorted((vote.system_a, vote.system_b))
            by_pair[PreferenceKey(vote.prompt_id, first, second, vote.arm)].append(vote)
    rows = []
    for pair, votes in by_pair.items():
        if not {(pair.prompt_id, pair.first), (pair.prompt_id, pair.second)} <= texts.keys():
            continue
        for key in keys:
            row = _preference(pair, votes, key)
            if row is None:
                continue
            chosen, rejected = row.pop("systems")
            rows.append(
                {
                    "prompt": prompts[pair.prompt_id],
                    "chosen": _as_shown(texts[(pair.prompt_id, chosen)], pair.arm),
                    "rejected": _as_shown(texts[(pair.prompt_id, rejected)], pair.arm),
                    "criterion": key,
                    **row,
                    "prompt_id": pair.prompt_id,
                    "chosen_system": chosen,
                    "rejected_system": rejected,
                    "arm": pair.arm.value,
                }
            )
    return rows


def _as_shown(text: str, arm: Arm) -> str:
    return flatten(text) if arm is Arm.PLAIN else text


def _preference(pair: PreferenceKey, votes: Sequence[Vote], key: str) -> dict[str, Any] | None:
    """Margin, n and raters of one criterion, and the systems as (chosen, rejected); None where it is even."""
    score, raters = 0, []
    for vote in votes:
        outcome = vote.outcomes.get(key)
        if outcome is None:
            continue
        raters.append(vote.rater)
        if outcome is not Outcome.TIE:
            winner = vote.system_a if outcome is Outcome.A else vote.system_b
            score += 1 if winner == pair.first else -1
    if not score:
        return None
    systems = (pair.first, pair.second) if score > 0 else (pair.second, pair.first)
    return {
        "margin": abs(score) / len(raters),
        "n_votes": len(raters),
        "raters": sorted(set(raters)),
        "systems": systems,
    }


def export(study: Study, directory: Path, *, layout: str, table: Format, preferences: bool) -> list[str]:
    """Writes the files of an export into `directory`; what was written and left out, one line each."""
    study, said = explained(study)
    keys = study.config.keys
    files: dict[str, bytes] = {}
    if table is not Format.JSONL:
        files[f"votes.{table.value}"] = table_bytes(event_rows(study.votes), table, _columns(Vote, keys))
        files[f"verdicts.{table.value}"] = table_bytes(event_rows(study.verdicts), table, _columns(Verdict, keys))
    rows = preference_rows(study) if preferences else []
    if preferences:
        files[f"preferences.{table.value}"] = table_bytes(rows, table, PREFERENCE_COLUMNS)
    if layout == "published":
        said += write_published(study, directory).lines()
    else:
        write_general(study, directory)
        live = f" ({study.n_live_votes} of live questions)" if study.n_live_votes else ""
        votes = f"{len(study.votes)} votes{live}"
        said.append(f"{votes}, {len(study.verdicts)} verdicts, {len(study.assignments)} assignments")
    write_whole(directory, files)
    return [*said, f"{len(rows)} preference rows"] if preferences else said
