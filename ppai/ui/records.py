"""The figures of the page as tidy rows with all digits, and as comma-separated values. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ppai.ui.filters import Filters
from ppai.ui.labels import source_phrase, uncombined

Json = Mapping[str, Any]
Record = dict[str, Any]

INTERVAL_COLUMNS = ("arm", "topic", "criterion", "source", "figure", "of", "estimate", "low", "high", "n", "method")
RATE_COLUMNS = (*INTERVAL_COLUMNS, "sign_test_p", "sign_test_p_holm")


def interval_records(summary: Json, arm: str, topic: str | None) -> list[Record]:
    """Every share and win rate of people and judges, a row each."""
    records = []
    for criterion, by_source in summary["criteria"].items():
        for source, figures in uncombined(by_source).items():
            common = {"arm": arm, "topic": topic or "", "criterion": criterion, "source": source_phrase(source)}
            records += [
                common | {"figure": "share", "of": system} | share for system, share in figures["shares"].items()
            ]
            records.append(common | {"figure": "tie_share", "of": ""} | figures["tie_share"])
            records += [common | {"figure": "win_rate", "of": key} | rate for key, rate in figures["win_rate"].items()]
    return records


def rate_records(summary: Json, filters: Filters) -> list[Record]:
    """Every win rate as counted, at equal length, over raters too and combined with a judge, with its sign test."""
    records: list[Record] = []
    for criterion, by_source in summary["criteria"].items():
        for source, figures in by_source.items():
            common = {
                "arm": filters.arm,
                "topic": filters.topic or "",
                "criterion": criterion,
                "source": source_phrase(source),
            }
            tests, more = figures.get("sign_test", {}), figures.get("matchups", {})
            for name in ("win_rate", "length_controlled", "win_rate_two_way"):
                for key, rate in figures.get(name, {}).items():
                    beside = _tested(tests.get(key, {})) | _saved(more.get(key, {})) if name == "win_rate" else {}
                    records.append(common | {"figure": name, "of": key} | dict(rate) | beside)
    return records


def _tested(test: Json) -> Record:
    return {f"sign_test_{name}": test.get(name) for name in ("p", "p_holm")} if test else {}


def _saved(matchup: Json) -> Record:
    return {name: matchup.get(name) for name in ("n_labelled", "lambda", "votes_saved", "warning")} if matchup else {}


def topic_records(found: Iterable[tuple[str, str, Json]], criterion: str, arm: str) -> list[Record]:
    records = []
    for topic, source, rates in found:
        common = {"arm": arm, "topic": topic, "criterion": criterion, "source": source_phrase(source)}
        records += [common | {"figure": "win_rate", "of": key} | rate for key, rate in rates["win_rate"].items()]
        records += [common | {"figure": "share", "of": system} | share for system, share in rates["shares"].items()]
        records.append(common | {"figure": "tie_share", "of": ""} | rates["tie_share"])
    return records


def rater_records(raters: Mapping[str, Json]) -> list[Record]:
    return [
        {"rater": rater, **{key: value for key, value in habits.items() if key != "flags"}}
        | {"flags": " ".join(habits["flags"])}
        for rater, habits in raters.items()
    ]


def csv_text(records: Sequence[Record], columns: Sequence[str] = ()) -> str:
    """Comma-separated values; the named columns first. Text that a spreadsheet would run as a formula is quoted."""
    names = list(dict.fromkeys([*columns, *(name for record in records for name in record)]))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({name: _cell(value) for name, value in record.items()})
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value
