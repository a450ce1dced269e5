"""Runs read back, and drawn. Imports no torch."""
