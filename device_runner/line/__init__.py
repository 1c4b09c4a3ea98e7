"""The line to a board: ports, frames, sessions, and emulators to connect to."""
