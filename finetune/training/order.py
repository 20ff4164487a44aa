"""The order in which an epoch shows the training set: a function of the seed and the epoch, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence


class EpochOrder:
    """A sampler whose order a run that was killed finds again in any epoch, on any number of processes.

    transformers draws the order of `group_by_length` from the global generator, whose state at the start of an epoch
    is lost with the process; and accelerate tells a resumed run's sampler of its epoch on one process only.
    """

    def __init__(self, size: int, seed: int, epoch: Callable[[], int]) -> None:
        """`epoch` says, when an epoch begins, how many went before."""
        self._size, self._seed, self._epoch = size, seed, epoch

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[int]:
        import torch

        generator = torch.Generator()
        generator.manual_seed(self._seed + self._epoch())
        return iter(self._drawn(generator))

    def _drawn(self, generator: object) -> list[int]:
        import torch

        order: list[int] = torch.randperm(self._size, generator=generator).tolist()
        return order


class LengthGroupedOrder(EpochOrder):
    """Likewise, with sequences of about one length side by side, as transformers' LengthGroupedSampler has them."""

    def __init__(self, lengths: Sequence[int], rows: int, seed: int, epoch: Callable[[], int]) -> None:
        """`rows` are those of a step, which are to be of one length."""
        super().__init__(len(lengths), seed, epoch)
        self._lengths, self._rows = list(lengths), rows

    def _drawn(self, generator: object) -> list[int]:
        from transformers.trainer_pt_utils import get_length_grouped_indices

        order: list[int] = get_length_grouped_indices(self._lengths, self._rows, generator=generator)
        return order
