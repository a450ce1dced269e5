"""The two layers with a weight matrix: Linear and Embedding."""

from jaxtyping import Float
from torch import Tensor, nn

from paribus.model.parameter import Drawn, parameter
from paribus.shapes import Hidden, Tokens


class Linear(nn.Module):
    """y = x W^T + b, with W of shape (d_out, d_in); any leading axes."""

    bias: Tensor | None

    def __init__(self, d_in: int, d_out: int, bias: bool = False):
        super().__init__()
        self.weight = parameter(d_out, d_in, initial=Drawn())
        self.register_parameter("bias", parameter(d_out, initial=0.0) if bias else None)

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        return nn.functional.linear(x, self.weight, self.bias)


class Embedding(nn.Module):
    """Row i of the table for token id i."""

    def __init__(self, n_rows: int, d_model: int):
        super().__init__()
        self.weight = parameter(n_rows, d_model, initial=Drawn())

    def forward(self, tokens: Tokens) -> Hidden:
        return nn.functional.embedding(tokens, self.weight)
