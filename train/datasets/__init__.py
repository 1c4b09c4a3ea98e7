"""Data sets before a training: their contents, their faults, their official splits."""
