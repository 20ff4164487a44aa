"""The names of the published layout's files, and the systems and judges that they stand for."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from ppai.schema import Arm

PROMPTS_SUFFIX = "test_samples.jsonl"
RESPONSE_SUFFIX = "_response.jsonl"
JUDGE_SUFFIX = "_judge_output.csv"

REFERENCE = "base"
SHORT_NAMES = {"ft": "finetuned"}
"""What the original study's files call a system, and its id here."""

NAMED_JUDGES = {"pretendparentai_gpt_as": "gpt-4o"}
"""Judges of the original study that saw the systems' names: stem of the file, and name here."""

_FURTHER = re.compile(rf"(?P<stem>[^@]+)@(?P<arm>{'|'.join(Arm)})@(?P<sample>0|[1-9][0-9]{{0,5}})")


def prompt_files(directory: Path) -> list[Path]:
    """The prompt files of a directory in the published layout; one is right."""
    return sorted(path for path in directory.iterdir() if path.name.endswith(PROMPTS_SUFFIX))


def response_files(prompts: Path) -> list[tuple[str, Path]]:
    """(what the name says of the system, file) for each file of responses beside one of prompts."""
    start = f"{prompts.name.removesuffix('.jsonl')}_"
    found = [
        (path.name.removeprefix(start).removesuffix(RESPONSE_SUFFIX), path)
        for path in prompts.parent.iterdir()
        if path.name.startswith(start) and path.name.endswith(RESPONSE_SUFFIX)
    ]
    return sorted((row for row in found if row[0]), key=lambda row: (row[0] != REFERENCE, row[0]))


def judge_files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.name.endswith(JUDGE_SUFFIX))


def response_file(stem: str, system: str) -> str:
    """The name of a system's file; `system_of` gives the system back."""
    short = next((name for name, long in SHORT_NAMES.items() if long == system), None)
    return f"{stem}_{short or _encoded(system, SHORT_NAMES)}{RESPONSE_SUFFIX}"


def system_of(part: str, listed: Collection[str], parts: Collection[str]) -> str:
    """The system that one of the parts of files' names stands for, given those that study.yaml lists."""
    long = SHORT_NAMES.get(part)
    if part in listed and (long not in listed or long in parts):
        return part
    return long or unquote(part)


@dataclass(frozen=True)
class JudgeFile:
    """What the name of a judge's file says."""

    judge: str
    named: bool
    """Whether it saw the systems' names."""
    arm: Arm = Arm.AS_IS
    sample: int = 0


def judge_file(of: JudgeFile) -> str:
    """The name of a judge's file, such as `JUDGE_judge_output.csv`, or of its further arms and samples
    `JUDGE@plain@2_judge_output.csv`; `judge_of` reads it back."""
    original = next((stem for stem, name in NAMED_JUDGES.items() if of.named and name == of.judge), None)
    further = "" if (of.arm, of.sample) == (Arm.AS_IS, 0) else f"@{of.arm.value}@{of.sample}"
    return f"{original or _encoded(of.judge, NAMED_JUDGES)}{further}{JUDGE_SUFFIX}"


def judge_of(path: Path) -> JudgeFile:
    """What the name of a file says; a judge's own `@` is percent-encoded there."""
    part = path.name.removesuffix(JUDGE_SUFFIX)
    further = _FURTHER.fullmatch(part)
    arm, sample = (Arm(further["arm"]), int(further["sample"])) if further else (Arm.AS_IS, 0)
    stem = further["stem"] if further else part
    original = NAMED_JUDGES.get(stem)
    return JudgeFile(original or unquote(stem), original is not None, arm, sample)


def _encoded(name: str, reserved: dict[str, str]) -> str:
    """The name percent-encoded where a file's name could not hold it, or would mean something else."""
    text = quote(name, safe=" ")
    if name in reserved or text.startswith((".", " ")) or text.endswith(" "):
        text = "".join(f"%{byte:02X}" for byte in name.encode())
    return text


def stem_for(study_name: str) -> str:
    """A stem for the files of a study, from its name."""
    words = re.sub(r"[^a-z0-9]+", "_", study_name.lower()).strip("_")
    words = words.removesuffix("test_samples").strip("_")[:60] or "study"
    return f"{words}_{PROMPTS_SUFFIX.removesuffix('.jsonl')}"
