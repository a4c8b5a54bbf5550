"""The terminal's map puts every point into its Braille dot."""

import numpy as np

from evaluation.demo.dotmap import dots, frame_of, text


def test_corners_of_a_frame_light_the_corner_dots() -> None:
    corners = np.array([[0.0, 0.0], [3.0, 7.0]])
    frame = frame_of(corners, columns=2, rows=2)
    cells = dots(corners, frame, 2, 2)
    assert cells.tolist() == [[0, 0x08], [0x40, 0]]


def test_points_outside_the_frame_are_left_out() -> None:
    frame = frame_of(np.array([[0.0, 0.0], [3.0, 7.0]]), 2, 2)
    assert dots(np.array([[100.0, 0.0], [-5.0, -5.0]]), frame, 2, 2).sum() == 0


def test_the_topmost_layer_colours_a_cell_and_all_dots_show() -> None:
    roads, cars = np.array([[0x01, 0x02]], np.uint8), np.array([[0x80, 0]], np.uint8)
    drawn = text([(roads, "grey50"), (cars, "bold cyan")])
    assert drawn.plain == chr(0x2881) + chr(0x2802) + "\n"
    assert [str(span.style) for span in drawn.spans] == ["bold cyan", "grey50"]
