"""From a float network to an int8 one: ranges, scales, corrections, fine-tuning, and the flatbuffer."""
