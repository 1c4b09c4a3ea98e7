"""A .tflite file as a file: what it is, what its shapes are, and what of it the runtimes compute differently."""
