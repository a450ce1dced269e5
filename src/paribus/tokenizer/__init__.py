"""Text to ids and back: byte-level BPE, its vocabulary, its training and its file formats."""
