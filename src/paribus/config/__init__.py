"""Strict YAML and overrides in, frozen settings out."""
