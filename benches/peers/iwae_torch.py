"""The importance-weighted autoencoder of Burda and others (2016, one stochastic layer) in PyTorch on the CPU.

usage: iwae_torch.py [--epochs 2] [--samples 5] [--batch 20] [--threads 2] [--limit 60000]
Prints a line an epoch: the mean bound, seconds, images per second, ms per step.
"""
import argparse, math, time
import torch, torch.nn.functional as F
from mnist import images

a = argparse.ArgumentParser()
a.add_argument("--epochs", type=int, default=2)
a.add_argument("--samples", type=int, default=5)
a.add_argument("--batch", type=int, default=20)
a.add_argument("--threads", type=int, default=2)
a.add_argument("--limit", type=int, default=60000)
a = a.parse_args()
torch.set_num_threads(a.threads)
torch.manual_seed(0)
X = torch.from_numpy(images("train"))[: a.limit]
H, M, K = [200, 200], 50, a.samples
enc, dec = [784, *H, 2 * M], [M, *H, 784]
P = []
for d in (enc, dec):
    for i, o in zip(d, d[1:]):
        P += [torch.nn.init.xavier_uniform_(torch.empty(i, o)).requires_grad_(), torch.zeros(o, requires_grad=True)]
n_enc = 2 * (len(enc) - 1)
optimizer = torch.optim.Adam(P, lr=1e-3, betas=(0.99, 0.999), eps=1e-4, foreach=True)


def mlp(x, p):
    for i in range(0, len(p), 2):
        x = torch.addmm(p[i + 1], x, p[i])
        if i < len(p) - 2:
            x = torch.tanh(x)
    return x


def loss_fn(x, eps):
    """Minus the sum of the bounds; eps [K, batch, M]."""
    o = mlp(x, P[:n_enc])
    mean, log_stddev = o[:, :M], 0.5 * o[:, M:]
    z = mean + log_stddev.exp() * eps
    log_ratio = (0.5 * (eps**2 - z**2) + log_stddev).sum(-1)
    logits = mlp(z.reshape(-1, M), P[n_enc:]).reshape(K, -1, 784)
    bce = F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none")
    return -(torch.logsumexp(log_ratio - bce.sum(-1), 0) - math.log(K)).sum()


def step(x):
    optimizer.zero_grad(set_to_none=True)
    loss = loss_fn(x, torch.randn(K, len(x), M))
    loss.backward()
    optimizer.step()
    return loss.item()


n = len(X) // a.batch
for e in range(a.epochs):
    Xs = X[torch.randperm(len(X))]
    t = time.perf_counter()
    total = sum(step(Xs[j * a.batch : (j + 1) * a.batch]) for j in range(n))
    s = time.perf_counter() - t
    print(f"torch epoch {e + 1} train {-total / n / a.batch:.2f} {s:.2f} s {n * a.batch / s:.0f} images/s "
          f"{s / n * 1e3:.3f} ms/step", flush=True)
