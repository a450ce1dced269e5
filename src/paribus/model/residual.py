"""Axis `model.norm_placement`: how a sublayer is added to the residual stream.

The sublayer is an argument, so that the names of weights are the same under every placement.
"""

from collections.abc import Callable

from paribus.shapes import Hidden

Sublayer = Callable[[Hidden], Hidden]
Norm = Callable[[Hidden], Hidden]


def pre_norm(x: Hidden, norm: Norm, sublayer: Sublayer) -> Hidden:
    """x + f(norm(x)) (Xiong et al., 2020, arXiv:2002.04745)."""
    return x + sublayer(norm(x))


def post_norm(x: Hidden, norm: Norm, sublayer: Sublayer) -> Hidden:
    """norm(x + f(x)) (Vaswani et al., 2017, arXiv:1706.03762)."""
    return norm(x + sublayer(x))


RESIDUALS = {"pre": pre_norm, "post": post_norm}
