"""MNIST images from data/mnist as float32 rows of 0 and 1 (pixel > 127)."""
import gzip, pathlib
import numpy as np

DATA = pathlib.Path(__file__).resolve().parents[2] / "data" / "mnist"


def images(part: str) -> np.ndarray:
    """part: 'train' or 't10k'. Returns [n, 784]."""
    raw = gzip.open(DATA / f"{part}-images-idx3-ubyte.gz").read()
    return (np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784) > 127).astype(np.float32)
