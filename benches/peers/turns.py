"""Images per second of `wgvae train --device cpu` and of the same model in JAX and PyTorch, interleaved.

usage: turns.py [TURNS]    (after `cargo build --release`; pip install numpy torch "jax[cpu]" optax)
A turn runs the peers, wgvae, and the peers again, each for two epochs; the second epoch counts.
Prints a table: medians, and the median over the turns of wgvae's rate divided by a peer's mean.
"""
import json, pathlib, re, statistics, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
WGVAE = HERE.parents[1] / "target" / "release" / "wgvae"
TURNS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
# batch, hidden layers, threads
CASES = [(64, "200,100", 2), (64, "200,100", 1), (512, "200,100", 2), (128, "500,20", 2)]


def output(command: list, threads: int) -> str:
    pin = ["taskset", "-c", "0"] if threads == 1 else []
    out = subprocess.run([*pin, *map(str, command)], capture_output=True, text=True, check=True)
    return out.stdout + out.stderr


def rate(command: list, threads: int) -> int:
    return int(re.findall(r"(\d+) images/s", output(command, threads))[-1])


def turn(batch: int, hidden: str, threads: int) -> dict:
    model = ["--epochs", 2, "--batch", batch, "--hidden", hidden]

    def jax():
        return rate(["python3", HERE / "vae_jax.py", *model], threads)

    def torch():
        return rate(["python3", HERE / "vae_torch.py", *model, "--threads", threads], threads)

    def wgvae():
        with tempfile.TemporaryDirectory() as folder:
            run = pathlib.Path(folder) / "run"
            output([WGVAE, "train", *model, "--device", "cpu", "--run", run], threads)
            epoch = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
            return epoch["images_per_second"]

    before = jax(), torch()
    own = wgvae(), wgvae()
    after = jax(), torch()
    return {
        "wgvae": statistics.mean(own),
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

    batch, hidden, threads = case
    print(f"| {batch} | {hidden} | {threads} | {' | '.join(rates)} | {over('jax')} | {over('torch')} |", flush=True)
