"""Names of tensor shapes, used in signatures and checked at run time in tests."""

from jaxtyping import Bool, Float, Int
from torch import Tensor

Tokens = Int[Tensor, "*batch seq"]
"""Token ids."""
Hidden = Float[Tensor, "*batch seq d_model"]
"""The residual stream."""
Heads = Float[Tensor, "*batch heads seq d_head"]
"""Queries, keys or values, head by head."""
Logits = Float[Tensor, "*batch seq vocab"]
"""Scores of every token id."""
Scalar = Float[Tensor, ""]
"""One number."""
Mask = Bool[Tensor, "*batch queries keys"]
"""True where a query may attend to a key."""
