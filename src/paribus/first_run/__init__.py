"""The first run: from text to a trained model with samples, in a few minutes."""
