"""Train the motion model: `python evaluation/models/motion/train.py EXAMPLES --out services/inference/models/motion.onnx`.

Needs the extra ``train`` (PyTorch, onnx) and nothing else of Chelu, so that it runs in an environment of its own. For each way
that a track may take the network scores the way, and says at ten instants up to 5 s how far along and beside it the track will
be, and how far off that may be: a mixture of Laplace distributions, trained by its likelihood. Inputs are scaled inside. Seeded.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import onnx
import torch

SEED = 20
HIDDEN = 64
EPOCHS = 40
BATCH = 512
RATE = 3e-3
PACES, KNOTS = 2, 10
# metres forward, metres right, m/s at four past instants; m/s, m/s², °/s; size; junction, turn, aside, slant; what the map says
NOISE = torch.tensor([0.3, 0.3, 0.1] * 4 + [0.1, 0.3, 0.5] + [0.0] * 2 + [0.5, 0.0, 0.3, 0.5] + [0.0] * 6)
JUNCTION, ASIDE = 17, 19  # columns of the inputs: metres to the junction, and to the right of the way
VALIDATION = 10  # every tenth vehicle


class Mixture(torch.nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
    """Two hidden layers; the last layer starts at zero, so that training starts from physics."""

    def __init__(self, mean: torch.Tensor, deviation: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.register_buffer("scale", torch.linspace(0.2, 3.0, KNOTS))
        outputs = 1 + PACES + 2 * (PACES + 1) * KNOTS
        self.body = torch.nn.Sequential(
            torch.nn.Linear(len(mean), HIDDEN), torch.nn.SiLU(), torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.SiLU(),
            torch.nn.Linear(HIDDEN, outputs),
        )  # fmt: skip
        torch.nn.init.zeros_(self.body[-1].weight)
        torch.nn.init.zeros_(self.body[-1].bias)
        with torch.no_grad():  # the second pace starts as one that falls behind
            self.body[-1].bias[1 + PACES + KNOTS : 1 + PACES + 2 * KNOTS] = -1.0

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(r, inputs) → (r, outputs); inputs beyond four deviations count as four."""
        told = self.body(((features - self.mean) / self.deviation).clamp(-4.0, 4.0))
        metres = told[:, 1 + PACES : 1 + PACES + (PACES + 1) * KNOTS].reshape(-1, PACES + 1, KNOTS) * self.scale
        errors = told[:, 1 + PACES + (PACES + 1) * KNOTS :].reshape(-1, PACES + 1, KNOTS) + self.scale.log()
        return torch.cat([told[:, : 1 + PACES], metres.flatten(1), errors.flatten(1)], dim=1)


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
        tables = [torch.tensor(data[name]) for name in ("inputs", "is_there", "is_taken", "along", "aside")]
        held = torch.tensor(data["vehicles"] % VALIDATION == 0)
    seen = [one[~held] for one in tables]
    rows = seen[0][seen[1]]
    network = Mixture(rows.mean(dim=0), rows.std(dim=0).clamp_min(0.05))
    _train(network, seen, _measured([one[held] for one in tables]), options.epochs)
    torch.onnx.export(
        network, (rows[:4],), str(options.out), input_names=["features"], output_names=["mixture"],
        dynamic_shapes=({0: torch.export.Dim("r")},), dynamo=True, external_data=False,
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


def _train(network: Mixture, seen: list[torch.Tensor], held: list[torch.Tensor], epochs: int) -> None:
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    best, kept, began = float("inf"), network.state_dict(), time.monotonic()
    for epoch in range(epochs):
        network.train()
        for rows in torch.randperm(len(seen[0])).split(BATCH):
            optimiser.zero_grad()
            _loss(network, *_measured([one[rows] for one in seen])).backward()
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


def _measured(tables: list[torch.Tensor]) -> list[torch.Tensor]:
    """The same moments as receivers tell of them: one error of each number for all of a track's ways.

    What is to be told is where the track will be, so the error of its place is a part of what becomes of it, seen from there.
    """
    inputs, is_there, is_taken, along, aside = tables
    noise = torch.randn(len(inputs), 1, inputs.shape[2]) * NOISE
    return [inputs + noise, is_there, is_taken, along + noise[..., JUNCTION, None], aside - noise[..., ASIDE, None]]


def _loss(
    network: Mixture,
    inputs: torch.Tensor,
    is_there: torch.Tensor,
    is_taken: torch.Tensor,
    along: torch.Tensor,
    aside: torch.Tensor,
) -> torch.Tensor:
    """Negative log likelihood of n tracks with up to w ways: inputs (n, w, i), masks (n, w), metres (n, w, KNOTS).

    Several ways are right as long as they have not parted. A track's knots hang together: their mean counts, not their sum.
    """
    told = network(inputs[is_there])
    score = torch.full(is_there.shape, -torch.inf)
    score[is_there] = told[:, 0]
    chosen = torch.logsumexp(score.masked_fill(~is_taken, -torch.inf), dim=1) - torch.logsumexp(score, dim=1)
    there = told[is_taken[is_there]]
    pace = torch.log_softmax(there[:, 1 : 1 + PACES], dim=1)
    rest = there[:, 1 + PACES :].reshape(-1, 2, PACES + 1, KNOTS)
    likely = _likely(along[is_taken][:, None], rest[:, 0, :PACES], rest[:, 1, :PACES]).mean(dim=2)
    beside = _likely(aside[is_taken], rest[:, 0, PACES], rest[:, 1, PACES]).mean(dim=1)
    return -(chosen.mean() + torch.logsumexp(pace + likely, dim=1).mean() + beside.mean())


def _likely(metres: torch.Tensor, middle: torch.Tensor, log_error: torch.Tensor) -> torch.Tensor:
    """Log density of Laplace distributions."""
    log_error = log_error.clamp(-5.0, 5.0)
    return -(metres - middle).abs() * torch.exp(-log_error) - log_error


if __name__ == "__main__":
    main()
