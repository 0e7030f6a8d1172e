"""The norm's own gradient is torch's, on every processor."""

import pytest
import torch
from torch.nn import functional as F

from aigc_book.layers.norms import RMSNorm


@pytest.mark.parametrize("gain", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_gradients_of_the_rms_norm_equal_torchs(name, dtype, gain):
    torch.manual_seed(0)
    norm = RMSNorm(7, 1e-3, gain=gain).to(dtype)
    x, dy = torch.randn(3, 5, 7, dtype=dtype, requires_grad=True), torch.randn(3, 5, 7, dtype=dtype)
    y = norm(x)
    (gradient,) = torch.autograd.grad(y, x, dy)
    expected = F.rms_norm(x, (7,), norm.weight, 1e-3)
    (expected_gradient,) = torch.autograd.grad(expected, x, dy)
    loose = dict(rtol=0.02, atol=0.02) if dtype == torch.bfloat16 else dict()
    torch.testing.assert_close(y, expected, **loose)
    torch.testing.assert_close(gradient, expected_gradient, **loose)


def test_the_rms_norms_gradient_is_its_slope(name):
    x = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(RMSNorm(5, gain=False), x)
