"""Whole-number arithmetic: scales as multipliers and shifts, and the constants of the kernels that use them."""
