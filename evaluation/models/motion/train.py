"""Train the motion model: `python evaluation/models/motion/train.py EXAMPLES --out services/inference/models/motion.onnx`.

Needs the extra ``train`` (PyTorch, onnx) and nothing else of Chelu, so that it runs in an environment of its own. The network
says what physics misses, at ten instants up to 5 s, in the vehicle's frame; inputs are scaled inside the network. Seeded: the
same examples give the same network on the same machine.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import onnx
import torch

SEED = 20
HIDDEN = 96
EPOCHS = 60
BATCH = 512
RATE = 2e-3
# metres forward, metres right, m/s at each of four past instants; m/s, m/s², °/s; size and the road's turn stay
NOISE = torch.tensor([0.1, 0.05, 0.1] * 4 + [0.1, 0.3, 0.5, 0.0, 0.0, 0.0])
VALIDATION = 10  # every tenth vehicle


class Correction(torch.nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
    """Two hidden layers; the last layer starts at zero, so that training starts from physics."""

    def __init__(self, mean: torch.Tensor, deviation: torch.Tensor, outputs: int, scale: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.register_buffer("scale", scale)
        inputs = len(mean)
        self.body = torch.nn.Sequential(
            torch.nn.Linear(inputs, HIDDEN), torch.nn.SiLU(), torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.SiLU(),
            torch.nn.Linear(HIDDEN, outputs),
        )  # fmt: skip
        torch.nn.init.zeros_(self.body[-1].weight)
        torch.nn.init.zeros_(self.body[-1].bias)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(n, inputs) → (n, outputs) metres; inputs beyond four deviations count as four."""
        return self.body(((features - self.mean) / self.deviation).clamp(-4.0, 4.0)) * self.scale


def main(arguments: list[str] | None = None) -> None:
    """Train, keep the best on validation vehicles, export."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("examples", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args(arguments)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    with np.load(options.examples) as data:
        inputs, targets = torch.tensor(data["inputs"]), torch.tensor(data["targets"]).flatten(1)
        held = torch.tensor(data["vehicles"] % VALIDATION == 0)
    network = _network(inputs[~held], targets[~held])
    _train(network, (inputs[~held], targets[~held]), (inputs[held], targets[held]), options.epochs)
    torch.onnx.export(
        network, (inputs[:4],), str(options.out), input_names=["features"], output_names=["correction"],
        dynamic_shapes=({0: torch.export.Dim("n")},), dynamo=True, external_data=False,
    )  # fmt: skip
    _strip(options.out)
    print(f"{options.out}: {options.out.stat().st_size} bytes")


def _strip(file: Path) -> None:
    """Leave out where on which machine each line of the exporter's source stood."""
    model = onnx.load(file)
    parts = [model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info]
    for part in [*parts, *model.graph.initializer]:
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, file)


def _network(inputs: torch.Tensor, targets: torch.Tensor) -> Correction:
    scale = targets.abs().mean(dim=0).clamp_min(0.05)
    return Correction(inputs.mean(dim=0), inputs.std(dim=0).clamp_min(0.05), targets.shape[1], scale)


def _train(
    network: Correction, seen: tuple[torch.Tensor, torch.Tensor], held: tuple[torch.Tensor, torch.Tensor], epochs: int
) -> None:
    inputs, targets = seen
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    best, kept, began = float("inf"), network.state_dict(), time.monotonic()
    for epoch in range(epochs):
        network.train()
        for rows in torch.randperm(len(inputs)).split(BATCH):
            optimiser.zero_grad()
            _loss(network, _disturbed(inputs[rows]), targets[rows]).backward()
            optimiser.step()
        schedule.step()
        with torch.no_grad():
            loss = float(_loss(network, *held))
        if loss < best:
            best, kept = loss, {name: value.clone() for name, value in network.state_dict().items()}
        print(
            f"epoch {epoch + 1}/{epochs}: validation {loss:.4f} (best {best:.4f}), {time.monotonic() - began:.0f} s", flush=True
        )
    network.load_state_dict(kept)
    network.eval()


def _disturbed(inputs: torch.Tensor) -> torch.Tensor:
    """Receivers measure with noise, a simulation does not."""
    return inputs + torch.randn_like(inputs) * NOISE


def _loss(network: Correction, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Huber on errors in units of each output's mean size: far and near instants weigh alike, outliers little."""
    return torch.nn.functional.smooth_l1_loss(network(inputs) / network.scale, targets / network.scale)


if __name__ == "__main__":
    main()
