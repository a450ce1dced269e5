"""The decoder-only Transformer: token ids in, scores of the next token out."""

import torch
from torch import Tensor, nn

from paribus.errors import ConfigError
from paribus.model.block import Block
from paribus.model.cache import Cache
from paribus.model.config import ModelConfig
from paribus.model.inputs import check_ids, check_shape
from paribus.model.linear import Embedding, Linear
from paribus.model.norm import build_norm
from paribus.model.position import build_position
from paribus.model.softcap import build_softcap
from paribus.model.variants import EMBEDDING_SCALES
from paribus.shapes import Hidden, Logits, Tokens


class Transformer(nn.Module):
    """embed, n_layers blocks, final norm, output table."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        if config.vocab_size is None:
            raise ConfigError("model.vocab_size: expected a number, found null. Give it a value")
        self.config = config
        self.logit_scale, self.softcap = config.logit_scale, build_softcap(config)
        self.embedding_scale = EMBEDDING_SCALES[config.embedding_scale](config.d_model)
        self.token_embedding = Embedding(config.vocab_size, config.d_model)
        self.position = build_position(config)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.final_norm = build_norm(config) if config.has_final_norm else nn.Identity()
        self.lm_head = None if config.tie_embeddings else _head(config)

    def forward(self, tokens: Tokens, cache: Cache | None = None) -> Logits:
        """Scores of the token after each position. Raises DataError past the context."""
        return self.logits(self.hidden(tokens, cache))

    def hidden(self, tokens: Tokens, cache: Cache | None = None) -> Hidden:
        """The residual stream in front of the output table."""
        start = cache.length if cache is not None else 0
        self._check(tokens, start)
        end = start + tokens.shape[-1]
        positions = torch.arange(start, end, device=tokens.device)
        rotate, mask = self.position.rotation(positions), self.position.mask(positions, end)
        x = self.token_embedding(tokens) * self.embedding_scale
        x = self.position.embed(x, positions)
        for i, layer in enumerate(self.layers):
            x = layer(x, rotate, mask, cache.layers[i] if cache is not None else None)
        return self.final_norm(x)

    def logits(self, hidden: Hidden) -> Logits:
        """softcap(hidden W^T * logit_scale), with the output table W."""
        return self.softcap(nn.functional.linear(hidden, self.output_weight) * self.logit_scale)

    @property
    def output_weight(self) -> Tensor:
        """The output table (vocab, d_model), which is the input table if they are tied."""
        return self.token_embedding.weight if self.lm_head is None else self.lm_head.weight

    def new_cache(self) -> Cache:
        """An empty cache for one decoding."""
        return Cache(self.config.n_layers, self.config.context_length)

    def _check(self, tokens: Tensor, start: int) -> None:
        check_shape(tokens, start, self.config.context_length)
        # Only on the CPU: elsewhere the look at the ids would make the device wait, and whoever
        # moves ids to a device has checked them before.
        if tokens.device.type == "cpu" and not torch.compiler.is_compiling():
            check_ids(tokens, self.token_embedding.weight.shape[0])


def _head(config: ModelConfig) -> Linear:
    assert config.vocab_size is not None
    return Linear(config.d_model, config.vocab_size)
