"""Run a bundle on a board or on this machine, measure it and report the result."""
