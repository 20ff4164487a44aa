"""How a post and its answer become chat messages."""

from __future__ import annotations

Message = dict[str, str]


def user_text(title: str, body: str) -> str:
    """As the published test prompts have it."""
    return f"{title} - {body}"


def prompt_messages(system: str, title: str, body: str) -> list[Message]:
    """What stands before the answer."""
    said = [{"role": "system", "content": system}] if system else []
    return [*said, {"role": "user", "content": user_text(title, body)}]


def answer_message(answer: str) -> Message:
    return {"role": "assistant", "content": answer}
