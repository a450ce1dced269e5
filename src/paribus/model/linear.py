"""The two weight tables that everything is made of: Linear and Embedding."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from paribus.shapes import Hidden, Tokens


class Linear(nn.Module):
    """y = x W^T + b, with W of shape (d_out, d_in); any leading axes."""

    bias: Tensor | None

    def __init__(self, d_in: int, d_out: int, bias: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(d_out, d_in))
        self.register_parameter("bias", nn.Parameter(torch.empty(d_out)) if bias else None)

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        return nn.functional.linear(x, self.weight, self.bias)


class Embedding(nn.Module):
    """Row i of the table for token id i."""

    def __init__(self, n_rows: int, d_model: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_rows, d_model))

    def forward(self, tokens: Tokens) -> Hidden:
        return nn.functional.embedding(tokens, self.weight)
