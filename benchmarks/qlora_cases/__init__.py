"""What `benchmarks.qlora` runs: the model, the stream of tokens, and one module for each trainer."""
