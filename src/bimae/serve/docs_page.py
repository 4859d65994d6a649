"""The description of the API (OpenAPI) as a page that loads nothing from elsewhere."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

TEMPLATE = "docs.html.j2"


def draw_docs(api: Mapping[str, Any]) -> str:
    """The page.

    Args:
        api: What /openapi.json says.
    """
    text = files("bimae.serve").joinpath(TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["kind"] = kind_of
    return environment.from_string(text).render(api=api, schemas=api["components"]["schemas"])


def kind_of(schema: Mapping[str, Any]) -> str:
    """A schema in a few words: `list of number, or null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return ", or ".join(kind_of(one) for one in schema["anyOf"])
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"{kind_of(schema['additionalProperties'])} by name"
    return "file" if schema.get("format") == "binary" else kind
