"""`ppai chat`: base and adapter side by side, answers piece by piece, and Ctrl-C."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from small_model import write_small_adapter
from talking import COMMAND, ENVIRONMENT, talked

from finetune.adapter import load_adapted, read_adapter
from finetune.chat import ADAPTER, BASE, Answer, Answering, Chat, Ended, talk
from finetune.model import end_tokens
from finetune.pieces import Pieces

pytestmark = pytest.mark.slow

QUESTION = "She will not sleep. What helped you?"


@pytest.fixture(scope="module")
def adapter(small_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_adapter(small_base, tmp_path_factory.mktemp("adapter") / "adapter")


def chat_with(adapter: Path, *names: str, system: str = "", tokens: int = 8) -> Chat:
    """Greedy."""
    return Chat(*load_adapted(read_adapter(adapter), device="cpu"), names, Answering(system, tokens, 0))


def answers(chat: Chat) -> dict[str, Answer]:
    return {voice.name: chat.answer(voice, QUESTION) for voice in chat.voices}


def test_both_sides_answer_with_one_model_in_memory(adapter: Path, small_base: Path) -> None:
    from finetune.model import load_model

    both = answers(chat_with(adapter, BASE, ADAPTER))
    alone = answers(Chat(*load_model(str(small_base)), (BASE,), Answering(max_new_tokens=8, temperature=0)))
    assert both[BASE] == alone[BASE] != both[ADAPTER]


def test_a_side_remembers_what_it_said_until_a_new_conversation(adapter: Path) -> None:
    chat = chat_with(adapter, BASE, ADAPTER, system="Be kind.", tokens=4)
    said: list[str] = []
    talk(chat, ["Hello\n", "\n", "And?\n"], said.append)
    assert [line.split(":")[0] for line in "".join(said).splitlines()] == [BASE, ADAPTER] * 2
    for voice in chat.voices:
        assert [one["role"] for one in voice.history] == ["system", *["user", "assistant"] * 2]
        assert voice.history[3]["content"] == "And?"
    assert chat.voices[0].history[2] != chat.voices[1].history[2]
    talk(chat, ["/new", "/quit", "Hello"], said.append)
    assert all(voice.history == [{"role": "system", "content": "Be kind."}] for voice in chat.voices)


def test_an_answer_that_is_cut_says_so(adapter: Path) -> None:
    model, tokenizer = load_adapted(read_adapter(adapter), device="cpu")
    assert tokenizer.eos_token_id in end_tokens(model.generation_config, tokenizer)
    said: list[str] = []
    chat = chat_with(adapter, ADAPTER, tokens=3)
    talk(chat, ["Hello"], said.append)
    answer = chat.voices[0].history[1]["content"]
    assert answer and "".join(said) == f"adapter: {answer} [cut at the limit]\n"


def test_an_answer_is_heard_while_it_is_made(adapter: Path) -> None:
    chat = chat_with(adapter, BASE, ADAPTER, tokens=12)
    for voice in chat.voices:
        pieces: list[str] = []
        answer = chat.answer(voice, QUESTION, pieces.append)
        assert len(pieces) > 3 and "".join(pieces) == answer.text == answer.text.strip()


def test_a_stop_ends_an_answer_with_the_next_token(adapter: Path) -> None:
    stop, whole = threading.Event(), chat_with(adapter, ADAPTER, tokens=500)
    heard: list[str] = []

    def hear(piece: str) -> None:
        heard.append(piece)
        if len(heard) == 3:
            stop.set()

    (voice,) = whole.voices
    stopped = whole.answer(voice, QUESTION, hear, stop)
    assert stopped.ended is Ended.BY_HAND and 3 <= len(heard) <= 5 and stopped.text == "".join(heard)
    assert voice.history[-1] == {"role": "assistant", "content": stopped.text}


def test_pieces_are_of_whole_characters_and_without_the_space_around() -> None:
    from finetune.model import PACKAGED, load_tokenizer

    tokenizer = load_tokenizer(PACKAGED)
    text = " \n\U0001f600 \u00dcber 1,\n\n 2 \u65e5\u672c\u8a9e!\U0001f468\u200d\U0001f469 \n"
    tokens = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
    pieces: list[str] = []
    streamer = Pieces(tokenizer, pieces.append)
    streamer.put(tokens)  # the prompt
    for token in [*tokens[0], tokenizer(tokenizer.eos_token, return_tensors="pt")["input_ids"][0]]:
        streamer.put(token)
    streamer.end()
    assert "".join(pieces) == text.strip() and len(pieces) > 8
    assert not any("\ufffd" in piece for piece in pieces)


def test_ctrl_c_stops_one_answer_and_keeps_the_talk(adapter: Path) -> None:
    chat = chat_with(adapter, BASE, ADAPTER, tokens=40)
    said: list[str] = []

    def write(text: str) -> None:
        said.append(text)
        if len(said) == 4:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    talk(chat, ["Hello", "And?"], write, by_hand=True)
    assert signal.getsignal(signal.SIGINT) is before
    shown = [
        f"{voice.name}: {voice.history[place]['content']}{Ended.AT_THE_LIMIT.value}\n"
        for place in (1, 3)
        for voice in chat.voices
    ]
    shown[0] = shown[0].replace(Ended.AT_THE_LIMIT.value, Ended.BY_HAND.value)
    assert "".join(said) == "".join(shown)


def test_ctrl_c_twice_ends_the_talk(adapter: Path) -> None:
    def write(text: str) -> None:
        if not text.endswith(": "):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        talk(chat_with(adapter, BASE), ["Hello"], write, by_hand=True)


def test_a_program_that_talks_is_ended_by_ctrl_c(adapter: Path) -> None:
    def write(text: str) -> None:
        if not text.endswith(": "):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        talk(chat_with(adapter, BASE), ["Hello"], write)


def test_the_command_talks_line_by_line(adapter: Path) -> None:
    done = talked(str(adapter), "--both", "--max-new-tokens", "4")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines() if line.startswith(("base:", "adapter:"))] == [
        "base",
        "adapter",
    ]


def test_ctrl_c_at_a_terminal_stops_an_answer_and_the_next_line_is_answered(adapter: Path) -> None:
    screen, terminal = pty.openpty()
    command = [*COMMAND, str(adapter), "--max-new-tokens", "1500", "--temperature", "0"]
    run = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=ENVIRONMENT)
    os.close(terminal)
    try:
        shown_until(screen, "you: ")
        for _ in range(2):
            os.write(screen, b"Hello\n")
            shown_until(screen, "adapter: ")
            assert os.read(screen, 1)  # of the answer, while it is made
            run.send_signal(signal.SIGINT)
            assert "[cut" not in shown_until(screen, " [stopped]\r\nyou: ")
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 0
    finally:
        run.kill()
        os.close(screen)


def shown_until(screen: int, end: str) -> str:
    shown, late = b"", time.monotonic() + 120
    while not shown.endswith(end.encode()) and time.monotonic() < late:
        if select.select([screen], [], [], 1)[0]:
            shown += os.read(screen, 1)
    assert shown.endswith(end.encode()), shown.decode(errors="replace")
    return shown.decode()
