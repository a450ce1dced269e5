"""Tokenizers next to those of other libraries: encoding, decoding, prompts, training."""
