"""From text to batches: documents, token shards, their order, batches."""
