from pathlib import Path

import pytest

from mnist_cnn.runs.curves import Rows

GOOD = "epoch,step,val/loss,val/accuracy\r\n0,1,,\r\n0,2,0.5,0.25\r\n1,4,0.25,nan\r\n"


def read(content: str | bytes) -> Rows:
    path = Path("metrics.csv")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Rows.read(path)


def test_rows_are_read_as_they_stand() -> None:
    found = read(GOOD)
    assert found.columns == ("epoch", "step", "val/loss", "val/accuracy")
    assert [row["val/loss"] for row in found.rows] == ["", "0.5", "0.25"]
    assert found.problem == ""
    assert found.curves()["val/loss"] == ([1.0, 2.0], [0.5, 0.25])


@pytest.mark.parametrize("torn", ["1", "1,5,0.1,0.", "1,5,0.1,0.2"])
def test_a_row_without_its_end_is_left_out_without_a_word(torn: str) -> None:
    """Also one that looks whole: its last number may go on."""
    assert read(GOOD + torn) == read(GOOD)


@pytest.mark.parametrize(
    "line", [b"1,5,0.1", b"1,5,0.1,0.2,0.3", b"1,5,x,0.2", b"1,5,\xff,0.2", b"\0\0\0\0", b'1,5,"0.1,0.2', b"1\r2,3,4,5"]
)
def test_rows_count_up_to_the_first_damaged_one(line: bytes) -> None:
    found = read(GOOD.encode() + line + b"\r\n1,6,0.1,0.2\r\n")
    assert found.rows == read(GOOD).rows
    assert "metrics.csv is damaged from line" in found.problem


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\0" * 100, b"\xff\xfe\n1,2\n", b"0,1\n0,2\n", b"epoch,step,step\n1,2,3\n"]
)
def test_a_file_without_its_head_is_damaged(content: bytes) -> None:
    found = read(content)
    assert (found.rows, found.curves()) == ((), {})
    assert "metrics.csv is damaged" in found.problem


def test_an_absent_file_has_no_rows_and_no_problem() -> None:
    assert Rows.read(Path("absent.csv")) == Rows()


def test_what_is_validated_within_an_epoch_lies_before_its_end() -> None:
    found = read(
        "epoch,step,val/loss,train/loss\r\n0,50,4,\r\n0,100,3,\r\n0,100,,9\r\n"
        "1,150,2,\r\n1,200,1,\r\n1,200,,8\r\n2,225,0.5,\r\n"
    )
    assert found.curves() == {
        "train/loss": ([1.0, 2.0], [9.0, 8.0]),
        "val/loss": ([0.5, 1.0, 1.5, 2.0, 2.25], [4.0, 3.0, 2.0, 1.0, 0.5]),  # the third epoch was not finished
    }


def test_a_run_that_begins_within_another_ones_epochs_is_placed_by_them() -> None:
    found = read("epoch,step,val/loss,train/loss\r\n2,250,4,\r\n2,300,3,\r\n2,300,,9\r\n3,400,2,\r\n3,400,,1\r\n")
    assert found.curves()["val/loss"] == ([2.5, 3.0, 4.0], [4.0, 3.0, 2.0])


def test_rows_without_steps_lie_at_the_end_of_their_epochs_and_those_without_epochs_nowhere() -> None:
    assert read("epoch,val/loss\r\n0,2\r\n1,1\r\n,5\r\nnan,5\r\n-1,5\r\ninf,5\r\n").curves() == {
        "val/loss": ([1.0, 2.0], [2.0, 1.0])
    }
