"""Optimizers, schedules and clipping, by hand."""
