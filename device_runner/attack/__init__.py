"""An attack on the line to a board: kinds of faults, a port that commits them, and a count of the consequences."""
