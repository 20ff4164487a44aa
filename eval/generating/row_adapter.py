"""An adapter that some rows of a batch have and others have not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from eval.generating.decoding import Row

BASE_ALONE = "__base__"
"""PEFT's name for a row without any adapter."""
ADAPTER = "default"
BEYOND_ROWS = ("modules_to_save", "trainable_token_indices", "target_parameters", "use_dora")
"""Options of LoRA that PEFT cannot leave out of some rows: it raises an error, or changes all of them."""


class RowAdapter:
    """The one adapter of a PEFT model, on for all rows, off for all, or each row's own."""

    def __init__(self, model: Any) -> None:
        """The model's layers are told of the rows from here on.

        PEFT's own way leaves the rows of a forward pass that fails, for want of memory say, to all later ones.
        """
        self._model = model
        self._names: list[str] | None = None
        self.mixes = _told_apart_by_row(model)
        """Whether rows with it and without it can stand in one batch."""
        if self.mixes:
            from peft.tuners.lora import LoraLayer

            for module in model.modules():
                if isinstance(module, LoraLayer):
                    module.register_forward_pre_hook(self._name_rows, with_kwargs=True)

    @contextmanager
    def of(self, rows: Sequence[Row]) -> Iterator[None]:
        """For one forward pass."""
        if all(row.adapted for row in rows):
            yield
        elif not any(row.adapted for row in rows):
            with self._model.disable_adapter():
                yield
        else:
            self._names = [ADAPTER if row.adapted else BASE_ALONE for row in rows]
            try:
                yield
            finally:
                self._names = None

    def _name_rows(self, _: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]] | None:
        return None if self._names is None else (args, {**kwargs, "adapter_names": self._names})


def _told_apart_by_row(model: Any) -> bool:
    """Whether PEFT can adapt some rows of a batch and leave others: of its adapters plain LoRA alone, and in no model
    whose experts take the rows apart.
    """
    config = model.peft_config[ADAPTER]
    plain = config.peft_type == "LORA" and config.bias == "none"
    experts = any(getattr(model.config, name, None) for name in ("num_experts", "num_local_experts"))
    return plain and not experts and not any(getattr(config, name, None) for name in BEYOND_ROWS)
