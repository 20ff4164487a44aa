"""How many prompts, votes and hours of raters a comparison needs, with a judge and without: pure."""
