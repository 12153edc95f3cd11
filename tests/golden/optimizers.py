"""Writes optimizers.safetensors: tiny-5-3-2.safetensors' model, trained on its inputs by PyTorch's Adam,
AdamW and RMSprop in float64. Needs PyTorch (1.13 or later)."""

import json
import struct
from pathlib import Path

import torch

HERE = Path(__file__).parent
LATENT, STEPS = 2, 10

# The runs, by name: an optimiser, its settings, and the second moment that it begins with; "clip" is the
# largest norm of the gradient of an image's mean loss.
RUNS = {
    "adam": (torch.optim.Adam, {}, 0.0),
    "adam_set": (torch.optim.Adam, {"lr": 0.01, "betas": (0.8, 0.95), "eps": 0.02}, 0.5),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0.3}, 0.0),
    "rmsprop_torch": (torch.optim.RMSprop, {"alpha": 0.9}, 0.25),
    "clipped": (torch.optim.RMSprop, {"clip": 4.0}, 1.0),
    "rmsprop_centered": (torch.optim.RMSprop, {"centered": True}, 0.0),
}

# The states that are written, by their prefix: functions of PyTorch's.
STATES = {
    "m.": lambda state: state.get("exp_avg"),
    "v.": lambda state: state.get("exp_avg_sq"),
    "rms.": lambda state: None if "grad_avg" in state else state.get("square_avg"),
    "mean.": lambda state: state.get("grad_avg"),
    "var.": lambda state: state["square_avg"] - state["grad_avg"] ** 2 if "grad_avg" in state else None,
}


def beginning(optimizer, weight, initial):
    """The state of a weight before the first step."""
    first, second = torch.zeros_like(weight), torch.full_like(weight, initial)
    if not isinstance(optimizer, torch.optim.RMSprop):
        return {"step": torch.tensor(0.0), "exp_avg": first, "exp_avg_sq": second}
    centred = {"grad_avg": first} if optimizer.defaults["centered"] else {}
    return {"step": 0, "square_avg": second, **centred}


def read(path):
    """The f64 tensors of a safetensors file."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            values = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float64)
            tensors[name] = values.reshape(entry["shape"])
    return tensors


def write(path, tensors):
    """A safetensors file of f64 tensors."""
    header, body = {}, b""
    for name, tensor in tensors.items():
        values = tensor.detach().contiguous().numpy().tobytes()
        offsets = [len(body), len(body) + len(values)]
        header[name] = {"dtype": "F64", "shape": list(tensor.shape), "data_offsets": offsets}
        body += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def loss(weights, x, eps):
    """The negative ELBO, summed over the batch."""
    linear = torch.nn.functional.linear
    hidden = x
    for name in ["encoder.0", "encoder.2"]:
        hidden = linear(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"])
        hidden = torch.relu(hidden) if name == "encoder.0" else hidden
    mean, stddev = hidden[:, :LATENT], torch.nn.functional.softplus(hidden[:, LATENT:]) + 1e-6
    hidden = mean + stddev * eps
    for name in ["decoder.0", "decoder.2"]:
        hidden = linear(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"])
        hidden = torch.relu(hidden) if name == "decoder.0" else hidden
    log_likelihood = -torch.nn.functional.binary_cross_entropy_with_logits(
        hidden, x, reduction="sum"
    )
    kl = 0.5 * (mean**2 + stddev**2 - 1 - 2 * stddev.log()).sum()
    return kl - log_likelihood


def main():
    golden = read(HERE / "tiny-5-3-2.safetensors")
    results = {}
    for run, (kind, settings, initial) in RUNS.items():
        weights = {
            name.removeprefix("init."): tensor.clone().requires_grad_()
            for name, tensor in golden.items()
            if name.startswith("init.")
        }
        settings = dict(settings)
        clip = settings.pop("clip", None)
        optimizer = kind(weights.values(), **settings)
        for weight in weights.values():
            optimizer.state[weight] = beginning(optimizer, weight, initial)
        for step in range(STEPS):
            optimizer.zero_grad()
            x = golden["x"][step]
            loss(weights, x, golden["eps"][step]).backward()
            if clip is not None:
                norm = torch.nn.utils.clip_grad_norm_(weights.values(), clip * len(x))
                print(f"{run}, step {step + 1}: norm {norm / len(x):.3f}")
            optimizer.step()
            if step + 1 not in (1, STEPS):
                continue
            for name, weight in weights.items():
                after = f"{run}.after{step + 1}"
                results[f"{after}.{name}"] = weight.clone()
                for prefix, of in STATES.items():
                    state = of(optimizer.state[weight])
                    if state is not None:
                        results[f"{after}.{prefix}{name}"] = state.clone()
    write(HERE / "optimizers.safetensors", results)


if __name__ == "__main__":
    main()
