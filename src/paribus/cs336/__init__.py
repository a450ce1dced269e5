"""The public tests of CS336's assignment 1, run against Paribus."""
