"""Images per second of `wgvae train --device cpu` and of the same model in JAX and PyTorch, interleaved.

usage: turns.py [TURNS] [iwae]    (after `cargo build --release`; pip install numpy torch "jax[cpu]" optax)
A turn runs the peers, wgvae, and the peers again, each for two epochs; the second epoch counts.
Prints a table: medians, and the median over the turns of wgvae's rate divided by a peer's mean.
With `iwae`, the importance-weighted autoencoder with k = 5 and 50 samples, on some of the images.
"""
import json, pathlib, re, statistics, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
WGVAE = HERE.parents[1] / "target" / "release" / "wgvae"
TURNS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
IS_WEIGHTED = sys.argv[2:] == ["iwae"]
IWAE = "--hidden 200,200,50 --activation tanh --scale log-variance --init glorot --objective iwae --optimizer adam \
--beta1 0.99 --epsilon 1e-4".split()


def plain(batch: int, hidden: str, threads: int) -> tuple:
    """What the row says, the peers' program and flags, wgvae's flags, threads."""
    model = ["--batch", batch, "--hidden", hidden]
    return f"| {batch} | {hidden} | {threads} |", "vae", model, model, threads


def weighted(samples: int, limit: int, threads: int) -> tuple:
    both = ["--batch", 20, "--samples", samples, "--limit", limit]
    return f"| 20 | 200,200,50, k = {samples} | {threads} |", "iwae", both, [*both, *IWAE], threads


CASES = (
    [weighted(5, 20000, 2), weighted(5, 20000, 1), weighted(50, 4000, 2), weighted(50, 4000, 1)]
    if IS_WEIGHTED
    else [plain(64, "200,100", 2), plain(64, "200,100", 1), plain(512, "200,100", 2), plain(128, "500,20", 2)]
)


def output(command: list, threads: int) -> str:
    pin = ["taskset", "-c", "0"] if threads == 1 else []
    out = subprocess.run([*pin, *map(str, command)], capture_output=True, text=True, check=True)
    return out.stdout + out.stderr


def rate(command: list, threads: int) -> int:
    return int(re.findall(r"(\d+) images/s", output(command, threads))[-1])


def turn(_: str, peer: str, flags: list, own: list, threads: int) -> dict:
    def jax():
        return rate([sys.executable, HERE / f"{peer}_jax.py", "--epochs", 2, *flags], threads)

    def torch():
        return rate([sys.executable, HERE / f"{peer}_torch.py", "--epochs", 2, *flags, "--threads", threads], threads)

    def wgvae():
        with tempfile.TemporaryDirectory() as folder:
            run = pathlib.Path(folder) / "run"
            output([WGVAE, "train", "--epochs", 2, *own, "--device", "cpu", "--run", run], threads)
            epoch = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
            return epoch["images_per_second"]

    before = jax(), torch()
    ours = wgvae(), wgvae()
    after = jax(), torch()
    return {
        "wgvae": statistics.mean(ours),
        "jax": statistics.mean([before[0], after[0]]),
        "torch": statistics.mean([before[1], after[1]]),
    }


print("| batch | hidden | threads | wgvae | JAX | PyTorch | over JAX | over PyTorch |")
print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
for case in CASES:
    turns = [turn(*case) for _ in range(TURNS)]
    rates = [f"{statistics.median(t[name] for t in turns):,.0f}" for name in ("wgvae", "jax", "torch")]

    def over(peer: str) -> str:
        ratios = sorted(t["wgvae"] / t[peer] for t in turns)
        return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"

    print(f"{case[0]} {' | '.join(rates)} | {over('jax')} | {over('torch')} |", flush=True)
