"""The importance-weighted autoencoder of Burda and others (2016, one stochastic layer) in JAX on the CPU, a whole
epoch in one jitted lax.scan, Adam through optax.

usage: iwae_jax.py [--epochs 2] [--samples 5] [--batch 20] [--limit 60000]
Prints a line an epoch; the first one holds the compilation.
"""
import argparse, time
import jax, jax.numpy as jnp, numpy as np, optax
from mnist import images

a = argparse.ArgumentParser()
a.add_argument("--epochs", type=int, default=2)
a.add_argument("--samples", type=int, default=5)
a.add_argument("--batch", type=int, default=20)
a.add_argument("--limit", type=int, default=60000)
a = a.parse_args()
X = jnp.asarray(images("train")[: a.limit])
H, M, K = [200, 200], 50, a.samples
dims = [[784, *H, 2 * M], [M, *H, 784]]
keys = iter(jax.random.split(jax.random.PRNGKey(0), 64))


def glorot(i, o):
    b = (6 / (i + o)) ** 0.5
    return jax.random.uniform(next(keys), (i, o), minval=-b, maxval=b)


P = [[(glorot(i, o), jnp.zeros(o)) for i, o in zip(d, d[1:])] for d in dims]
opt = optax.adam(1e-3, b1=0.99, b2=0.999, eps=1e-4)
S = opt.init(P)


def mlp(x, layers):
    for i, (w, b) in enumerate(layers):
        x = x @ w + b
        if i < len(layers) - 1:
            x = jnp.tanh(x)
    return x


def loss_fn(P, x, eps):
    """Minus the sum of the bounds; eps [K, batch, M]."""
    o = mlp(x, P[0])
    mean, log_stddev = o[:, :M], 0.5 * o[:, M:]
    z = mean + jnp.exp(log_stddev) * eps
    log_ratio = (0.5 * (eps**2 - z**2) + log_stddev).sum(-1)
    logits = mlp(z.reshape(-1, M), P[1]).reshape(K, -1, 784)
    log_likelihood = -optax.sigmoid_binary_cross_entropy(logits, x).sum(-1)
    return -(jax.scipy.special.logsumexp(log_likelihood + log_ratio, axis=0) - np.log(K)).sum()


@jax.jit
def epoch(P, S, key):
    n = len(X) // a.batch
    key, shuffle = jax.random.split(key)
    batches = jax.random.permutation(shuffle, len(X))[: n * a.batch].reshape(n, a.batch)

    def body(carry, rows):
        P, S, key = carry
        key, noise = jax.random.split(key)
        loss, g = jax.value_and_grad(loss_fn)(P, X[rows], jax.random.normal(noise, (K, a.batch, M)))
        u, S = opt.update(g, S, P)
        return (optax.apply_updates(P, u), S, key), loss

    (P, S, _), losses = jax.lax.scan(body, (P, S, key), batches)
    return P, S, losses


n = len(X) // a.batch
for e in range(a.epochs):
    t = time.perf_counter()
    P, S, losses = epoch(P, S, jax.random.PRNGKey(e))
    losses = np.asarray(losses)
    s = time.perf_counter() - t
    print(f"jax epoch {e + 1} train {-losses.mean() / a.batch:.2f} {s:.2f} s {n * a.batch / s:.0f} images/s "
          f"{s / n * 1e3:.3f} ms/step", flush=True)
