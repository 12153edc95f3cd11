"""Has numpy and PyTorch open what wgvae writes, and wgvae what they write.

    python3 tests/interop/numpy_torch.py WGVAE RUN

WGVAE is the program, RUN a run's folder with images of 784 pixels. Needs `pip install numpy torch
safetensors`. Exits with 1 and says why if anything differs by more than 1e-5.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.functional import softplus

TOLERANCE = 1e-5


def wgvae(program, *arguments):
    command = [program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def check(what, found, expected):
    found, expected = numpy.asarray(found), numpy.asarray(expected)
    if found.shape != expected.shape:
        sys.exit(f"{what}: expected shape {expected.shape}, found {found.shape}")
    worst = numpy.abs(found - expected).max()
    if not worst <= TOLERANCE:
        sys.exit(f"{what}: differ by {worst}")
    print(f"{what} {found.shape}: differ by {worst:.1e} at most")


def layers(widths):
    """Linear layers with ReLU between them."""
    pairs = list(zip(widths, widths[1:]))
    modules = [module for pair in pairs for module in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*modules[:-1])


class Vae(nn.Module):
    def __init__(self, pixels, hidden):
        super().__init__()
        self.encoder = layers([pixels, *hidden[:-1], 2 * hidden[-1]])
        self.decoder = layers([hidden[-1], *reversed(hidden[:-1]), pixels])

    def encode(self, x):
        mean, s = self.encoder(x).chunk(2, dim=1)
        return mean, softplus(s) + 1e-6

    def decode(self, z):
        return torch.sigmoid(self.decoder(z))


def load_in_torch(path):
    """The model, sizes by its shapes; strict, so that a missing or extra tensor is an error."""
    state = load_file(path)
    weights = [state[f"encoder.{2 * layer}.weight"] for layer in range(len(state) // 4)]
    hidden = [weight.shape[0] for weight in weights]
    hidden[-1] //= 2
    model = Vae(weights[0].shape[1], hidden)
    model.load_state_dict(state, strict=True)
    return model.eval()


@torch.no_grad()
def check_model(program, run, model, folder):
    """Every number that the program gives, against those of the same model in PyTorch."""
    images = numpy.random.default_rng(0).random((300, 784), dtype=numpy.float32)
    numpy.save(folder / "images.npy", images)
    grey = ["--input", folder / "images.npy", "--binarize", "none"]
    encode = ["encode", run, "--device", "cpu", "--output", folder / "means.npy"]
    wgvae(program, *encode, "--stddev", folder / "stddevs.csv", *grey)
    means, stddevs = model.encode(torch.from_numpy(images))
    found = numpy.load(folder / "means.npy")
    check("means.npy", found, means)
    check("stddevs.csv", numpy.loadtxt(folder / "stddevs.csv", delimiter=",", ndmin=2), stddevs)

    numpy.save(folder / "z.npy", found.astype(numpy.float64))
    decode = ["decode", run, "--device", "cpu", "--input", folder / "z.npy", "--output"]
    wgvae(program, *decode, folder / "p.npy")
    check("p.npy", numpy.load(folder / "p.npy"), model.decode(torch.from_numpy(found)))

    sample = ["sample", run, "--device", "cpu", "--count", 50, "--output", folder / "s.npy"]
    wgvae(program, *sample, "--probabilities", folder / "p.csv", "--latents", folder / "z.csv")
    z = numpy.loadtxt(folder / "z.csv", delimiter=",", ndmin=2, dtype=numpy.float32)
    probabilities = numpy.loadtxt(folder / "p.csv", delimiter=",", ndmin=2)
    check("p.csv", probabilities, model.decode(torch.from_numpy(z)))
    samples = numpy.load(folder / "s.npy")
    if not set(numpy.unique(samples)) <= {0.0, 1.0}:
        sys.exit("s.npy: expected zeros and ones")


def check_arrays(program, run, folder):
    """Arrays of each kind that numpy writes give the same as the bytes they come from."""
    images = numpy.random.default_rng(1).integers(0, 256, (40, 28, 28), dtype=numpy.uint8)
    flat = images.reshape(40, 784)
    bright = (flat / numpy.float32(255)).astype(numpy.float32)
    kinds = {
        "bytes": images,
        "flat": flat,
        "float32": bright,
        "float64": bright.astype(numpy.float64).reshape(40, 28, 28),
        "channel": bright.reshape(40, 1, 28, 28),
        "fortran": numpy.asfortranarray(bright),
        "bool": flat > 127,
    }
    first = None
    for name, array in kinds.items():
        path = folder / f"{name}.npy"
        numpy.save(path, array)
        wgvae(program, "encode", run, "--device", "cpu", "--input", path, "--output", folder / "m.npy")
        means = numpy.load(folder / "m.npy")
        first = means if first is None else first
        check(f"means of {name}", means, first)


def main(program, run):
    model = load_in_torch(run / "model.safetensors")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        print(f"{run} in PyTorch {torch.__version__} and numpy {numpy.__version__}")
        check_model(program, run, model, folder)
        check_arrays(program, run, folder)
        # A model that PyTorch made, without a word about its sizes.
        torch.manual_seed(0)
        model = Vae(784, [60, 30, 2]).eval()
        path = folder / "torch.safetensors"
        save_file(model.state_dict(), path, metadata={"scale": "softplus"})
        print("a model of PyTorch's in wgvae")
        check_model(program, path, model, folder)
        on = [path, "--device", "cpu"]
        wgvae(program, "reconstruct", *on, "--digit", 7, "--output", folder / "sevens.png")
        wgvae(program, "interpolate", *on, "--from", 0, "--to", 1, "--output", folder / "path.png")
        wgvae(program, "manifold", *on, "--limit", 500, "--output", folder / "manifold.png")
        wgvae(program, "eval", *on, "--limit", 50, "--importance-samples", 3)
        print("every command takes it")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
