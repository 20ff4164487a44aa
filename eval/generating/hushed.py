"""Keeps the notes and bars of model libraries off the screen while a model is loaded."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("transformers", "peft", "accelerate", "bitsandbytes", "torch", "huggingface_hub")


@contextmanager
def hushed() -> Iterator[None]:
    """Errors are raised as ever. Does nothing where the libraries are not installed."""
    try:
        from transformers import modeling_gguf_pytorch_utils as reading
        from transformers.utils import logging as transformers_logging
    except ImportError:
        yield
        return
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    bar = getattr(reading, "tqdm", None)  # no setting switches off the bar of reading a GGUF file
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        transformers_logging.disable_progress_bar()
        reading.tqdm = lambda items, **_: items
        try:
            yield
        finally:
            reading.tqdm = bar
            transformers_logging.enable_progress_bar()
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
