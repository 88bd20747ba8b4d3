"""Generators of hostile files and arguments."""
