"""What firmware is for: boards and parts, as data."""
