"""How well models do: scored, put side by side, shown and written."""
