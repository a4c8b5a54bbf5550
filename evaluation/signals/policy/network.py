"""A small network that says what going to another stage is worth: two hidden layers, learned so that who obeys it loses least."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from evaluation.adam import Adam, Weights
from evaluation.signals.policy.examples import Examples
from services.inference.city.signals.alternatives import INPUTS, Singles

HIDDEN = 48
BATCH, EPOCHS = 128, 40
RATE, DECAY, WARM_UP_STEPS = 3e-3, 1e-3, 100
UNIT_S = 3.0  # of vehicle-seconds that are gained: a worth of 1
MOST = 5.0  # units beyond which a gain counts as this many
ANCHOR = 0.2  # of the square error beside what is lost by choosing: keeps what a worth means
LEAST_DEVIATION = 0.05  # of a figure, for it to be learned from: one that was always the same says nothing of other values
LIMIT = 4.0  # deviations beyond which a figure counts as this many
OPSET = 17


def train(examples: Examples, *, seed: int, epochs: int = EPOCHS, tell: Callable[[float], None] = lambda _: None) -> Weights:
    """Learn; the same examples and seed give the same weights. `tell` hears what is lost by obeying, in seconds an instant."""
    rng = np.random.default_rng(seed)
    is_way = np.isfinite(examples.gain)
    weights = _begin(rng, examples.inputs[is_way])
    gain = np.clip(np.where(is_way, examples.gain, 0.0) / UNIT_S, -MOST, MOST).astype(np.float32)
    batches = max(len(gain) // BATCH, 1)
    steps, adam, done = epochs * batches, Adam(weights, decay=DECAY), 0
    for _ in range(epochs):
        order = rng.permutation(len(gain))
        for part in np.array_split(order, batches):
            done += 1
            rate = RATE * min(1.0, done / WARM_UP_STEPS) * 0.5 * (1.0 + np.cos(np.pi * done / steps))
            adam.step(_slopes(weights, examples.inputs[part], gain[part], is_way[part]), rate)
        tell(lost(weights, examples))
    return weights


def worth(weights: Weights, inputs: Singles) -> Singles:
    """What rows (…, INPUTS) are worth (…)."""
    return np.asarray(_forward(weights, inputs.reshape(-1, INPUTS))[2].reshape(inputs.shape[:-1]))


def lost(weights: Weights, examples: Examples) -> float:
    """Vehicle-seconds that who obeys loses at an instant, in the mean, to who always chooses what saves most."""
    is_way = np.isfinite(examples.gain)
    gain = np.concatenate([np.zeros((len(is_way), 1)), np.where(is_way, examples.gain, -np.inf)], axis=1)
    told = np.concatenate([np.zeros((len(is_way), 1)), np.where(is_way, worth(weights, examples.inputs), -np.inf)], axis=1)
    chosen = np.take_along_axis(gain, np.argmax(told, axis=1)[:, None], axis=1)[:, 0]
    return float(np.mean(np.minimum(gain.max(axis=1) - chosen, MOST * UNIT_S)))


def write(weights: Weights, file: Path) -> None:
    """As an ONNX file: rows (r, INPUTS) → (r, 1); the same weights give the same bytes."""
    nodes = [
        helper.make_node("Sub", ["figures", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "deviation"], ["divided"]),
        helper.make_node("Clip", ["divided", "low", "high"], ["scaled"]),
        helper.make_node("Gemm", ["scaled", "w1", "b1"], ["h1"]),
        helper.make_node("Relu", ["h1"], ["a1"]),
        helper.make_node("Gemm", ["a1", "w2", "b2"], ["h2"]),
        helper.make_node("Relu", ["h2"], ["a2"]),
        helper.make_node("Gemm", ["a2", "w3", "b3"], ["worth"]),
    ]
    given = [helper.make_tensor_value_info("figures", TensorProto.FLOAT, ["r", INPUTS])]
    told = [helper.make_tensor_value_info("worth", TensorProto.FLOAT, ["r", 1])]
    constants = [numpy_helper.from_array(value, name) for name, value in sorted(weights.items())]
    constants += [numpy_helper.from_array(np.array(one, np.float32), name) for name, one in (("low", -LIMIT), ("high", LIMIT))]
    graph = helper.make_graph(nodes, "signals", given, told, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model)
    file.write_bytes(model.SerializeToString(deterministic=True))


def _begin(rng: np.random.Generator, rows: Singles) -> Weights:
    def layer(given: int, made: int, size: float) -> Singles:
        return np.asarray(rng.standard_normal((given, made)) * np.sqrt(2.0 / given) * size, np.float32)

    deviation = rows.std(axis=0)
    return {
        "mean": rows.mean(axis=0),
        "deviation": np.where(deviation < LEAST_DEVIATION, np.float32(1e6), deviation),
        "w1": layer(INPUTS, HIDDEN, 1.0),
        "b1": np.zeros(HIDDEN, np.float32),
        "w2": layer(HIDDEN, HIDDEN, 1.0),
        "b2": np.zeros(HIDDEN, np.float32),
        "w3": layer(HIDDEN, 1, 0.1),
        "b3": np.zeros(1, np.float32),
    }


def _scaled(w: Weights, rows: Singles) -> Singles:
    return np.asarray(np.clip((rows - w["mean"]) / w["deviation"], -LIMIT, LIMIT), np.float32)


def _forward(w: Weights, rows: Singles) -> tuple[Singles, Singles, Singles]:
    hidden1 = np.maximum(_scaled(w, rows) @ w["w1"] + w["b1"], 0.0)
    hidden2 = np.maximum(hidden1 @ w["w2"] + w["b2"], 0.0)
    return hidden1, hidden2, hidden2 @ w["w3"] + w["b3"]


def _slopes(w: Weights, inputs: Singles, gain: Singles, is_way: np.ndarray) -> Weights:
    """Of what is lost, in the mean, by who goes each way as likely as its worth says (softmax; to stay is worth 0)."""
    rows = inputs.reshape(-1, INPUTS)
    hidden1, hidden2, told = _forward(w, rows)
    told = told.reshape(gain.shape)
    likely = np.exp(np.where(is_way, np.clip(told, -30.0, 30.0), -np.inf))
    likely = likely / (1.0 + likely.sum(axis=1, keepdims=True))
    expected = (likely * gain).sum(axis=1, keepdims=True)
    off = np.clip(told - gain, -1.0, 1.0)
    back = np.where(is_way, ANCHOR * off - likely * (gain - expected), 0.0) / np.float32(len(gain))
    back = back.reshape(-1, 1).astype(np.float32)
    back2 = (back @ w["w3"].T) * (hidden2 > 0.0)
    back1 = (back2 @ w["w2"].T) * (hidden1 > 0.0)
    return {
        "w1": _scaled(w, rows).T @ back1,
        "b1": back1.sum(axis=0),
        "w2": hidden1.T @ back2,
        "b2": back2.sum(axis=0),
        "w3": hidden2.T @ back,
        "b3": back.sum(axis=0),
    }
