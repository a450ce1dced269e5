"""Text that needs no network: the documentation of this Python, and stories from a grammar."""
