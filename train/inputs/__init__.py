"""What the training loop takes: windows, their targets, what a teacher says of them."""
