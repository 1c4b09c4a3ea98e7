"""Commands of no stage, one module each."""
