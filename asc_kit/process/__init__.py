"""The running process: terminal, workers, signals, locks."""
