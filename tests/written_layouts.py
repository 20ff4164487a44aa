"""Two small studies of five prompts as files: one as the original study was shared, one as an annotated test set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ppai.schema import DEFAULT_CRITERIA

STEM = "toy_posts_test_samples"
KEYS = [criterion.key for criterion in DEFAULT_CRITERIA]

POSTS = (
    ("Socks before shoes", "My 3/4-year-old insists on shoes first.\nMornings take an hour — any tricks?", "Dressing"),
    ("Peas again", 'She says "no green things" and hides peas under the plate.', "Food"),
    ("The lost rabbit", "His plush rabbit stayed on the train. He has cried since; what now?", "Comfort"),
    ("Two in one bath", "They splash until the floor swims. Should I bathe them apart?", "Bath"),
    ("Late reader", "Our daughter is seven and reads one word at a time. I'm worried… a bit.", "School"),
)
LISTED = (
    "A few things help: 1. Lay clothes out the night before. 2. Let him choose. 3. Praise/notice each step.",
    "Try this. (1) Serve one pea. (2) Say nothing. (3) Eat yours with joy.",
    "You could: 1) Call the lost-property office, 2) write the rabbit a letter, 3) read about trips.",
    "Consider: * a mat on the floor * one toy each * ten minutes at most",
    "At 7. Many children read so; give it time, and read aloud every evening.",
)
"""What the reference says: lists that run on inside a paragraph, and one number that opens no list."""
PLAIN = (
    "Ours did that too. I put the socks inside the shoes and called them a nest.",
    "We just stopped asking. A month later he stole peas from my plate, can you believe it?",
    "Oh no, poor boy. We wrote postcards from ours until a twin turned up.",
    "Mine are 2 and 5. I gave up on a dry floor.",
    "I was the same. My mum read to me every night, and one day it clicked.",
)
WINNERS = {
    "helpfulness": "AAAAB",
    "empathy_tone": "BBBAB",
    "creativity": "ABTTB",
    "clarity": "AAAAA",
    "relatability": "BBBBB",
    "adoptability": "ABABT",
    "overall": "ABAAB",
}
"""By criterion, the judge's word on each post: System A is the reference."""
WORDS = {"A": "System A", "B": "System B", "T": "Tie"}


def write_published_files(directory: Path) -> Path:
    """The published layout, as pandas writes it: System A, `base`, against `ft`, judged by one that saw the names."""
    directory.mkdir(parents=True, exist_ok=True)
    prompts = [
        {"id": n, "text": f"{title} - {body}", "title": title, "body": body, "prompt_ntokens_mistral": 40 + n}
        | {"topic": topic}
        for n, (title, body, topic) in enumerate(POSTS, start=1)
    ]
    files = {f"{STEM}.jsonl": prompts}
    for part, answers in (("base", LISTED), ("ft", PLAIN)):
        files[f"{STEM}_{part}_response.jsonl"] = [
            row | {"user_prompt": row["text"], "ai_answer": answer}
            for row, answer in zip(prompts, answers, strict=True)
        ]
    for name, rows in files.items():
        pd.DataFrame(rows).to_json(directory / name, orient="records", lines=True)
    table = pd.DataFrame({f"winner_{key}": [WORDS[letter] for letter in WINNERS[key]] for key in KEYS})
    table["justification"] = [f'System {letter} said it "best", on the whole.' for letter in WINNERS["overall"]]
    table["id"] = range(1, len(POSTS) + 1)
    table.to_csv(directory / "pretendparentai_gpt_as_judge_output.csv")
    return directory


TOY_SYSTEMS = ("apple-1b", "birch-2b", "cedar-0.5b")
ANSWERED = ("apple birch", "apple cedar", "birch cedar", "apple birch cedar", "apple cedar")
"""Which systems answered each prompt: not every one has all."""
LABELS = (
    (1, "apple", "birch", "aab"),
    (2, "apple", "cedar", "bbb"),
    (3, "birch", "cedar", "ata"),
    (4, "apple", "birch", "abt"),
    (4, "birch", "cedar", "ttb"),
    (5, "apple", "cedar", "aaa"),
)
"""Prompt, the two systems in the files' fixed order, and what each of three people said."""
JUDGED = {"strict-judge": "ab?tba", "lenient-judge": "bbatba"}
"""What each judge said of the rows of `LABELS`; `?` could not be read."""

LONG = {short: name for name in TOY_SYSTEMS for short in [name.split("-")[0]]}
OUTCOMES = {"a": "a", "b": "b", "t": "tie"}


def write_annotated_files(directory: Path) -> Path:
    """The general layout as a labelled test set has it: every vote by every person, always in one order."""
    directory.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[dict[str, Any]]] = {
        "prompts": [{"id": n, "text": body, "topic": topic} for n, (_, body, topic) in enumerate(POSTS, start=1)],
        "responses": [
            {"prompt_id": n, "system": LONG[short], "text": f"{short} answers {n}" + "." * place}
            for n, shorts in enumerate(ANSWERED, start=1)
            for place, short in enumerate(shorts.split())
        ],
        "votes": [],
        "verdicts": [],
    }
    for place, (prompt, a, b, said) in enumerate(LABELS):
        pair = {"prompt_id": prompt, "system_a": LONG[a], "system_b": LONG[b]}
        rows["votes"] += [
            {"vote_id": f"{place}-{n}"} | pair | {"rater": f"annotator{n}", "outcomes": {"overall": OUTCOMES[letter]}}
            for n, letter in enumerate(said, start=1)
        ]
        for judge, letters in JUDGED.items():
            outcome = OUTCOMES.get(letters[place])
            answer = {"outcomes": {"overall": outcome}} if outcome else {"unscored": "could not be read"}
            rows["verdicts"].append({"judge": judge} | pair | answer)
    for name, lines in rows.items():
        (directory / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    systems = "".join(f"  - {{id: {name}, name: {name}}}\n" for name in TOY_SYSTEMS)
    (directory / "study.yaml").write_text(
        f"name: Toy test set\nreference: cedar-0.5b\nsystems:\n{systems}"
        "criteria:\n  - {key: overall, question: Which response is better overall?}\n"
    )
    return directory
