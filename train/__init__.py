"""Train a classifier on recordings and write a run folder."""
