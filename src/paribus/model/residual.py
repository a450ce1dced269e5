"""Axis `model.norm_placement`: how a sublayer is added to the residual stream.

The sublayer is an argument, so that the names of weights are the same under every placement. A
placement uses as many of the two norms as its row in `variants.PLACEMENTS` says; the others are
identities.
"""

from collections.abc import Callable

from paribus.shapes import Hidden

Sublayer = Callable[[Hidden], Hidden]
Norm = Callable[[Hidden], Hidden]


def pre_norm(x: Hidden, norm: Norm, sublayer: Sublayer, norm_after: Norm) -> Hidden:
    """x + f(norm(x)) (Xiong et al., 2020, arXiv:2002.04745)."""
    return x + sublayer(norm(x))


def post_norm(x: Hidden, norm: Norm, sublayer: Sublayer, norm_after: Norm) -> Hidden:
    """norm(x + f(x)) (Vaswani et al., 2017, arXiv:1706.03762)."""
    return norm(x + sublayer(x))


def sandwich_norm(x: Hidden, norm: Norm, sublayer: Sublayer, norm_after: Norm) -> Hidden:
    """x + norm_after(f(norm(x))) (CogView; Ding et al., 2021, arXiv:2105.13290)."""
    return x + norm_after(sublayer(norm(x)))


def output_norm(x: Hidden, norm: Norm, sublayer: Sublayer, norm_after: Norm) -> Hidden:
    """x + norm(f(x)) (OLMo 2, 2024, arXiv:2501.00656)."""
    return x + norm(sublayer(x))


def no_norm(x: Hidden, norm: Norm, sublayer: Sublayer, norm_after: Norm) -> Hidden:
    """x + f(x)."""
    return x + sublayer(x)


RESIDUALS = {
    "pre": pre_norm,
    "post": post_norm,
    "sandwich": sandwich_norm,
    "output": output_norm,
    "none": no_norm,
}
