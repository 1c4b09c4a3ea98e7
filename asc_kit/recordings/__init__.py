"""Recordings: WAV headers, samples, clips, windows."""
