"""The data card: the funnel, the splits and histograms in one HTML file that needs no network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from finetune.curation.funnel import Step
from finetune.curation.histograms import Histogram, Histograms
from finetune.curation.recipe import Curation

_PAGE = Path(__file__).with_name("card.html")

_ABOUT = {
    "train": "for training",
    "validation": "for validation",
    "quick": "of the validation set, for quick checks",
    "preference": "set aside for preference data, with runners-up",
    "preference_pairs": "prompt, chosen and rejected, by score",
}


def data_card(
    steps: Sequence[Step],
    sizes: Mapping[str, int],
    notes: Sequence[str],
    bad: tuple[int, Sequence[str]],
    histograms: Histograms,
    recipe: Curation,
) -> str:
    """The page. `bad` is how many lines were skipped, and those of them that are quoted."""
    figures = [_figure(one) for one in histograms]
    parts = {
        "FUNNEL": "\n".join(_funnel_row(step) for step in steps),
        "SPLITS": "\n".join(
            f"<tr><th scope=row><code>{name}</code></th><td class=n>{count:,}</td><td>{_ABOUT[name]}</td></tr>"
            for name, count in sizes.items()
        ),
        "NOTES": _list([*notes, *_bad_lines(*bad)]),
        "RECIPE": escape(recipe.as_yaml()),
        "FIGURES": "\n".join(_place(number, one) for number, one in enumerate(histograms)),
        # "</" would end the script that holds it.
        "DATA": json.dumps(figures, ensure_ascii=False).replace("</", "<\\/"),
        "PLOTLY": _plotly(),
    }
    page = _PAGE.read_text("utf-8")
    for name, text in parts.items():
        page = page.replace(f"<!--{name}-->", text)
    return page


def _funnel_row(step: Step) -> str:
    lost = step.before - step.after
    share = step.after / step.before if step.before else 1.0
    changed = f"{step.changed:,}" if step.changed is not None else ""
    return (
        f"<tr><th scope=row><code>{escape(step.name)}</code></th><td>{escape(step.unit)}</td>"
        f"<td class=n>{step.before:,}</td><td class=n>{step.after:,}</td>"
        f"<td class=n>{f'−{lost:,}' if lost else ''}</td><td class=n>{changed}</td>"
        f'<td class=b><i style="width:{100 * share:.1f}%"></i></td><td>{escape(step.says)}</td></tr>'
    )


def _bad_lines(count: int, quoted: Sequence[str]) -> list[str]:
    if not count:
        return []
    more = f"; the first {len(quoted)}:" if count > len(quoted) else ":"
    return [f"{count:,} bad line{'s' if count > 1 else ''} skipped{more}", *quoted]


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>" if lines else ""


def _place(number: int, histogram: Histogram) -> str:
    said = "no pairs"
    if histogram.mean is not None:
        said = f"mean {histogram.mean:,.0f}, from {histogram.lowest:,} to {histogram.highest:,} {histogram.unit}"
    return (
        f"<figure><figcaption><b>{escape(histogram.title)}</b>: {said}</figcaption>"
        f'<div class=chart id="chart{number}" role=img aria-label="{escape(histogram.title)}: {said}"></div></figure>'
    )


def _figure(histogram: Histogram) -> dict[str, Any]:
    bars = histogram.bars()
    return {
        "x": [str(start) for start, _, _ in bars],
        "values": [label for _, label, _ in bars],
        "y": [count for _, _, count in bars],
        "unit": histogram.unit,
    }


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
