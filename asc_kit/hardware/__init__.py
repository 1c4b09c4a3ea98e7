"""Boards, parts and cores, as data."""
