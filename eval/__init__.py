"""Everything that measures a study: generation, metrics, judges, statistics and the report."""
