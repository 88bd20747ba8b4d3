"""Tables that are damaged, empty, or made to do harm: one line that names the file and the row, and bounded memory."""

import gzip
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.data.own.recognition import recognise
from mnist_cnn.data.own.source import Form, Survey
from mnist_cnn.data.reading import Reading
from mnist_cnn.errors import UserError

ROW = ",".join(["1", *map(str, range(16))])
NAMES = ",".join(["label", *(f"pixel{number}" for number in range(16))])
TABLE = "".join(f"{line}\n" for line in [NAMES, *[ROW] * 9])


def survey(content: str | bytes, name: str = "table.csv") -> Survey:
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return recognise(Path(name), Reading()).survey()


DAMAGED = {
    "too short": (ROW.rpartition(",")[0], "it has 16 cells, not 17"),
    "too long": (ROW + ",1", "it has 18 cells, not 17"),
    "far too long": (ROW + "," * 100, "it has 117 cells, not 17"),
    "one cell": ("1", "it has 1 cell, not 17"),
    "text": (ROW.replace(",5,", ",black,"), "'black' is no number in column pixel5"),
    "an empty cell": (ROW.replace(",5,", ",,"), "it has no value in column pixel5"),
    "beyond 255": (ROW.replace(",5,", ",256,"), "256 in column pixel5 is no pixel"),
    "far beyond": (ROW.replace(",5,", f",{'9' * 400},"), "in column pixel5 is no pixel"),
    "negative": (ROW.replace(",5,", ",-1,"), "-1 in column pixel5 is no pixel"),
    "NaN": (ROW.replace(",5,", ",nan,"), "nan in column pixel5 is no pixel"),
    "infinite": (ROW.replace(",5,", ",inf,"), "inf in column pixel5 is no pixel"),
    "Python's digits": (ROW.replace(",5,", ",1_0,"), "'1_0' is no number"),
    "a formula": (ROW.replace(",5,", ",=1+1,"), "'=1+1' is no number"),
    "a NUL byte": (ROW.replace(",5,", ",\0,"), "'\\x00' is no number"),
    "an open quote": (ROW.replace(",5,", ',"5,'), "it has"),
    "no label": (ROW.removeprefix("1"), "it has no label"),
    "a label without end": ("x" * 1000 + ROW, "its label is too long"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_row_among_others_is_left_out_and_named(damage: str) -> None:
    row, reason = DAMAGED[damage]
    found = survey(f"{TABLE}{row}\n{ROW}\n")
    ((name, why, is_damaged),) = found.skipped
    assert (name, is_damaged) == ("table.csv, row 11", True)
    assert reason in why
    assert why.isprintable()
    assert len(why) < 250
    part = found.parts["train"]
    assert (len(part), part.name_of(9)) == (10, "table.csv, row 12")


def test_where_nobody_says_what_rows_are_of_damaged_ones_keep_their_places() -> None:
    row = ROW.partition(",")[2]
    Path("test.csv").write_text(f"{NAMES.partition(',')[2]}\n{row}\n{row},5\n{row}\n")
    source = recognise(Path("test.csv"), Reading())
    assert len(source.survey().parts["train"]) == 3
    (block,) = source.blocks("train", Form(1, 4, 4))
    assert block.positions.tolist() == [0, 2]
    assert block.damaged == {1: "it has 17 cells, not 16"}


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "table.csv is empty"),
    "lines without anything": ("\n\r\n\n", "table.csv is empty"),
    "a mark of UTF-8 alone": ("\ufeff", "table.csv is empty"),
    "names alone": (f"{NAMES}\n", "names of columns alone"),
    "one column": ("label\n1\n2\n", "row 2 has one column alone"),
    "no square": (f"{NAMES},pixel16\n" + f"{ROW},5\n" * 3, "row 2: 18 of 18 columns hold numbers; pixels of square"),
    "UTF-16": (TABLE.encode("utf-16"), "UTF-16; save it as UTF-8"),
    "UTF-16 without a mark": (TABLE.encode("utf-16-le"), "NUL bytes"),
    "another file": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no table of text"),
    "gzip cut off": (gzip.compress(TABLE.encode())[:-12], "damaged, or cut off, after row"),
    "gzip altered": (gzip.compress(TABLE.encode())[:-8] + bytes(8), "damaged, or cut off, after row"),
    "all rows damaged": (TABLE.replace(",7,", ",dark,"), "row 2: 'dark' is no number in column pixel7 (and 8 more"),
    "fractions around 0": (TABLE.replace(",7,", ",-0.7,"), "row 2: -0.7 in column pixel7 is no pixel"),
    "names of another count": (
        f"{NAMES},a,b,c\n" + f"{ROW}\n" * 3,
        "row 1 names 20 columns, and the rows below have 17",
    ),
    "a pickle": (b"\x80\x04\x95" + b"cos\nsystem\n(S'touch x'\ntR.", "table.csv"),
    "a formula": ("=cmd|'/c calc'!A0\n1\n", "table.csv"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_table_of_pixels_is_refused_in_a_line(kind: str) -> None:
    content, expected = REFUSED[kind]
    with pytest.raises(UserError) as caught:
        survey(content)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Path("x").exists()


def test_a_column_that_is_not_there_is_answered_with_those_that_are() -> None:
    Path("table.csv").write_text(TABLE)
    with pytest.raises(
        UserError, match=r"label_column=kind: table\.csv has no such column; its columns are label, pix"
    ):
        recognise(Path("table.csv"), Reading(label_column="kind"))
    Path("table.csv").write_text(f"{ROW}\n" * 3)
    with pytest.raises(UserError, match=r"label_column=17: .* have no names, or a number from 0 to 16"):
        recognise(Path("table.csv"), Reading(label_column="17"))


def test_lines_without_end_and_packed_bytes_that_become_many_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.data.own.lines.LONGEST_LINE", 4 << 20)
    monkeypatch.setattr("mnist_cnn.data.own.lines.LARGE", 1 << 19)
    monkeypatch.setattr("mnist_cnn.data.own.lines.BEST_PACKED", 100)
    monkeypatch.setattr("mnist_cnn.data.own.lines.BLOCK_BYTES", 1 << 18)
    monkeypatch.setattr("mnist_cnn.data.own.heads.MOST_COLUMNS", 100_000)
    endless, many_rows = b"0" * (50 << 20), (",".join("0" * 17) + "\n").encode() * 20_000
    cases = {
        "row 1 is longer than": endless,
        "row 11 is longer than": TABLE.encode() + endless,
        "more columns than": b"0," * 200_000,
        "packed bytes become more than": gzip.compress(many_rows),
    }
    for expected, content in cases.items():
        Path("table.csv").write_bytes(content)
        tracemalloc.start()
        with pytest.raises(UserError, match=expected):
            recognise(Path("table.csv"), Reading()).survey()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 40 << 20, expected


def test_a_table_that_changes_while_it_is_read_is_no_data() -> None:
    Path("table.csv").write_text(TABLE)
    source = recognise(Path("table.csv"), Reading())
    source.survey()
    Path("table.csv").write_text(TABLE + f"{ROW}\n")
    with pytest.raises(UserError, match="was changed"):
        list(source.blocks("train", Form(1, 4, 4)))


@pytest.mark.parametrize("seed", range(30))
def test_arbitrary_bytes_end_in_images_or_in_a_line(seed: int) -> None:
    random = np.random.default_rng(seed)
    content = bytearray(TABLE.encode())
    for place in random.integers(0, len(content), 1 + seed // 3).tolist():
        content[place] = int(random.choice(np.array([0, 10, 13, 34, 44, 46, 59, 200, int(random.integers(256))])))
    Path("table.csv").write_bytes(bytes(content))
    with suppress(UserError):
        source = recognise(Path("table.csv"), Reading())
        part = source.survey().parts["train"]
        size = part.sizes[0].tolist()
        assert sum(len(block.images) + len(block.damaged) for block in source.blocks("train", Form(1, *size))) == len(
            part
        )
