"""Drawings: parts stand where they were put, arrows touch them, and what wouldn't fit is refused."""

import pytest
from matplotlib import pyplot as plt

from aigc_book.plotting.drawings import KINDS, WIDEST, Drawing, Part


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_sheet_is_measured_in_inches_and_no_wider_than_a_phone_can_show():
    sheet = Drawing(3.0, 2.0)
    assert tuple(sheet.figure.get_size_inches()) == (3.0, 2.0)
    assert sheet.figure.axes[0].get_xlim() == (0, 3.0)
    for width, height in ((WIDEST + 0.1, 1), (0, 1), (1, 0)):
        with pytest.raises(ValueError, match=f"a sheet is at most {WIDEST} inches wide"):
            Drawing(width, height)


def test_a_box_is_as_wide_as_its_text_needs():
    sheet = Drawing(5.0, 2.0)
    short, long = sheet.box(0.8, 1.5, "norm", "norm"), sheet.box(3.2, 1.5, "self-attention", "attention")
    assert 0.3 < short.width < long.width < 2
    assert texts(sheet.figure) == ["norm", "self-attention"]
    with pytest.raises(ValueError, match=r"'self-attention' needs .* its box has 0.30 x 0.36"):
        sheet.box(1.0, 0.5, "self-attention", width=0.3)


def test_edges_are_the_middles_of_the_sides_and_face_the_other_part():
    part = Part(2.0, 3.0, 1.0, 0.5)
    assert (part.left, part.right, part.top, part.bottom) == ((1.5, 3), (2.5, 3), (2, 3.25), (2, 2.75))
    assert part.edge_towards((9, 3.2)) == part.right
    assert part.edge_towards((2.1, 9)) == part.top
    assert part.edge_towards((-9, 3)) == part.left
    assert part.edge_towards((2, 0)) == part.bottom


def test_an_arrow_runs_from_edge_to_edge_past_its_corners():
    sheet = Drawing(4.0, 2.0)
    start, end = sheet.box(0.5, 0.5, "a", width=0.4), sheet.box(3.0, 1.5, "b", width=0.4)
    sheet.arrow(start, end, "gradient", via=[(3.0, 0.5)], dashed=True)
    (path,) = [p for p in sheet.figure.axes[0].patches if type(p).__name__ == "PathPatch"]
    assert path.get_path().vertices.tolist() == [[0.7, 0.5], [3.0, 0.5]]
    head = next(t for t in sheet.figure.axes[0].texts if t.get_text() == "")
    assert (tuple(head.xy), tuple(head.xyann)) == ((3.0, 1.32), (3.0, 0.5))
    assert "gradient" in texts(sheet.figure)


def test_a_tensor_has_a_cell_for_each_number_and_its_shape_below():
    sheet = Drawing(3.0, 3.0)
    part = sheet.tensor(1.5, 1.5, "$Q$", 3, 5, "attention", shape="(T, D)", cell=0.2)
    assert (part.width, part.height) == pytest.approx((1.0, 0.6))
    assert len(sheet.figure.axes[0].patches) == 15
    assert texts(sheet.figure) == ["$Q$", "(T, D)"]


def test_cells_stand_side_by_side():
    sheet = Drawing(4.0, 1.0)
    row = sheet.cells(0.5, 0.5, ["the", "cat", ""], ["cache", "cache", "plain"], width=0.5)
    assert [part.x for part in row] == [0.5, 1.0, 1.5]
    with pytest.raises(ValueError, match="got 1 texts and 2 kinds"):
        sheet.cells(0.5, 0.2, ["a"], ["cache", "plain"])
    with pytest.raises(ValueError, match=r"'multiplication' needs .* a cell has 0.50"):
        sheet.cells(2.8, 0.5, ["multiplication"], ["plain"])


def test_what_covers_another_part_or_leaves_the_sheet_is_refused():
    sheet = Drawing(4.0, 2.0)
    sheet.box(1.0, 1.0, "first", width=1.0)
    with pytest.raises(ValueError, match=r"'second' at .* covers another part"):
        sheet.box(1.8, 1.0, "second", width=0.9)
    sheet.box(2.0, 1.0, "beside", width=1.0)  # shares an edge
    with pytest.raises(ValueError, match=r"leaves the sheet of 4.0 x 2.0"):
        sheet.box(3.9, 1.0, "outside")
    with pytest.raises(ValueError, match=r"'gradient' needs .* its circle has a radius of 0.10"):
        sheet.circle(3.0, 1.0, "gradient", radius=0.1)


def test_an_unknown_kind_is_refused_by_name():
    with pytest.raises(ValueError, match=f"kind must be one of {', '.join(KINDS)}; got 'mystery'"):
        Drawing(2.0, 1.0).box(1.0, 0.5, "a", "mystery")


def test_every_kind_reads_in_the_dark_and_in_grey():
    """Ink on a light ground: at least 7 to 1, as WCAG's strictest level asks, whatever the page's own ground."""

    def luminance(color):
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))

    sheet = Drawing(1.0, 0.4 * len(KINDS))
    for i, kind in enumerate(KINDS):
        sheet.box(0.5, 0.2 + 0.4 * i, "x", kind, width=0.5)
    ink = luminance((0.133, 0.133, 0.133))
    for patch in sheet.figure.axes[0].patches:
        assert (luminance(patch.get_facecolor()) + 0.05) / (ink + 0.05) > 7
    plt.close(sheet.figure)
