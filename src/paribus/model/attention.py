"""Causal multi-head and grouped-query attention.

Axes `model.attention_backend` and `model.qk_norm`.
"""

import torch
from torch import Tensor, nn

from paribus.model.cache import LayerCache
from paribus.model.config import ModelConfig
from paribus.model.linear import Linear
from paribus.model.mask import CAUSAL, ScoreMask
from paribus.model.norm import RMSNorm
from paribus.model.position import Rotate
from paribus.shapes import Attended, Heads, Hidden, Keys, Queries, Values


class Attention(nn.Module):
    """softmax(q k^T / sqrt(d_head) + mask) v (Vaswani et al., 2017, arXiv:1706.03762).

    Grouped-query: each key and value head serves n_heads / n_kv_heads query heads (Ainslie et al.,
    2023, arXiv:2305.13245). Rows of the projections are ordered head by head.

    With `qk_norm`, q and k are RMSNorm(q) and RMSNorm(k) over d_head, before they are rotated, one
    weight of d_head for all heads: as in Qwen 3 (2025, arXiv:2505.09388), after Henry et al. (2020,
    arXiv:2010.04245). OLMo 2 normalizes over all heads at once instead.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.d_head, self.attend = config.head_width, BACKENDS[config.attention_backend]
        self.group = config.n_heads // config.kv_heads
        kv_width = config.kv_heads * config.head_width
        self.q_proj = Linear(config.d_model, config.d_model, config.bias)
        self.k_proj = Linear(config.d_model, kv_width, config.bias)
        self.v_proj = Linear(config.d_model, kv_width, config.bias)
        self.o_proj = Linear(config.d_model, config.d_model, config.bias)
        self.q_norm, self.k_norm = _head_norm(config), _head_norm(config)

    def forward(
        self,
        x: Hidden,
        rotate: Rotate,
        mask: ScoreMask = CAUSAL,
        cache: LayerCache | None = None,
    ) -> Hidden:
        q = rotate(self.q_norm(self._heads(self.q_proj(x))))
        k = rotate(self.k_norm(self._heads(self.k_proj(x))))
        v = self._heads(self.v_proj(x))
        if cache is not None:
            k, v = cache.append(k, v)
        if self.group > 1:
            k, v = (heads.repeat_interleave(self.group, dim=-3) for heads in (k, v))
        return self.o_proj(self.attend(q, k, v, mask).transpose(-2, -3).flatten(-2))

    def _heads(self, x: Tensor) -> Heads:
        return x.unflatten(-1, (-1, self.d_head)).transpose(-2, -3)


def softmax(x: Tensor, dim: int) -> Tensor:
    """exp(x - max) / sum; a row that is -inf throughout gives zeros, not NaN."""
    largest = x.detach().amax(dim, keepdim=True)
    exponents = (x - largest.masked_fill(largest == -torch.inf, 0.0)).exp()
    total = exponents.sum(dim, keepdim=True)
    return exponents / total.masked_fill(total == 0.0, 1.0)


def attend_readably(q: Queries, k: Keys, v: Values, mask: ScoreMask = CAUSAL) -> Attended:
    """softmax(q k^T / sqrt(d) + mask) v."""
    # The factor before the product: in float16 the sum could be beyond the largest number.
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    weights = softmax(mask.apply(scores.float()), dim=-1)
    return weights.to(v.dtype) @ v


def attend_fused(q: Queries, k: Keys, v: Values, mask: ScoreMask = CAUSAL) -> Attended:
    """The same numbers by PyTorch's fused kernel."""
    attn_mask, is_causal = mask.for_kernel(q, k)
    kernel = nn.functional.scaled_dot_product_attention
    return kernel(q, k, v, attn_mask=attn_mask, is_causal=is_causal)


def _head_norm(config: ModelConfig) -> nn.Module:
    return RMSNorm(config.head_width, config.norm_eps) if config.qk_norm else nn.Identity()


BACKENDS = {"manual": attend_readably, "sdpa": attend_fused}
