"""A microphone, from PortAudio's thread to a line per window: its label, and whether it can be believed."""
