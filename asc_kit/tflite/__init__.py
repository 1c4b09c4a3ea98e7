"""A .tflite file as a file: its identity, its shapes, and the operators that runtimes compute differently."""
