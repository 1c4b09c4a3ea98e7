"""Turn a bundle into C99 firmware."""
