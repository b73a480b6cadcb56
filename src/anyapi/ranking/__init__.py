"""The anonymous ranking of models: what a sampled request is about, counted in memory for a week, and released once with noise."""
