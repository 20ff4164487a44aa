"""Pure statistics: arrays and frames in, results out; no files, no clocks, no global randomness."""
