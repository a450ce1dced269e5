"""Paribus."""
