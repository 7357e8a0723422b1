"""Pages share one layout; what is filled in is escaped."""

from pathlib import Path

import pytest

import bcdl
from bcdl.pages import data_address, rendered

PACKAGE = Path(bcdl.__file__).parent
TEMPLATES = sorted(path for path in PACKAGE.rglob("*.html.j2") if path.parent.name != "pages")
PAGE = """\
{% extends "layout.html.j2" %}
{% from "tables.html.j2" import rows, listed %}
{% block title %}{{ title }}{% endblock %}
{% block body %}{{ rows(table) }}{{ listed(facts) }}{% endblock %}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "own.html.j2"
    path.write_text(PAGE)
    return path


def test_a_page_has_the_shared_style_and_escapes_titles_cells_and_facts(template: Path) -> None:
    table = {"header": ["name", "n"], "rows": [["<b>", 3]], "numeric": [False, True]}
    page = rendered(template, title="<script>", table=table, facts={"a&b": "<i>"})
    assert "--ink:" in page
    assert "default-src &#39;none&#39;" not in page
    assert "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"" in page
    assert "<title>&lt;script&gt;</title>" in page
    assert '<td>&lt;b&gt;</td><td class="number">3</td>' in page
    assert "<dt>a&amp;b</dt><dd>&lt;i&gt;</dd>" in page


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_page_of_the_package_extends_the_layout(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith('{% extends "layout.html.j2" %}')
    assert "font:" not in text.replace("font: inherit", "")


def test_an_address_holds_a_file() -> None:
    assert data_address(b"png") == "data:image/png;base64,cG5n"
