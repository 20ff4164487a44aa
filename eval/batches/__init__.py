"""Judges through the Batch API at half the price: what is missing is sent, and collected when it is ready, any day."""

from eval.batches.run import judge_in_batches

__all__ = ["judge_in_batches"]
