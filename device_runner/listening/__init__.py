"""A microphone, from PortAudio's thread to a line per window: what is heard, and whether it can be believed."""
