"""Quantize a run to int8 and write a deployment bundle."""
