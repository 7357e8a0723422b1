"""From a template to a page; what is filled in is escaped."""

import base64
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


def rendered(template: Path, **values: Any) -> str:  # noqa: ANN401 - whatever a template shows
    """Return a page.

    Args:
        template: a Jinja file, which may extend `layout.html.j2` and import `tables.html.j2`.
        values: what it shows, by name.
    """
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader([template.parent, _FOLDER]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(**values)


def data_address(content: bytes, kind: str = "image/png") -> str:
    """Return a file as an address that holds it, for a page that has nothing beside it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
