"""Measurements beside other libraries: equality first, then time, then ratios."""
