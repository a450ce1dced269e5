"""What a run did, one JSON line at a time."""
