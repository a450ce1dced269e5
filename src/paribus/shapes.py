"""Names of tensor shapes, used in signatures and checked at run time in tests."""

from jaxtyping import Bool, Float, Int
from torch import Tensor

Tokens = Int[Tensor, "*batch seq"]
"""Token ids."""
Hidden = Float[Tensor, "*batch seq d_model"]
"""The residual stream."""
Heads = Float[Tensor, "*batch heads seq d_head"]
"""Queries, keys or values, head by head."""
Queries = Float[Tensor, "*rows queries d_head"]
"""Query heads; the number of keys may differ."""
Keys = Float[Tensor, "*rows keys d_head"]
"""Key heads, one row for each position that a query may attend to."""
Values = Float[Tensor, "*rows keys d_value"]
"""Value heads, one row for each key."""
Attended = Float[Tensor, "*rows queries d_value"]
"""Weighted sums of values, one for each query."""
Logits = Float[Tensor, "*batch seq vocab"]
"""Scores of every token id."""
Scalar = Float[Tensor, ""]
"""One number."""
Mask = Bool[Tensor, "*#rows queries keys"]
"""True where a query may attend to a key."""
