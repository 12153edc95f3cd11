"""Writes objectives.safetensors: bounds, and their gradients by every parameter, of tiny-5-3-2.safetensors'
model on its first inputs, by PyTorch in float64. Needs PyTorch (1.13 or later)."""

import math
from pathlib import Path

import torch
from optimizers import LATENT, read, write

HERE = Path(__file__).parent

# The cases, by name: bound, samples, weight of the KL, free bits.
CASES = {
    "elbo_3": ("elbo", 3, 1.0, 0.0),
    "free_bits": ("elbo", 1, 0.75, 0.2),
    "iwae_3": ("iwae", 3, 1.0, 0.0),
    "iwae_4_beta": ("iwae", 4, 0.75, 0.0),
    "dreg_3": ("dreg", 3, 1.0, 0.0),
    "dreg_4_beta": ("dreg", 4, 0.75, 0.0),
}


def network(weights, name, x):
    linear = torch.nn.functional.linear
    hidden = torch.relu(linear(x, weights[f"{name}.0.weight"], weights[f"{name}.0.bias"]))
    return linear(hidden, weights[f"{name}.2.weight"], weights[f"{name}.2.bias"])


def loss(weights, x, eps, bound, samples, beta, free_bits):
    """What is minimised, and the bound's value, each summed over the batch."""
    encoded = network(weights, "encoder", x)
    mean, stddev = encoded[:, :LATENT], torch.nn.functional.softplus(encoded[:, LATENT:]) + 1e-6
    kl = 0.5 * (mean**2 + stddev**2 - 1 - 2 * stddev.log())
    means, stddevs, xs = (tensor.repeat_interleave(samples, 0) for tensor in (mean, stddev, x))
    z = means + stddevs * eps
    decoded = network(weights, "decoder", z)
    log_likelihood = -torch.nn.functional.binary_cross_entropy_with_logits(decoded, xs, reduction="none").sum(1)
    if bound == "elbo":
        of_units = kl.mean(0)
        counted = (of_units - free_bits).clamp(min=0).sum() * len(x) if free_bits else kl.sum()
        mean_likelihood = log_likelihood.sum() / samples
        return beta * counted - mean_likelihood, mean_likelihood - kl.sum()
    if bound == "dreg":
        means, stddevs = means.detach(), stddevs.detach()
    normal = torch.distributions.Normal
    log_ratio = normal(0.0, 1.0).log_prob(z).sum(1) - normal(means, stddevs).log_prob(z).sum(1)
    log_weights = (log_likelihood + beta * log_ratio).reshape(len(x), samples)
    value = (log_weights.logsumexp(1) - math.log(samples)).sum()
    if bound == "iwae":
        return -value, value
    # Tucker and others, 2019: the gradient by z once more times each sample's share.
    shares = log_weights.softmax(1).detach()
    z.register_hook(lambda gradient: gradient * shares.reshape(-1, 1))
    return -(shares * log_weights).sum(), value


def main():
    golden = read(HERE / "tiny-5-3-2.safetensors")
    x = golden["x"][0]
    torch.manual_seed(3)
    results = {"x": x}
    for case, (bound, samples, beta, free_bits) in CASES.items():
        weights = {
            name.removeprefix("init."): tensor.clone().requires_grad_()
            for name, tensor in golden.items()
            if name.startswith("init.")
        }
        eps = torch.randn(len(x) * samples, LATENT, dtype=torch.float64)
        minimised, value = loss(weights, x, eps, bound, samples, beta, free_bits)
        minimised.backward()
        results[f"{case}.settings"] = torch.tensor([samples, beta, free_bits], dtype=torch.float64)
        results[f"{case}.eps"] = eps
        results[f"{case}.bound"] = value.reshape(1)
        for name, weight in weights.items():
            results[f"{case}.grad.{name}"] = weight.grad
    write(HERE / "objectives.safetensors", results)


if __name__ == "__main__":
    main()
