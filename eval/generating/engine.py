"""Writes responses in this process: one base in memory, perhaps an adapter on it, many prompts at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any, Self

from eval.generating.batches import BatchLimits, halved, plan
from eval.generating.decoding import Decoding, Row
from eval.generating.row_adapter import RowAdapter
from eval.generating.sampling import Settings
from ppai.errors import MissingPackage, PPAIError
from ppai.hub import trouble

__all__ = ["Engine", "Request", "Settings", "Written"]

ROWS_CPU, ROWS_GPU = 32, 256
"""Responses written together, at most."""
TOKENS_CPU, TOKENS_GPU = 16_384, 65_536
"""Tokens that a batch has room for, at most: prompts, padding and what is written."""
SECONDS = 20.0
"""Without a word from the hub after which it is given up."""


@dataclass(frozen=True)
class Request:
    """One response that is wanted."""

    key: str
    messages: tuple[Mapping[str, str], ...]
    seed: int
    adapted: bool = False
    """Whether the adapter writes it; else the base alone."""
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class Written:
    """One response."""

    key: str
    raw: str
    tokens: tuple[int, ...]
    """New ones, without the end."""
    ended: bool
    """By the model; False where the limit of new tokens ended it."""
    margins: tuple[float, ...]
    """For each token, and the end: how little would have given another one; see `Sampler.next`."""


class Engine:
    """A base in memory, and perhaps an adapter on it that each response has or has not."""

    def __init__(self, model: Any, tokenizer: Any, *, adapted: bool, ends: frozenset[int] | None = None) -> None:
        """`adapted` says that the model is PEFT's; `ends` are the tokens that end a response, None for the model's."""
        from finetune.model import end_tokens

        self._model, self._tokenizer, self.adapted = model, tokenizer, adapted
        self._ends = frozenset(end_tokens(model.generation_config, tokenizer)) if ends is None else ends
        self._adapter = RowAdapter(model) if adapted else None
        self._mixes = self._adapter is None or self._adapter.mixes
        base = model.get_base_model() if adapted else model
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in signature(base.forward).parameters else {}
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls, model: str, adapter: str | None = None, *, device: str | None = None, four_bit: bool | None = None
    ) -> Self:
        """Loads a base, and an adapter of it.

        `model` is a folder, a GGUF file, a hub id or the packaged model; `adapter` a directory or a hub id; `device`
        None is a GPU where there is one; `four_bit` None loads in NF4 on a GPU what is not quantized yet. Raises
        MissingPackage, and PPAIError where either cannot be loaded or they do not fit.
        """
        try:
            import torch
            import transformers  # noqa: F401
        except ImportError as error:
            raise MissingPackage(error.name or "torch", "live") from None
        from finetune.adapter import four_bits, load_adapted, read_adapter
        from finetune.model import is_quantized, load_base

        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        four_bit = (device != "cpu" and not is_quantized(model)) if four_bit is None else four_bit
        if adapter is not None:
            loaded, tokenizer = load_adapted(
                read_adapter(fetched(adapter)), base=model, device=device, dtype="bfloat16", four_bit=four_bit
            )
            return cls(loaded, tokenizer, adapted=True)
        loaded, tokenizer = load_base(
            model, dtype="float32" if device == "cpu" else "auto", quantization=four_bits(model) if four_bit else None
        )
        return cls((loaded if four_bit else loaded.to(device)).eval(), tokenizer, adapted=False)

    def described(self) -> dict[str, str]:
        """Where the model computes, and in which precision: `cpu` and `float32`, say."""
        import torch

        device = self._model.device.type
        four_bit = bool(getattr(self._model, "is_loaded_in_4bit", False))
        dtype = "nf4" if four_bit else str(self._model.dtype).removeprefix("torch.")
        return {"device": torch.cuda.get_device_name() if device == "cuda" else device, "dtype": dtype}

    def write(self, requests: Sequence[Request], *, batch_size: int | None = None) -> Iterator[Written]:
        """All responses, batch by batch of prompts of like length, in the order in which they are finished.

        Without a `batch_size` it is chosen for the device. A batch that does not fit into memory is done again in
        halves. Raises PPAIError where a prompt is too long, or a single response does not fit.
        """
        if batch_size is not None and batch_size < 1:
            raise PPAIError(f"--batch-size must be 1 or above, not {batch_size}")
        on_cpu = self._model.device.type == "cpu"
        limits = BatchLimits(batch_size or (ROWS_CPU if on_cpu else ROWS_GPU), TOKENS_CPU if on_cpu else TOKENS_GPU)
        rows = [self._row(place, request) for place, request in enumerate(requests)]
        waiting = plan(rows, limits, mixed=self._mixes)
        while waiting:
            batch = waiting.pop(0)
            try:
                for row in self._finished(batch):
                    yield self._written(requests[row.place].key, row)
            except (RuntimeError, MemoryError) as error:
                if not _out_of_memory(error):
                    raise
                left = [row.again() for row in batch if not row.finished]
                if len(left) < 2:
                    told = "a single response does not fit into memory: load the model in 4 bits, or write fewer tokens"
                    raise PPAIError(told) from None
            else:
                continue
            # Not in the handler: there the error's traceback still holds the batch's memory.
            self._free()
            waiting = halved([left, *waiting], (len(left) + 1) // 2)

    def stream(
        self, requests: Sequence[Request], stop: threading.Event, limited: set[int] | None = None
    ) -> Iterator[tuple[int, str, bool]]:
        """A few responses written together, piece by piece: (place of the request, new text, whether it is finished).

        A piece is of whole characters; put together they are the `raw` of `write`. Ends soon after `stop` is set, and
        then without a last piece. The places that the limit of new tokens ended are added to `limited`, each before
        its last piece. Raises as `write` does.
        """
        rows = [self._row(place, request) for place, request in enumerate(requests)]
        told = [""] * len(rows)
        groups = [rows] if self._mixes else [[row for row in rows if row.adapted is one] for one in (False, True)]
        open_ones = [self._decoding(group) for group in groups if group]
        while open_ones and not stop.is_set():
            for decoding in open_ones:
                for row in decoding.step():
                    text = self._text(row)
                    whole = row.finished or not text.endswith("\ufffd")
                    new = text[len(told[row.place]) :] if whole else ""
                    told[row.place] += new
                    if limited is not None and row.finished and not row.ended:
                        limited.add(row.place)
                    if new or row.finished:
                        yield row.place, new, row.finished
            open_ones = [decoding for decoding in open_ones if decoding.running]

    def _finished(self, batch: Sequence[Row]) -> Iterator[Row]:
        decoding = self._decoding(batch)
        while decoding.running:
            yield from [row for row in decoding.step() if row.finished]

    def _decoding(self, rows: Sequence[Row]) -> Decoding:
        return Decoding(self._logits, self._model.config, rows, self._ends, self._model.device)

    def _logits(self, rows: Sequence[Row], given: Mapping[str, Any]) -> Any:
        """Of the next token of each row; one step at a time, as the adapter is switched for all threads alike."""
        with self._lock, self._adapter.of(rows) if self._adapter else nullcontext():
            return self._model(**given, **self._last_only).logits[:, -1]

    def _row(self, place: int, request: Request) -> Row:
        if request.adapted and not self.adapted:
            raise PPAIError(f"{request.key}: the model has no adapter to write with")
        prompt = self._tokens(request)
        limit = getattr(self._model.config, "max_position_embeddings", None)
        if limit is not None and len(prompt) + request.settings.max_new_tokens > limit:
            room = limit - request.settings.max_new_tokens
            raise PPAIError(
                f"prompt {request.key!r} is of {len(prompt)} tokens: the model has room for {max(0, room)} "
                f"beside {request.settings.max_new_tokens} new ones"
            )
        return Row(place, prompt, request.settings, request.seed, request.adapted)

    def _tokens(self, request: Request) -> list[int]:
        """The chat template's; what the system says is put before the post where the template knows no system."""
        from jinja2 import TemplateError

        messages = [dict(one) for one in request.messages]
        try:
            found = self._templated(messages)
        except ValueError as error:
            raise PPAIError(f"the model's tokenizer cannot write a chat: {error}".splitlines()[0]) from None
        except TemplateError:
            if len(messages) < 2 or messages[0]["role"] != "system":
                raise PPAIError(f"prompt {request.key!r}: the model's chat template does not take it") from None
            first, second, *others = messages
            found = self._templated([second | {"content": f"{first['content']}\n\n{second['content']}"}, *others])
        return list(found)

    def _templated(self, messages: list[dict[str, str]]) -> list[int]:
        encoded = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
        return list(encoded["input_ids"])

    def _text(self, row: Row) -> str:
        return str(self._tokenizer.decode(row.tokens, skip_special_tokens=True))

    def _written(self, key: str, row: Row) -> Written:
        return Written(key, self._text(row), tuple(row.tokens), row.ended, tuple(row.margins))

    def first_difference(self, written: Written, raw: str) -> int | None:
        """The place of the token with which `written` leaves the text `raw`; None where they are the same.

        Its margin, `written.margins[place]`, says whether rounding may have done it.
        """
        if written.raw == raw:
            return None
        for place in range(len(written.tokens)):
            text = str(self._tokenizer.decode(written.tokens[: place + 1], skip_special_tokens=True))
            if not raw.startswith(text.rstrip("\ufffd")):
                return place
        return len(written.margins) - 1

    def _free(self) -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _out_of_memory(error: BaseException) -> bool:
    """Of a GPU; and of a CPU, where torch says so in words alone."""
    import torch

    told = str(error)
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        words in told for words in ("out of memory", "not enough memory", "can't allocate", "ALLOC_FAILED")
    )


def fetched(adapter: str) -> Path:
    """The adapter's directory; one of the hub is fetched. Raises PPAIError where that does not come about."""
    path = Path(adapter)
    if path.is_dir():
        return path
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(adapter, allow_patterns=["adapter_*"], etag_timeout=SECONDS))
    except Exception as error:  # the hub, the network and the disk each have their own
        raise PPAIError(f"adapter {adapter!r} cannot be loaded: {trouble(error, right='read it')}") from error
