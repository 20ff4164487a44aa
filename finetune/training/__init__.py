"""Supervised fine-tuning of adapters: data, arguments, the trainer, and what a run leaves behind."""
