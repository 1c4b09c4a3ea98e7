"""An attack on the line to a board: what can go wrong, a port on which it does, and what comes of it."""
