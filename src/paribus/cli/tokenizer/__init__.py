"""`paribus tokenizer`: one file for each command or pair of commands."""
