"""Commands of this stage, one module each."""
