"""From a plan to files: generated C, sources, Makefile, image."""
