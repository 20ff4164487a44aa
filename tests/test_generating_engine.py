"""The local engine: what a response depends on, how it is drawn, batches, memory, streams, an adapter on its base."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_model import write_small_base

from eval.generating.batches import BatchLimits, halved, plan
from eval.generating.decoding import Row
from eval.generating.engine import Engine, Request, Settings, Written
from eval.generating.sampling import NUCLEUS, Sampler
from ppai.errors import MissingPackage, PPAIError

POSTS = [
    "Our son (3) will not sleep alone.",
    "How do you get a teenager to talk at dinner? We have tried everything, from jokes to bribes, and all we get is "
    "yes and no. My husband says to wait. I say that we have waited for two years.",
    "Biting.",
    "She is 6 and afraid of dogs, and our new neighbours have three. Any ideas?",
    "Screens, again.",
    "Twins, one bedroom, and two bedtimes: does this ever work?",
]
TIE = 1e-3


def row(place: int, length: int, adapted: bool = False, new: int = 10) -> Row:
    return Row(place, [1] * length, Settings(max_new_tokens=new), place, adapted)


def lengths(batches: list[list[Row]]) -> list[list[int]]:
    return [[len(one.prompt) for one in batch] for batch in batches]


def test_batches_are_of_like_lengths_the_longest_first() -> None:
    rows = [row(place, length) for place, length in enumerate([5, 90, 7, 80, 6])]
    assert lengths(plan(rows, BatchLimits(2, 1000), mixed=True)) == [[90, 80], [7, 6], [5]]


def test_a_batch_has_room_for_its_longest_prompt_times_its_rows() -> None:
    rows = [row(place, length) for place, length in enumerate([90, 40, 40, 40])]
    assert lengths(plan(rows, BatchLimits(9, 150), mixed=True)) == [[90], [40, 40, 40]]
    assert lengths(plan(rows, BatchLimits(9, 20), mixed=True)) == [[90], [40], [40], [40]]


def test_rows_with_and_without_the_adapter_stand_together_only_where_that_is_possible() -> None:
    rows = [row(place, 5, adapted=place % 2 == 1) for place in range(4)]
    assert len(plan(rows, BatchLimits(4, 1000), mixed=True)) == 1
    apart = plan(rows, BatchLimits(4, 1000), mixed=False)
    assert [[one.place for one in batch] for batch in apart] == [[0, 2], [1, 3]]


def test_halves_keep_every_row() -> None:
    rows = [row(place, 5) for place in range(5)]
    assert [[one.place for one in batch] for batch in halved([rows[:3], rows[3:]], 2)] == [[0, 1], [2], [3, 4]]


@pytest.mark.parametrize(
    ("name", "value"), [("max_new_tokens", 0), ("temperature", -1), ("top_p", 1.1), ("repetition_penalty", 0)]
)
def test_settings_that_sample_nothing_are_named(name: str, value: float) -> None:
    with pytest.raises(PPAIError, match=f"--{name.replace('_', '-')} must be"):
        Settings(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    if package == "transformers":
        pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackage, match=r"ppai\[live\]"):
        Engine.open("smollm2-135m-instruct")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    return write_small_base(tmp_path_factory.mktemp("engine") / "base")


def write_adapter(base: Path, folder: Path, **config: Any) -> Path:
    """With random weights in place of trained ones."""
    import torch
    from peft import LoraConfig, get_peft_model

    from finetune.model import load_base

    torch.manual_seed(0)
    model, _ = load_base(str(base))
    lora = LoraConfig(
        r=4, target_modules=["q_proj", "up_proj"], init_lora_weights=False, task_type="CAUSAL_LM", **config
    )
    adapted = get_peft_model(model, lora)
    for name, weights in adapted.named_parameters():
        if "trainable_tokens" in name:
            torch.nn.init.normal_(weights)
    adapted.save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def adapter(base: Path) -> Path:
    pytest.importorskip("peft")
    return write_adapter(base, base.parent / "adapter")


@pytest.fixture(scope="module")
def engine(base: Path, adapter: Path) -> Engine:
    return Engine.open(str(base), str(adapter), device="cpu")


def wanted(**settings: Any) -> list[Request]:
    """Base and adapter in turn."""
    how = Settings(**({"max_new_tokens": 24} | settings))
    return [
        Request(str(place), ({"role": "user", "content": post},), 100 + place, place % 2 == 1, how)
        for place, post in enumerate(POSTS)
    ]


def written(engine: Engine, requests: list[Request], **options: Any) -> dict[str, Written]:
    return {one.key: one for one in engine.write(requests, **options)}


def assert_same(engine: Engine, found: dict[str, Written], texts: dict[str, str]) -> None:
    """But for ties, of which these few texts have none or one."""
    places = {key: engine.first_difference(one, texts[key]) for key, one in found.items()}
    different = {key: found[key].margins[place] for key, place in places.items() if place is not None}
    assert all(margin < TIE for margin in different.values()), different
    assert len(different) <= 1, different


def joined(pieces: Iterator[tuple[int, str, bool]]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for place, text, _ in pieces:
        texts[str(place)] = texts.get(str(place), "") + text
    return texts


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_a_response_does_not_depend_on_its_batch(engine: Engine, temperature: float) -> None:
    requests = wanted(temperature=temperature)
    alone = {key: one.raw for key, one in written(engine, requests, batch_size=1).items()}
    assert len(set(alone.values())) == len(POSTS)
    assert_same(engine, written(engine, requests), alone)
    assert_same(engine, written(engine, requests[::-1], batch_size=4), alone)
    assert_same(engine, written(engine, requests), joined(engine.stream(requests, threading.Event())))


@pytest.mark.slow
def test_rows_of_one_batch_may_have_settings_of_their_own(engine: Engine) -> None:
    several = [
        replace(one, settings=Settings(max_new_tokens=4 + place, temperature=0.5 * place, repetition_penalty=1 + place))
        for place, one in enumerate(wanted())
    ]
    found = written(engine, several)
    assert {key: len(one.margins) for key, one in found.items()} == {str(place): 4 + place for place in range(6)}
    assert_same(engine, found, {key: one.raw for key, one in written(engine, several, batch_size=1).items()})


@pytest.mark.slow
def test_greedy_texts_are_those_of_transformers(engine: Engine, base: Path, adapter: Path) -> None:
    from finetune.adapter import load_adapted, read_adapter
    from finetune.model import load_model

    requests = wanted(temperature=0)
    texts = {}
    for model, tokenizer, adapted in (
        (*load_model(str(base)), False),
        (*load_adapted(read_adapter(adapter), base=str(base), device="cpu"), True),
    ):
        for one in (one for one in requests if one.adapted is adapted):
            given = tokenizer.apply_chat_template(
                list(one.messages), add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
            out = model.generate(**given, do_sample=False, max_new_tokens=24, repetition_penalty=1.15)
            texts[one.key] = tokenizer.decode(out[0, given["input_ids"].shape[1] :], skip_special_tokens=True)
    assert_same(engine, written(engine, requests), texts)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [3.0, 0.1])
def test_tokens_are_drawn_with_the_probabilities_of_transformers(spread: float) -> None:
    """Of a narrow nucleus and of one of nearly the whole vocabulary."""
    import torch
    from transformers import RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopPLogitsWarper

    how, count, vocabulary = Settings(max_new_tokens=1, temperature=0.8, top_p=0.9), 20_000, 2 * NUCLEUS
    prompt = [3, 5, 5, 7]
    logits = torch.randn(1, vocabulary, generator=torch.Generator().manual_seed(1)) * spread
    scores = RepetitionPenaltyLogitsProcessor(how.repetition_penalty)(torch.tensor([prompt]), logits.clone())
    ids = torch.tensor([prompt])
    for warper in (TemperatureLogitsWarper(how.temperature), TopPLogitsWarper(how.top_p)):
        scores = warper(ids, scores)
    expected = count * scores.softmax(-1)[0]
    sampler = Sampler([how] * count, range(count), [prompt] * count, "cpu")
    tokens, _ = sampler.next(logits.expand(count, -1), 0)
    found = torch.bincount(tokens, minlength=vocabulary)
    assert (expected > 0).sum() > NUCLEUS if spread < 1 else (expected > 0).sum() < NUCLEUS
    assert found[expected == 0].sum() == 0
    assert ((found - expected).abs() < 5 * expected.sqrt() + 3).all()


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_what_is_nearer_than_the_margin_draws_no_other_token(temperature: float) -> None:
    import torch

    generator = torch.Generator().manual_seed(2)
    how, rows = Settings(max_new_tokens=1, temperature=temperature), 400
    logits = 3 * torch.randn(rows, 300, generator=generator)

    def drawn(given: Any) -> Any:
        return Sampler([how] * rows, range(rows), [[0]] * rows, "cpu").next(given, 0)

    tokens, margins = drawn(logits)
    assert (margins >= 0).all()
    assert (margins < TIE).sum() < rows / 10
    for size in (1e-2, 1e-3, 1e-4):
        noise = size * (2 * torch.rand(logits.shape, generator=generator) - 1)
        others, _ = drawn(logits + noise)
        moved = others != tokens
        assert (margins[moved] < 4 * size).all()


@pytest.mark.slow
def test_a_batch_that_does_not_fit_is_done_again_in_halves(base: Path) -> None:
    import torch

    engine = Engine.open(str(base), device="cpu")
    requests = [replace(one, adapted=False) for one in wanted()]
    whole = {key: one.raw for key, one in written(engine, requests).items()}
    sizes: list[int] = []

    def full(_: Any, __: Any, given: dict[str, Any]) -> None:
        sizes.append(len(given["input_ids"]))
        if sizes[-1] > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")

    hook, limit = engine._model.register_forward_pre_hook(full, with_kwargs=True), 2
    try:
        assert_same(engine, written(engine, requests), whole)
        assert sizes[:3] == [6, 3, 2]
        assert max(sizes[2:]) == 2
        limit = 0
        with pytest.raises(PPAIError, match="a single response does not fit into memory"):
            written(engine, requests)
    finally:
        hook.remove()


@pytest.mark.slow
def test_halves_of_a_batch_with_and_without_the_adapter_keep_to_their_own(engine: Engine) -> None:
    """Memory runs out in the middle of the model, when its layers have been told which rows the adapter is for."""
    import torch

    requests = wanted(temperature=0)
    assert len({one.adapted for one in requests}) == 2
    whole = {key: one.raw for key, one in written(engine, requests).items()}

    def full(_: Any, given: tuple[Any, ...]) -> None:
        if len(given[0]) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")

    hook = engine._model.get_base_model().model.layers[-1].mlp.down_proj.register_forward_pre_hook(full)
    try:
        assert_same(engine, written(engine, requests), whole)
    finally:
        hook.remove()


@pytest.mark.slow
def test_a_prompt_that_the_context_does_not_hold_is_named(engine: Engine) -> None:
    long = Request("p7", ({"role": "user", "content": "word " * 9000},), 1)
    with pytest.raises(PPAIError, match=r"prompt 'p7' is of 9\d\d\d tokens: the model has room for 8042"):
        written(engine, [long])


@pytest.mark.slow
def test_an_adapter_that_is_not_there_is_not_passed_over(base: Path) -> None:
    with pytest.raises(PPAIError, match="no adapter"):
        written(Engine.open(str(base), device="cpu"), wanted())


@pytest.mark.slow
def test_pieces_are_of_whole_characters_and_make_up_the_text(engine: Engine) -> None:
    """Of an owl and a moon the tokens are parts: the model is made to write them."""
    text = "Good night \U0001f989\U0001f319, schl\u00e4ft gut \u5b89"
    ids = engine._tokenizer(text, add_special_tokens=False)["input_ids"]
    assert any(engine._tokenizer.decode(ids[:count]).endswith("\ufffd") for count in range(len(ids)))
    waiting = iter(ids)

    def make(_: Any, __: Any, output: Any) -> None:
        output.logits[:, -1, next(waiting)] = 1e6

    hook = engine._model.register_forward_hook(make)
    try:
        one = wanted(temperature=0, max_new_tokens=len(ids))[:1]
        pieces = list(engine.stream(one, threading.Event()))
    finally:
        hook.remove()
    assert "".join(piece for _, piece, _ in pieces) == text
    assert len(pieces) < len(ids)
    assert not any("\ufffd" in piece for _, piece, _ in pieces)
    assert [finished for _, _, finished in pieces] == [False] * (len(pieces) - 1) + [True]


@pytest.mark.slow
def test_a_stream_ends_where_it_is_told_to(engine: Engine) -> None:
    stop, pieces = threading.Event(), []
    for piece in engine.stream(wanted(temperature=0), stop):
        pieces.append(piece)
        stop.set()
    assert 1 <= len(pieces) <= len(POSTS)
    assert not any(finished for _, _, finished in pieces)


@pytest.mark.slow
def test_a_stream_says_which_answers_the_limit_ended(engine: Engine) -> None:
    one = wanted(temperature=0)[0]
    first = next(engine.write([one])).tokens[0]
    stopping = Engine(engine._model, engine._tokenizer, adapted=True, ends=frozenset({first}))
    never = Engine(engine._model, engine._tokenizer, adapted=True, ends=frozenset())
    for able, expected in ((stopping, set()), (never, {0})):
        limited: set[int] = set()
        assert [finished for _, _, finished in able.stream([one], threading.Event(), limited)][-1]
        assert limited == expected
        assert next(able.write([one])).ended is (not expected)


@pytest.mark.slow
def test_streams_of_several_threads_do_not_change_each_other(engine: Engine) -> None:
    requests = wanted(temperature=0)
    groups = [[one for one in requests if one.adapted is adapted] for adapted in (False, True)]
    alone = [joined(engine.stream(group, threading.Event())) for group in groups]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(lambda group: joined(engine.stream(group, threading.Event())), groups))
    assert together == alone


@pytest.mark.slow
@pytest.mark.parametrize("option", [{"use_dora": True}, {"trainable_token_indices": list(range(300))}])
def test_an_adapter_that_cannot_be_told_apart_by_row_has_batches_of_its_own(
    engine: Engine, base: Path, tmp_path: Path, option: dict[str, Any]
) -> None:
    other = Engine.open(str(base), str(write_adapter(base, tmp_path / "other", **option)), device="cpu")
    requests = wanted(temperature=0)
    found, plain = written(other, requests), written(engine, requests)
    assert {key: one.raw for key, one in found.items()} == joined(other.stream(requests, threading.Event()))
    assert [found[one.key].raw == plain[one.key].raw for one in requests if not one.adapted] == [True] * 3


@pytest.mark.slow
def test_adapters_of_other_kinds_have_batches_of_their_own(base: Path) -> None:
    from peft import LoKrConfig, VBLoRAConfig, get_peft_model

    from eval.generating.row_adapter import RowAdapter
    from finetune.model import load_base

    for config in (LoKrConfig, VBLoRAConfig):
        more = {"vector_length": 64} if config is VBLoRAConfig else {}
        kind = config(target_modules=["q_proj"], task_type="CAUSAL_LM", **more)
        assert not RowAdapter(get_peft_model(load_base(str(base))[0], kind)).mixes


@pytest.mark.slow
def test_a_template_that_knows_no_system_gets_its_words_with_the_post(base: Path) -> None:
    engine = Engine.open(str(base), device="cpu")
    both = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": POSTS[0]}]
    one = [{"role": "user", "content": f"Be kind.\n\n{POSTS[0]}"}]
    engine._tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    )
    found = written(engine, [Request("both", tuple(both), 1), Request("one", tuple(one), 1)])
    assert found["both"].raw == found["one"].raw


@pytest.mark.slow
def test_the_first_difference_from_a_text_is_found_by_its_token(engine: Engine) -> None:
    found = next(engine.write(wanted()[:1]))
    assert engine.first_difference(found, found.raw) is None
    start = str(engine._tokenizer.decode(found.tokens[:9], skip_special_tokens=True))
    assert engine.first_difference(found, start + "~~~") == 9
    assert engine.first_difference(found, "~~~") == 0
    assert engine.first_difference(found, found.raw + " and more") == len(found.margins) - 1
