"""Tables of boxes as people write them, and what is told about those that cannot be read."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.data.scenes import read_boxes, unique_ids
from bimae.errors import DataError


def write(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "boxes.csv"
    path.write_bytes(text.encode(encoding))
    return path


def edges(row):
    return row.box.left, row.box.top, row.box.right, row.box.bottom


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_in_any_order_and_case_beside_others(tmp_path, encoding, separator, end):
    lines = [
        ["Species", "Bottom", "scene", "notes", "LEFT", "top ", "right", "ID", "Group", "split"],
        ["Käfer", "8.5", "a/plot3.hdr", "x", "1", "-2", "4.25", "k1", "tray 1", "train"],
        ["", "9", "a/plot4.hdr", "", "1e1", "2", " 14 ", "k2", "", "Validation"],
    ]
    text = end.join(separator.join(fields) for fields in lines) + end
    first, second = read_boxes(write(tmp_path, text, encoding))
    assert edges(first) == (1, -2, 4.25, 8.5) and edges(second) == (10, 2, 14, 9)
    assert (first.box.id, first.box.label, first.box.group) == ("k1", "Käfer", "tray 1")
    assert (second.box.id, second.box.label, second.box.group) == ("k2", None, None)
    assert (first.split, second.split) == ("train", "val")
    assert (first.line, second.line) == (2, 3)
    assert first.path_hs == tmp_path / "a" / "plot3.hdr" and first.path_rgb is None
    assert first.box.where == f"{tmp_path / 'boxes.csv'}: line 2"


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("scene,left,top,right,bottom", "p.hdr,1,2,4,8"),
        ("path_hs,x0,y0,x1,y1", "p.hdr,1,2,4,8"),
        ("image_path,xmin,ymin,xmax,ymax", "p.hdr,1,2,4,8"),
        ("scene,x,y,w,h", "p.hdr,1,2,3,6"),
        ("scene,left,top,Width,Height", "p.hdr,1,2,3,6"),
        ("scene,y,x,height,width", "p.hdr,2,1,6,3"),
        # width and height are those of the whole image here
        ("filename,width,height,class,xmin,ymin,xmax,ymax", "p.hdr,500,400,oak,1,2,4,8"),
    ],
)
def test_usual_names_of_the_edges(tmp_path, header, values):
    (row,) = read_boxes(write(tmp_path, f"{header}\n{values}\n"))
    assert edges(row) == (1, 2, 4, 8) and row.path_hs == tmp_path / "p.hdr"
    assert row.split is None and row.box.label == ("oak" if "class" in header else None)


def test_ids_are_made_where_there_are_none_and_made_unique(tmp_path):
    text = "scene,path_rgb,x0,y0,x1,y1,id\n" + "".join(
        f"{scene},{rgb},0,0,1,1,{name}\n"
        for scene, rgb, name in (
            ("d/plot3.hdr", "rgb.png", "k"),
            ("d/plot3.hdr", "", ""),
            ("/e/plot4.tif", "/e/rgb.png", "k"),
        )
    )
    rows = read_boxes(write(tmp_path, text))
    assert [row.box.id for row in rows] == ["k", "plot3-0002", "k#2"]
    assert [row.path_rgb for row in rows] == [tmp_path / "rgb.png", None, Path("/e/rgb.png")]
    assert rows[2].path_hs == Path("/e/plot4.tif")


@given(st.lists(st.sampled_from(["a", "b", "a#2", "a#2#2", "a#3"]), max_size=12))
def test_ids_are_unique_whatever_they_were(names):
    made = unique_ids(names)
    assert len(set(made)) == len(made) == len(names)
    seen = set()
    for name, found in zip(names, made, strict=True):
        assert found.startswith(name)
        assert found == name or name in seen  # a free name is left as it is
        seen.add(found)


@given(
    st.lists(
        st.tuples(
            st.floats(-1e4, 1e4),
            st.floats(-1e4, 1e4),
            st.floats(0.01, 1e4),
            st.floats(0.01, 1e4),
            st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=6),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(",;\t"),
)
def test_what_is_written_is_read(tmp_path_factory, boxes, separator):
    path = tmp_path_factory.mktemp("table") / "boxes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(["label", "scene", "x0", "y0", "x1", "y1"])
        for x, y, w, h, label in boxes:
            writer.writerow([label, "a,b;c.hdr", x, y, x + w, y + h])
    rows = read_boxes(path)
    assert [edges(row) for row in rows] == [(x, y, x + w, y + h) for x, y, w, h, _ in boxes]
    assert [row.box.label or "" for row in rows] == [label for *_, label in boxes]
    assert {row.path_hs.name for row in rows} == {"a,b;c.hdr"}


HEADER = "scene,left,top,right,bottom"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty table"),
        (f"{HEADER}\n", "found a header but no row"),
        ("a,b\n1,2\n", "no column for scene, left, top, right or width, bottom or height"),
        ("scene,x0,y0,x1\np,1,2,3\n", "no column for bottom or height"),
        (f"{HEADER},x0\np,1,2,3,4,5\n", "columns 'left' and 'x0' both mean the left: keep one"),
        (f"{HEADER},class,Species\np,1,2,3,4,a,b\n", "'class' and 'Species' both mean the label"),
        (f"{HEADER}\np,1,2,3,4\np,1,2,wide,4\n", "line 3, column 'right': found 'wide', expected"),
        (f"{HEADER}\n\np,1,2,3,4\n\np,1,2,inf,4\n", "line 5, column 'right': found 'inf'"),
        (f"{HEADER}\np,1,,3,4\n", "line 2, column 'top': found ''"),
        (f"{HEADER.replace(',', ';')}\np;1,5;2;3;4\n", "column 'left': found '1,5'.*12.5"),
        (f"{HEADER}\np,3,2,3,4\n", "column 'right': found '3', expected a right edge beyond"),
        (f"{HEADER}\np,1,2,3,1.5\n", "column 'bottom': found '1.5'.* below the top one, 2"),
        ("scene,x,y,w,h\np,1,2,-3,4\n", "column 'w': found '-3'"),
        ("scene,x,y,w,h\np,1,2,3,0\n", "column 'h': found '0'"),
        (f"{HEADER}\n,1,2,3,4\n", "column 'scene': found '', expected the file of a cube"),
        (f"{HEADER}\np,1,2,3\n", "line 2: found 4 fields, expected 5"),
        (f"{HEADER},split\np,1,2,3,4,\n", "column 'split': found '', expected train, val or test"),
        (f"{HEADER},split\np,1,2,3,4,fold1\n", "column 'split': found 'fold1'"),
    ],
)
def test_mistakes_name_file_line_column_and_value(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=message) as told:
        read_boxes(path)
    assert str(told.value).startswith(f"{path}: ") and "\n" not in str(told.value)


def test_a_file_that_is_no_table_is_told(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_boxes(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read_boxes(tmp_path)
    [row] = read_boxes(write(tmp_path, f"{HEADER}\nä,1,2,3,4\n", "latin-1"))
    assert row.path_hs.name == "ä"
    with pytest.raises(DataError, match="not a text file"):
        read_boxes(write(tmp_path, f"{HEADER}\np,1,2,3,4\n", "utf-16"))
    with pytest.raises(DataError, match="line 2: not readable as CSV"):
        read_boxes(write(tmp_path, f"{HEADER}\n{'x' * 140000},1,2,3,4\n"))
