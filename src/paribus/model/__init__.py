"""The decoder-only Transformer, one file per ablation axis."""
