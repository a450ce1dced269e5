"""The two tables: Linear and Embedding."""

import torch

from closeness import assert_close
from paribus.model.linear import Embedding, Linear


def filled(module):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(generator=generator)
    return module


def test_linear_is_x_times_the_transposed_weight_plus_bias():
    linear = filled(Linear(3, 5, bias=True))
    x = torch.randn(2, 4, 3)
    assert linear.weight.shape == (5, 3)
    assert_close(linear(x), torch.einsum("bsi,oi->bso", x, linear.weight) + linear.bias)


def test_linear_without_bias_has_one_tensor():
    assert set(Linear(3, 5).state_dict()) == {"weight"}
    assert set(Linear(3, 5, bias=True).state_dict()) == {"weight", "bias"}


def test_embedding_takes_ids_of_any_shape():
    embedding = filled(Embedding(7, 3))
    ids = torch.tensor([[[1, 6], [0, 0]]])
    found = embedding(ids)
    assert found.shape == (1, 2, 2, 3)
    assert torch.equal(found[0, 0, 1], embedding.weight[6])
    assert torch.equal(found[0, 1, 0], embedding.weight[0])


def test_the_gradient_of_a_row_adds_up_over_its_tokens():
    embedding = filled(Embedding(4, 2))
    embedding(torch.tensor([1, 1, 3])).sum().backward()
    assert embedding.weight.grad.tolist() == [[0, 0], [2, 2], [0, 0], [1, 1]]
