"""A long recording as a stream on a board that listens: `bench --mode stream`."""
