"""Which of a few answers a causal language model finds most probable: read from the logits, nothing is generated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

Tokens = list[int]


class TooLong(Exception):
    """A prompt and its longest answer do not fit into the model's window; nothing was cut off."""

    def __init__(self, tokens: int, window: int) -> None:
        super().__init__(f"too long: {tokens} tokens of {window}")


@dataclass(frozen=True)
class Forks:
    """The token sequences of several prompts, each with the same answers, split where they part."""

    shared: Tokens
    """What all of them begin with."""
    prompts: list[Tokens]
    """What follows for each prompt, up to where its answers part; never empty."""
    answers: list[list[Tokens]]
    """By prompt and answer, the tokens from there on; never empty."""

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return len(self.shared) + max(
            len(prompt) + max(map(len, answers)) for prompt, answers in zip(self.prompts, self.answers, strict=True)
        )

    @property
    def size(self) -> int:
        """Tokens that are run through the model."""
        return len(self.shared) + sum(map(len, self.prompts)) + sum(len(a) - 1 for row in self.answers for a in row)


def split(tokenizer: Any, prompts: Sequence[str], answers: Sequence[str]) -> Forks:
    """Splits by tokens, not by characters, as a tokenizer may merge a prompt's end with the answer's beginning.

    `prompts` have their special tokens already; of the answers none may be the beginning of another.
    """
    whole = [
        [tokenizer(prompt + answer, add_special_tokens=False).input_ids for answer in answers] for prompt in prompts
    ]
    stems = [_common(sequences) for sequences in whole]
    shared = _common(stems)[: min(map(len, stems)) - 1]
    return Forks(
        shared,
        [stem[len(shared) :] for stem in stems],
        [[tokens[len(stem) :] for tokens in sequences] for stem, sequences in zip(stems, whole, strict=True)],
    )


def _common(rows: Sequence[Tokens]) -> Tokens:
    """What all rows begin with."""
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, zip(*rows, strict=False))]


def log_probabilities(model: Any, forks: Forks) -> list[list[float]]:
    """The natural log-probability of each answer after each prompt, by prompt and answer.

    It is the sum over the answer's tokens, each given all before it: the probability that a reply begins with these
    tokens, not normalised by length. Beginnings that all answers share count for none. The shared beginning is
    run through the model once; its keys and values serve all prompts and answers. Raises TooLong.
    """
    import torch

    window = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if window is not None and forks.longest > window:
        raise TooLong(forks.longest, window)
    with torch.inference_mode():
        return _branches(model, forks)


def _branches(model: Any, forks: Forks) -> list[list[float]]:
    import torch

    n_answers = len(forks.answers[0])
    begun = (
        model(torch.tensor([forks.shared], device=model.device), use_cache=True, logits_to_keep=1)
        if forks.shared
        else None
    )
    cache = None if begun is None else begun.past_key_values
    if cache is not None:
        cache.batch_repeat_interleave(len(forks.prompts))
    ids, mask = _padded(forks.prompts, model.device, left=True)
    before = torch.ones(len(ids), len(forks.shared), dtype=mask.dtype, device=model.device)
    mask = torch.cat([before, mask], dim=1)
    asked = model(
        ids,
        attention_mask=mask,
        position_ids=_positions(mask, ids),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    first = asked.logits[:, -1].float().log_softmax(-1)
    sums = torch.stack([first[row, [answer[0] for answer in answers]] for row, answers in enumerate(forks.answers)])
    if max(len(answer) for answers in forks.answers for answer in answers) > 1:
        cache = asked.past_key_values
        cache.batch_repeat_interleave(n_answers)
        sums += _rest(
            model,
            [answer for answers in forks.answers for answer in answers],
            cache,
            mask.repeat_interleave(n_answers, 0),
        ).view(-1, n_answers)
    return sums.tolist()


def _rest(model: Any, answers: list[Tokens], cache: Any, mask: Any) -> Any:
    """Log-probabilities of the answers' tokens after the first, summed; shape (answers,)."""
    import torch

    ids, given = _padded([answer[:-1] for answer in answers], model.device, left=False)
    wanted, _ = _padded([answer[1:] for answer in answers], model.device, left=False)
    mask = torch.cat([mask, given], dim=1)
    logits = model(ids, attention_mask=mask, position_ids=_positions(mask, ids), past_key_values=cache).logits
    found = logits.float().log_softmax(-1).gather(-1, wanted.unsqueeze(-1)).squeeze(-1)
    return (found * given).sum(-1)


def _positions(mask: Any, ids: Any) -> Any:
    """Places of the last tokens, padding not counted."""
    return (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]


def _padded(rows: Sequence[Tokens], device: Any, *, left: bool) -> tuple[Any, Any]:
    """Tokens and their mask, both of shape (rows, longest); padding has the token 0."""
    import torch

    width = max(map(len, rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, tokens in enumerate(rows):
        place = slice(width - len(tokens), width) if left else slice(len(tokens))
        ids[row, place] = torch.tensor(tokens, dtype=torch.long)
        mask[row, place] = 1
    return ids.to(device), mask.to(device)
