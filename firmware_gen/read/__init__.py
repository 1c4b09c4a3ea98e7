"""From a flatbuffer to a graph."""
