"""Prints the README's samples: both systems' answers to every 33rd prompt of the shipped study.

python docs/samples.py
"""

from __future__ import annotations

from pathlib import Path

from ppai.schema import Study
from ppai.studyfiles import read_study

SHIPPED = Path(__file__).parents[1] / "data_to_share"
FIRST, STEP = 1, 33
"""Prompts are chosen by their ids alone: 1, 34, 67 and 100."""


def chosen(study: Study) -> list[str]:
    """The ids of the prompts that are shown."""
    return [str(number) for number in range(FIRST, len(study.prompts) + 1, STEP)]


def samples(study: Study) -> str:
    """Markdown: the title of each post, and beneath it what each system answered."""
    texts = {(one.prompt_id, one.system): one.text for one in study.responses}
    titles = {one.id: one.title or one.text for one in study.prompts}
    parts = []
    for prompt in chosen(study):
        parts.append(f"**{prompt}. {titles[prompt]}**")
        for system in study.config.systems:
            quoted = texts[prompt, system.id].replace("\n", "\n> ").replace("> \n", ">\n")
            parts.append(f"> *{system.label}:* {quoted}")
    return "\n\n".join(parts)


if __name__ == "__main__":
    print(samples(read_study(SHIPPED)))
