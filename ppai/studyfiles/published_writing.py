"""Writes a study of two systems in the published layout, as pandas wrote the original files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppai.errors import PPAIError, StudyError
from ppai.outdated import TextsNow
from ppai.schema import Arm, Outcome, Prompt, Study, StudyConfig, System, Verdict
from ppai.studyfiles.config import CONFIG_FILE
from ppai.studyfiles.general import ASSIGNMENTS, PROMPTS, RESPONSES, VERDICTS, VOTES
from ppai.studyfiles.published import WINNER
from ppai.studyfiles.published_names import (
    JUDGE_SUFFIX,
    PROMPTS_SUFFIX,
    REFERENCE,
    RESPONSE_SUFFIX,
    JudgeFile,
    judge_file,
    response_file,
    stem_for,
)
from ppai.studyfiles.whole_files import write_whole
from ppai.studyfiles.writing import (
    config_text,
    config_values,
    ids_are_integers,
    pair_files,
    refuse_strangers,
)

_WORDS = {Outcome.A: "System A", Outcome.B: "System B", Outcome.TIE: "Tie"}
_MIRROR = {Outcome.A: Outcome.B, Outcome.B: Outcome.A, Outcome.TIE: Outcome.TIE}


@dataclass(frozen=True)
class PublishedReport:
    """What was written, and what the layout could not hold."""

    files: tuple[Path, ...]
    outdated: int = 0
    """Verdicts on other texts than the study has now, which no report counts either."""
    unscored: int = 0
    """Verdicts without usable outcomes."""
    one_order: int = 0
    """Pairs of a judge asked in both orders that are left out, having outcomes in one order only."""
    one_order_outcomes: int = 0
    """Criteria left empty for the same in pairs that are written."""
    conflicts: int = 0
    """Criteria of pairs on which the two orders disagreed, written as Tie."""
    votes: int = 0
    live: int = 0

    def lines(self) -> tuple[str, ...]:
        """What a person should know, one sentence a line."""
        counts = (
            (self.outdated, "verdicts left out: given on other texts than the study has now"),
            (self.unscored, "unscored verdicts left out"),
            (self.one_order, "pairs left out because only one of their two orders has outcomes"),
            (self.one_order_outcomes, "outcomes left empty because only one of the two orders has one"),
            (self.conflicts, "outcomes on which the two orders disagreed, written as Tie"),
            (self.votes, "votes left out: this layout has no place for them"),
            (self.live, "live questions left out: this layout has no place for them"),
        )
        return tuple(f"{count} {what}" for count, what in counts if count)


def write_published(study: Study, directory: Path, stem: str | None = None) -> PublishedReport:
    """Writes prompts, a file a system, a table a judge, and study.yaml where the files alone do not say it all.

    `stem` names the files, and must end in `test_samples`; by default it is made from the study's name.

    Raises:
        StudyError: if the study does not compare two systems.
        PPAIError: if the directory holds files of another study, or the system refuses to write.
    """
    directory, stem = Path(directory), stem or stem_for(study.name)
    n_live = len(study.live_prompts)
    study = study.model_copy(update={"live_prompts": (), "live_responses": ()})
    systems = study.config.system_ids
    if len(systems) != 2:
        message = f"the published layout holds two systems, and {study.name!r} has {len(systems)}"
        raise StudyError([message])
    if not f"{stem}.jsonl".endswith(PROMPTS_SUFFIX) or Path(stem).name != stem:
        raise PPAIError(f"the stem of published files must be a name that ends in test_samples, not {stem!r}")
    prompts = _prompt_rows(study)
    files = {f"{stem}.jsonl": "".join(_line(row) for row in prompts.values())}
    for system in systems:
        files[response_file(stem, system)] = _response_lines(study, system, prompts)
    runs: dict[tuple[str, Arm, int], list[Verdict]] = {}
    standing = _standing(study)
    for verdict in standing:
        runs.setdefault((verdict.judge, verdict.arm, verdict.sample), []).append(verdict)
    tables = [_Table(study, verdicts) for verdicts in runs.values()]
    for table in tables:
        files[judge_file(table.of)] = table.text()
    if study.config != _implied_config(study, directory):
        files[CONFIG_FILE] = config_text(config_values(study))
    files |= pair_files(study)
    _refuse_other_files(directory, files)
    return PublishedReport(
        write_whole(directory, files),
        outdated=len(study.verdicts) - len(standing),
        unscored=sum(table.unscored for table in tables),
        one_order=sum(table.one_order for table in tables),
        one_order_outcomes=sum(table.one_order_outcomes for table in tables),
        conflicts=sum(table.conflicts for table in tables),
        votes=len(study.votes),
        live=n_live,
    )


def _standing(study: Study) -> list[Verdict]:
    """The verdicts on the texts that are written beside them: the files cannot say of which texts others are."""
    now = TextsNow(study)
    return [v for v in study.verdicts if not now.differ(v.prompt_id, v.system_a, v.system_b, v.arm.value, v.texts)]


class _Table:
    """One judge's verdicts of one arm and sample, merged over the two orders into a table of winners."""

    def __init__(self, study: Study, verdicts: Sequence[Verdict]) -> None:
        first = verdicts[0]
        named = all(verdict.named for verdict in verdicts)
        self.of = JudgeFile(first.judge, named, first.arm, first.sample)
        self.study = study
        self.reference = study.config.reference_id
        self.unscored = sum(verdict.unscored is not None for verdict in verdicts)
        self.one_order = self.one_order_outcomes = self.conflicts = 0
        self.by_prompt: dict[str, list[Verdict]] = {}
        for verdict in verdicts:
            self.by_prompt.setdefault(verdict.prompt_id, []).append(verdict)
        # As in `eval.statistics.pairs`: asked about any pair in both orders, it counts where both have an outcome.
        self.orders = max(len({verdict.system_a for verdict in of_pair}) for of_pair in self.by_prompt.values())

    def text(self) -> str:
        """The table as pandas writes it, with its index as a first column without a name."""
        keys = self.study.config.keys
        header = ["", *(f"{WINNER}{key}" for key in keys), "justification", "id"]
        rows = [row for prompt in self.study.prompts if (row := self._row(prompt, keys))]
        numbered = [[str(index), *row] for index, row in enumerate(rows)]
        return "".join(",".join(map(_cell, row)) + "\n" for row in [header, *numbered])

    def _row(self, prompt: Prompt, keys: tuple[str, ...]) -> list[str]:
        verdicts = self.by_prompt.get(prompt.id, [])
        scored = [verdict for verdict in verdicts if verdict.unscored is None]
        outcomes = [self._outcomes(scored, key) for key in keys]
        alone = sum(0 < len(found) < self.orders for found in outcomes)
        if not any(len(found) == self.orders for found in outcomes):
            self.one_order += alone > 0
            return []
        self.one_order_outcomes += alone
        winners = [self._winner(found) for found in outcomes]
        first = next((v for v in scored if v.system_a == self.reference), None)
        return [*winners, (first and first.justification) or "", prompt.id]

    def _outcomes(self, scored: Sequence[Verdict], key: str) -> list[Outcome]:
        """Of one criterion, one for each order that has it, as if the reference had been shown first."""
        return [
            outcome if verdict.system_a == self.reference else _MIRROR[outcome]
            for verdict in scored
            if (outcome := verdict.outcomes.get(key)) is not None
        ]

    def _winner(self, outcomes: Sequence[Outcome]) -> str:
        """The word for one criterion; empty where an order that was wanted does not answer it."""
        if len(outcomes) < self.orders:
            return ""
        if len(set(outcomes)) > 1:
            self.conflicts += 1
            return _WORDS[Outcome.TIE]
        return _WORDS[outcomes[0]]


