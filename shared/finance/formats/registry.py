"""The formats of a report, each with what renders it and what its files are called on the web."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from shared.finance.formats import csv, html, parquet, xlsx
from shared.finance.model import Format
from shared.finance.report import Report

type Renderer = Callable[[Report, Path], Iterator[Path]]
"""Writes a report's files into a directory, and names each when it is there."""

RENDERERS: Mapping[Format, Renderer] = {
    Format.CSV: csv.render,
    Format.XLSX: xlsx.render,
    Format.PARQUET: parquet.render,
    Format.HTML: html.render,
}

CONTENT_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
}
