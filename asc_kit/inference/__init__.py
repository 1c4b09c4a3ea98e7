"""Models on this machine: an interpreter, and the scores of recordings."""
