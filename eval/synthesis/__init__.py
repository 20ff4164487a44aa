"""Makes pairs of a post and a fellow parent's reply with a model, to fine-tune another on."""
