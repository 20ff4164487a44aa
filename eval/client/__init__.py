"""Asks a language model behind any OpenAI-compatible server for one reply at a time, in the dialect that it speaks."""

from eval.client.model_client import ModelClient
from eval.client.reply import Finish, Reply

__all__ = ["Finish", "ModelClient", "Reply"]
