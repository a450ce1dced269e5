"""Models next to those of other libraries: whole training steps."""
