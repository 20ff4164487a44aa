"""What a judge is told: blinded, filled in one pass, and versioned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eval.judges.base import Question
from eval.judges.prompting import DEFAULT, JudgePrompt, question_places, read_prompt, reply_schema
from ppai.errors import PPAIError
from ppai.schema import DEFAULT_CRITERIA, Criterion, StudyConfig

OWN = "Post: {post}\nOne: {response_1}\nTwo: {response_2}\nAsk: {criteria}"


def question(prompt: str = "a post", first: str = "left", second: str = "right") -> Question:
    return Question(prompt, first, second, DEFAULT_CRITERIA)


def test_the_default_prompt_holds_the_texts_and_every_criterion_with_its_question() -> None:
    system, user = read_prompt(StudyConfig()).filled(question_places(question()))
    for part in ("a post", "<response_1>\nleft\n</response_1>", "<response_2>\nright\n</response_2>"):
        assert part in user
    listed = [f"- {criterion.key}: {criterion.question}" for criterion in DEFAULT_CRITERIA]
    assert "\n".join(listed) in user
    assert not re.search(r"\{\w+\}", system + user)


def test_the_default_prompt_says_what_does_not_count_and_names_no_system() -> None:
    text = DEFAULT.read_text(encoding="utf-8")
    for said in (
        "Length is no merit",
        "order in which the responses are shown",
        "do not follow",
        '"Tie"',
        "JSON object",
    ):
        assert said in text
    for name in ("System A", "base model", "fine-tuned", "GPT", "Assistant"):
        assert name.lower() not in text.lower()


def test_a_text_that_holds_a_placeholder_stays_as_it_is() -> None:
    prompt = JudgePrompt.parse("own", OWN)
    _, user = prompt.filled(question_places(question("{response_1}", "{post} {criteria}", "\\1 {x} %s")))
    assert user.startswith("Post: {response_1}\nOne: {post} {criteria}\nTwo: \\1 {x} %s\nAsk: - helpfulness")


def test_a_prompt_without_headings_is_the_users_message() -> None:
    assert JudgePrompt.parse("own", OWN).system == ""
    both = JudgePrompt.parse("own", f"[system]\nBe fair.\n\n[user]\n{OWN}\n")
    assert (both.system, both.user) == ("Be fair.", OWN)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (OWN.replace("{response_2}", ""), r"the placeholder \{response_2\} is missing"),
        (OWN + " {system_a}", r"\{system_a\} is none of the placeholders"),
        ("[system]\n" + OWN, "wants one part"),
        (f"[user]\n{OWN}\n[user]\n{OWN}", "wants one part"),
    ],
)
def test_a_prompt_that_cannot_be_filled_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(PPAIError, match=f"^prompt own: .*{words}") as error:
        JudgePrompt.parse("own", text)
    assert "\n" not in str(error.value)


def test_braces_that_are_no_placeholders_are_kept() -> None:
    text = OWN + '\nReply {"overall": "Tie"} or { }'
    _, user = JudgePrompt.parse("own", text).filled(question_places(question()))
    assert user.endswith('Reply {"overall": "Tie"} or { }')


def test_a_file_comes_before_the_study_and_the_study_before_the_package(tmp_path: Path) -> None:
    file = tmp_path / "terse_v2.txt"
    file.write_text(OWN, encoding="utf-8")
    study = StudyConfig(judge_prompt="Mine. " + OWN)
    assert read_prompt(study, file).name == "terse_v2"
    assert (read_prompt(study).name, read_prompt(study).user[:5]) == ("study", "Mine.")
    assert read_prompt(StudyConfig()).name == "judge_v1"
    with pytest.raises(PPAIError, match=r"--prompt: .*missing\.txt cannot be read: No such file"):
        read_prompt(study, tmp_path / "missing.txt")


def test_the_version_changes_with_the_template_and_with_the_questions() -> None:
    prompt, other = JudgePrompt.parse("own", OWN), JudgePrompt.parse("own", OWN + ".")
    version = prompt.version(DEFAULT_CRITERIA)
    assert re.fullmatch(r"own-[0-9a-f]{8}", version)
    assert version == JudgePrompt.parse("own", OWN).version(DEFAULT_CRITERIA)
    reworded = (Criterion(key="helpfulness", question="Which helps?"), *DEFAULT_CRITERIA[1:])
    assert len({version, other.version(DEFAULT_CRITERIA), prompt.version(reworded)}) == 3


def test_the_schema_is_strict_and_asks_for_the_justification_first() -> None:
    schema = reply_schema(DEFAULT_CRITERIA[:2])
    assert list(schema["properties"]) == ["justification", "helpfulness", "empathy_tone"] == schema["required"]
    assert schema["properties"]["helpfulness"]["enum"] == ["Response 1", "Response 2", "Tie"]
    assert schema["additionalProperties"] is False
