"""Networks that were trained → one ONNX file that says the mean of what they say, and what it knows of its sensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from evaluation.forecast.network import LIMIT, Network
from services.inference.city.forecast.features import INPUTS
from services.inference.city.forecast.model import ABOUT, QUANTILES, About

OPSET = 17


def export(networks: Sequence[Network], about: About, file: Path) -> None:
    """Write the file; the same networks give the same bytes."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = [
        numpy_helper.from_array(np.array(value, np.float32), name) for name, value in (("low", -LIMIT), ("high", LIMIT))
    ]
    constants.append(numpy_helper.from_array(np.array([-1, networks[0].horizons, len(QUANTILES)], np.int64), "shape"))
    for number, network in enumerate(networks):
        constants += [numpy_helper.from_array(value, f"{name}.{number}") for name, value in sorted(network.weights.items())]
        nodes += _nodes(number)
    nodes.append(helper.make_node("Mean", [f"told.{number}" for number in range(len(networks))], ["mean_told"]))
    nodes.append(helper.make_node("Reshape", ["mean_told", "shape"], ["change"]))
    graph = helper.make_graph(
        nodes,
        "forecast",
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["r", INPUTS]),
            helper.make_tensor_value_info("sensor", TensorProto.INT64, ["r"]),
        ],
        [helper.make_tensor_value_info("change", TensorProto.FLOAT, ["r", networks[0].horizons, len(QUANTILES)])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    helper.set_model_props(model, {ABOUT: about.to_json()})
    onnx.checker.check_model(model)
    file.write_bytes(model.SerializeToString(deterministic=True))


def _nodes(number: int) -> list[onnx.NodeProto]:
    """`Network.predict` as a graph."""
    steps = (
        ("Sub", ("features", "mean"), "x0"),
        ("Div", ("x0", "deviation"), "x1"),
        ("Clip", ("x1", "low", "high"), "x2"),
        ("Gather", ("own", "sensor"), "x3"),
        ("Concat", ("x2", "x3"), "x4"),
        ("Gemm", ("x4", "w1", "b1"), "h1"),
        ("Relu", ("h1",), "a1"),
        ("Gemm", ("a1", "w2", "b2"), "h2"),
        ("Relu", ("h2",), "a2"),
        ("Gemm", ("a2", "w3", "b3"), "told"),
    )
    shared = {"features", "sensor", "low", "high"}
    return [
        helper.make_node(
            kind,
            [name if name in shared else f"{name}.{number}" for name in given],
            [f"{made}.{number}"],
            axis=1 if kind == "Concat" else None,
        )
        for kind, given, made in steps
    ]
