"""Inputs that drive a unit: where they stay (``domain``), from frequencies (``parameters``), found by ``ascent``."""
