"""Automatic metrics of texts: against human answers (BLEU, ROUGE, BERTScore), and a description without any."""
