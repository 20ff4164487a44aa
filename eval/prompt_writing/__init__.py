"""Makes the test posts of a study with a model, and checks sets of them."""
