"""Writes functions.safetensors: activations, logarithms of densities, and their slopes, by PyTorch in
float64. Needs PyTorch (1.13 or later)."""

from pathlib import Path

import torch
import torch.nn.functional as F
from optimizers import write
from torch.distributions import ContinuousBernoulli, Normal

ACTIVATIONS = {
    "relu": F.relu,
    "softplus": F.softplus,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "silu": F.silu,
    "elu": F.elu,
    "leaky_relu": F.leaky_relu,
}

HERE = Path(__file__).parent


def slopes(values, *parameters):
    return torch.autograd.grad(values.sum(), parameters)


def main():
    logits = [0.0, 1e-9, 1e-3, -2e-3, 0.01, 0.099, -0.1, 0.3, 0.499, -0.501, 1.0, -3.0, 7.5]
    grid = torch.cartesian_prod(torch.tensor(logits, dtype=torch.float64), torch.linspace(0, 1, 9, dtype=torch.float64))
    l, x = (column.clone() for column in grid.T)
    results = {"l": l, "x": x}
    l.requires_grad_()
    continuous = ContinuousBernoulli(logits=l)
    value = continuous.log_prob(x)
    (slope,) = slopes(value, l)
    results |= {
        "continuous_bernoulli": value,
        "continuous_bernoulli.slope_0": slope,
        "continuous_bernoulli_mean": continuous.mean,
        # PyTorch's icdf is linear around a logit of 0.
        "continuous_bernoulli_quantile": torch.where(l == 0, x, torch.log1p(x * torch.expm1(l)) / l),
    }
    s = (0.25 * torch.linspace(-8, 4, len(l), dtype=torch.float64)).requires_grad_()
    value = Normal(l, torch.nn.functional.softplus(s) + 0.01).log_prob(x)
    by_mean, by_s = slopes(value, l, s)
    results |= {"s": s, "gaussian": value, "gaussian.slope_0": by_mean, "gaussian.slope_1": by_s}
    a = torch.linspace(-12, 12, 64, dtype=torch.float64).requires_grad_()
    results["a"] = a
    for name, function in ACTIVATIONS.items():
        value = function(a)
        results |= {name: value, f"{name}.slope_0": slopes(value, a)[0]}
    b = (3 * torch.sin(7 * a.detach())).requires_grad_()
    value = F.glu(torch.stack([a, b], dim=1)).squeeze(1)
    by_a, by_b = slopes(value, a, b)
    results |= {"b": b, "glu": value, "glu.slope_0": by_a, "glu.slope_1": by_b}
    write(HERE / "functions.safetensors", results)


if __name__ == "__main__":
    main()
