"""Benchmarks against other libraries: what must be equal first, then time, then ratios."""