def _prompt_rows(study: Study) -> dict[str, dict[str, Any]]:
    """The columns of each prompt by its id: those of the original, in its order, and those the study adds."""
    integers = ids_are_integers(study)
    extra = list(dict.fromkeys(key for prompt in study.prompts for key in prompt.extra))
    order = ("title", "body", *extra, "topic", "split")
    values = {prompt.id: prompt.model_dump(mode="json") for prompt in study.prompts}
    columns = [key for key in order if any(row.get(key) is not None for row in values.values())]
    return {
        name: {"id": int(name) if integers else name, "text": row["text"]} | {key: row.get(key) for key in columns}
        for name, row in values.items()
    }


def _response_lines(study: Study, system: str, prompts: dict[str, dict[str, Any]]) -> str:
    answers = {response.prompt_id: response for response in study.responses if response.system == system}
    lines = []
    for name, row in prompts.items():
        if answer := answers.get(name):
            added = {"user_prompt": row["text"]} | answer.model_dump(mode="json", include=set(answer.extra))
            lines.append(_line(row | added | {"ai_answer": answer.text}))
    return "".join(lines)


def _line(values: dict[str, Any]) -> str:
    """A line of JSON to the letter as pandas writes it."""
    return json.dumps(values, separators=(",", ":"), allow_nan=False).replace("/", "\\/") + "\n"


def _cell(text: str) -> str:
    """A cell of CSV; the csv module leaves a lone carriage return unquoted, which ends the row for a reader."""
    return '"' + text.replace('"', '""') + '"' if re.search('[,"\\r\\n]', text) else text


def _implied_config(study: Study, directory: Path) -> StudyConfig:
    """What the reader makes of the files where no study.yaml stands beside them."""
    systems = sorted(study.config.system_ids, key=lambda system: (system != REFERENCE, response_file("", system)))
    return StudyConfig(name=directory.resolve().name, systems=tuple(System(id=system) for system in systems))


def _refuse_other_files(directory: Path, files: Iterable[str]) -> None:
    if directory.is_dir():
        marks = (PROMPTS_SUFFIX, RESPONSE_SUFFIX, JUDGE_SUFFIX)
        names = [path.name for path in directory.iterdir() if path.name.endswith(marks)]
        fixed = [PROMPTS, RESPONSES, VOTES, VERDICTS, ASSIGNMENTS, CONFIG_FILE]
        refuse_strangers(directory, [name for name in [*names, *fixed] if name not in set(files)])
