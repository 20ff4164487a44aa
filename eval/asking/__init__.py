"""Asks a model for many texts, keeps every reply that was paid for, and asks again for what cannot be used."""
