"""Tables are read as they are, and what is wrong with one is told with its line."""

from __future__ import annotations

import gzip
from math import isnan
from pathlib import Path

import pytest

from nas.tables import LineFault, TableError, read_table, refuse

TEXT = "arch,acc,params\n0001,93.5,10\n0100,,20\n"


def written(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", TEXT),
        ("t.csv.gz", TEXT),
        ("t.tsv", TEXT.replace(",", "\t")),
        ("t.tsv.gz", TEXT.replace(",", "\t")),
        ("marked.csv", f"\N{BYTE ORDER MARK}{TEXT}"),
        ("windows.csv", TEXT.replace("\n", "\r\n")),
        ("quoted.csv", TEXT.replace("0001", '"0001"').replace("arch", " arch ")),
        ("blank.csv", f"{TEXT}\n\n"),
    ],
)
def test_a_table_has_texts_numbers_and_rows_by_key(name: str, text: str, tmp_path: Path) -> None:
    table = read_table(written(tmp_path, text, name))
    assert list(table.column("arch")) == ["0001", "0100"]
    faults: list[LineFault] = []
    assert table.rows(["arch"], faults) == {("0001",): 0, ("0100",): 1}
    assert table.rows(["params", "arch"], faults) == {("10", "0001"): 0, ("20", "0100"): 1}
    accuracies = table.numbers("acc", faults)
    assert accuracies[0] == 93.5
    assert isnan(accuracies[1])


def test_the_fingerprint_is_that_of_what_is_in_the_file(tmp_path: Path) -> None:
    one, packed, other = (
        read_table(written(tmp_path, text, name)).fingerprint
        for text, name in ((TEXT, "a.csv"), (TEXT, "b.csv.gz"), (TEXT.replace("10", "11"), "c.csv"))
    )
    assert one == packed != other


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        ("", "t.csv has no rows", "a table is a CSV file"),
        ("a,b\n", "t.csv has no rows", "a table is a CSV file"),
        ("a,b,a\n1,2,3\n", "t.csv:1: two columns are called `a`", "another name"),
        ("a,b\n1,2\n1,2,3\n", "t.csv:3: 3 cells, and 2 columns in line 1", "a table is a CSV file"),
        ('a,b\n1,"2\n', "t.csv:2: unexpected end of data", "a table is a CSV file"),
        ("a,\xe9\n1,2\n".encode("latin-1").decode("utf-8", "surrogateescape"), "is no UTF-8 text", "a table is"),
    ],
)
def test_what_is_no_table_is_refused(text: str, message: str, help: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(TableError) as caught:
        read_table(path)
    assert message in caught.value.message
    assert help in caught.value.help


def test_a_file_that_is_missing_or_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="can't be read: no such file or directory"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "text.csv.gz").write_text(TEXT)
    with pytest.raises(TableError, match="can't be read: not a gzipped file"):
        read_table(tmp_path / "text.csv.gz")


def test_a_column_that_there_is_not_is_told_with_the_nearest(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, TEXT))
    with pytest.raises(TableError, match=r"t\.csv has no column `arhc`") as caught:
        table.column("arhc")
    assert caught.value.help == "did you mean `arch`?"


def test_a_cell_that_is_no_number_is_told_with_its_line(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, TEXT.replace("93.5", "93.5%")))
    faults: list[LineFault] = []
    table.numbers("acc", faults)
    assert [(fault.line, fault.message) for fault in faults] == [(2, "`93.5%` in the column `acc` is no number")]


def test_two_rows_of_one_key_are_refused_with_both_lines(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, f"{TEXT}0001,90,30\n"))
    faults: list[LineFault] = []
    table.rows(["arch"], faults)
    with pytest.raises(TableError, match=r"t\.csv:4: the key 0001 stands here again, first in line 2"):
        refuse(table.source, faults)


@pytest.mark.parametrize("cell", ["inf", "-inf", "nan", "1e999"])
def test_a_cell_that_is_no_finite_number_is_told_with_its_line(cell: str, tmp_path: Path) -> None:
    table = read_table(written(tmp_path, TEXT.replace("93.5", cell)))
    faults: list[LineFault] = []
    table.numbers("acc", faults)
    assert [(fault.line, fault.message) for fault in faults] == [
        (2, f"`{cell}` in the column `acc` is no finite number")
    ]
    assert faults[0].help == ("correct the cell, or leave it empty where there is no value",)


def test_lines_with_too_many_or_too_few_cells_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        read_table(written(tmp_path, f"{TEXT}0011,1\n0111,1,2,3\n"))
    assert caught.value.message.splitlines()[1:] == [
        "  line 4: 2 cells, and 3 columns in line 1",
        "  line 5: 4 cells, and 3 columns in line 1",
    ]


@pytest.mark.parametrize(
    ("name", "mark", "told"),
    [("t.csv", ";", "`;`"), ("t.csv", "\t", "a tab"), ("t.csv", "|", "`|`"), ("t.tsv", ",", "`,`")],
)
@pytest.mark.parametrize("comma", [".", ","], ids=["points", "decimal commas"])
def test_other_separators_are_told(name: str, mark: str, told: str, comma: str, tmp_path: Path) -> None:
    text = TEXT.replace(",", mark).replace("93.5", f"93{comma}5")
    with pytest.raises(TableError) as caught:
        read_table(written(tmp_path, text, name))
    assert caught.value.help.startswith(f"the separator seems to be {told}")


def test_a_table_without_a_header_is_asked_about(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, TEXT.partition("\n")[2]))
    with pytest.raises(TableError, match="has no column `arch`") as caught:
        table.column("arch")
    assert "is the first line a header?" in caught.value.help
