"""From settings and token shards to a finished run folder."""
