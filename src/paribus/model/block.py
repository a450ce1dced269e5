"""One layer: attention, then the feed-forward network, each added to the residual stream."""

from torch import nn

from paribus.model.attention import Attention
from paribus.model.cache import LayerCache
from paribus.model.config import ModelConfig
from paribus.model.ffn import build_ffn
from paribus.model.mask import CAUSAL, ScoreMask
from paribus.model.norm import build_block_norms
from paribus.model.position import Rotate
from paribus.model.residual import RESIDUALS
from paribus.shapes import Hidden


class Block(nn.Module):
    """residual(attention), residual(ffn)."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.residual = RESIDUALS[config.norm_placement]
        self.attention_norm, self.attention_output_norm = build_block_norms(config)
        self.attention = Attention(config)
        self.ffn_norm, self.ffn_output_norm = build_block_norms(config)
        self.ffn = build_ffn(config)

    def forward(
        self,
        x: Hidden,
        rotate: Rotate,
        mask: ScoreMask = CAUSAL,
        cache: LayerCache | None = None,
    ) -> Hidden:
        x = self.residual(
            x,
            self.attention_norm,
            lambda h: self.attention(h, rotate, mask, cache),
            self.attention_output_norm,
        )
        return self.residual(x, self.ffn_norm, self.ffn, self.ffn_output_norm)
