"""The keys and values of a batch, kept without copying all of them for every new token."""

from __future__ import annotations

from functools import cache as once
from typing import Any

ROOM = 64
"""New tokens for which there is room before the next copy."""


def open_cache(config: Any) -> Any:
    """transformers' dynamic cache for a model of this configuration, its plain layers with room to grow.

    Layers with a window, or with a state instead of keys, stay as transformers has them.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer

    found = DynamicCache(config=config)
    found.layers = [_growing()() if type(layer) is DynamicLayer else layer for layer in found.layers]
    return found


@once
def _growing() -> Any:
    """The class of such layers, made when transformers is there."""
    import torch
    from transformers.cache_utils import DynamicLayer

    class GrowingLayer(DynamicLayer):  # type: ignore[misc, unused-ignore]
        """Writes new keys and values behind the old; `keys` and `values` are the part in use."""

        keys: Any
        values: Any

        def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
            before = self.get_seq_length()
            after = before + key_states.shape[-2]
            self.keys = self._put("_all_keys", self.keys, key_states, before, after)
            self.values = self._put("_all_values", self.values, value_states, before, after)
            return self.keys, self.values

        def _put(self, name: str, old: Any, new: Any, before: int, after: int) -> Any:
            room = getattr(self, name, None)
            if room is None or room.shape[0] != new.shape[0] or room.shape[-2] < after:
                room = torch.empty((*new.shape[:-2], after + ROOM, new.shape[-1]), dtype=new.dtype, device=new.device)
                if before:
                    room[..., :before, :] = old
                setattr(self, name, room)
            room[..., before:after, :] = new
            return room[..., :after, :]

    return GrowingLayer
