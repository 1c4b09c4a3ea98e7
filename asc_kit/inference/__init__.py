"""Models on this machine: an interpreter and what it makes of recordings."""
