"""Closeness of tensors, by NumPy: torch.testing imports torch.distributed first, for seconds."""

import numpy as np
from torch import Tensor


def assert_close(found: Tensor, expected: Tensor, atol: float = 1e-6, rtol: float = 1e-5) -> None:
    """Equal shapes, dtypes, and values within atol + rtol * |expected|."""
    assert found.dtype == expected.dtype, (found.dtype, expected.dtype)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    np.testing.assert_allclose(
        found.detach().double().numpy(), expected.detach().double().numpy(), rtol, atol
    )
