"""A report of each arm of a study, with the tables of what a page with controls would let one choose. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ppai.schema import Arm
from ppai.ui.filters import Choices, Filters
from ppai.ui.report import Data, Keeping, Report, make_report
from ppai.ui.table import Table

MOST_CHOICES = 60
"""Criteria times pairs of systems up to which every one has its tables; beyond, one pair of systems has."""


@dataclass(frozen=True)
class ArmReport:
    """What one way of showing responses gave."""

    arm: str
    report: Report
    others: Mapping[str, tuple[Table, ...]]
    """By section, its tables for the other criteria and pairs of systems."""


def arm_reports(
    data: Data, statistics: Any, criterion: str | None = None, summary: Mapping[str, Any] | None = None
) -> list[ArmReport]:
    """The report of `as_is`, then of each other arm with votes or verdicts; `criterion` is the study's primary one.

    Where nothing was said of responses as they are, the first arm stands alone or its others follow it. `summary` is
    the whole Summary of the data, where there is one already.
    """
    keeping = Keeping(summary=summary)
    choices = Choices.of(data.study, data.votes, data.verdicts)
    answered = {*data.votes["arm"].unique(), *data.verdicts["arm"].unique()}
    arms = [arm for arm in choices.arms if arm in answered] or [*choices.arms[:1]] or [Arm.AS_IS.value]
    return [_arm_report(data, statistics, choices, keeping, arm, criterion) for arm in arms]


def _arm_report(
    data: Data, statistics: Any, choices: Choices, keeping: Keeping, arm: str, criterion: str | None
) -> ArmReport:
    report = make_report(data, {"arm": arm, "criterion": criterion}, statistics, keeping)
    shown = {section.name: [*section.tables, *section.more] for section in report.sections}
    others: dict[str, list[Table]] = {}
    for request in _other_choices(choices, report.filters):
        for section in make_report(data, request, statistics, keeping).sections:
            known = shown.setdefault(section.name, [])
            new = [table for table in (*section.tables, *section.more) if not _told(table, known)]
            known.extend(new)
            others.setdefault(section.name, []).extend(new)
    return ArmReport(arm, report, {name: tuple(tables) for name, tables in others.items()})


def _told(table: Table, known: list[Table]) -> bool:
    """Whether tables have it already, or have each of its rows behind one more name, such as the criterion's."""
    longer = [row for one in known for row in one.rows if len(one.columns) > len(table.columns)]
    return table in known or all(any(one[-len(row) :] == row for one in longer) for row in table.rows)


def _other_choices(choices: Choices, shown: Filters) -> Iterator[dict[str, str]]:
    """As a browser would send them."""
    every = [matchup.key for matchup in choices.matchups] or [shown.matchup]
    matchups = every if len(every) * len(choices.criteria) <= MOST_CHOICES else [shown.matchup]
    for criterion in choices.criteria:
        for matchup in matchups:
            if (criterion, matchup) != (shown.criterion, shown.matchup):
                yield {"arm": shown.arm, "criterion": criterion, "matchup": matchup}
