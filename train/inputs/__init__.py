"""Inputs of the training loop: windows, their targets, a teacher's logits."""
