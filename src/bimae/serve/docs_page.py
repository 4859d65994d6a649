"""The description of the API (OpenAPI) as a page that loads nothing from elsewhere."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

TEMPLATE = "docs.html.j2"


def draw_docs(api: Mapping[str, Any], facts: Mapping[str, Any], url: str) -> str:
    """The page.

    Args:
        api: What /openapi.json says.
        facts: What /model says.
        url: Where this server was asked, without a slash at the end.
    """
    text = files("bimae.serve").joinpath(TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["kind"] = kind_of
    return environment.from_string(text).render(
        api=api, schemas=api["components"]["schemas"], example=example(facts, url)
    )


def example(facts: Mapping[str, Any], url: str) -> list[str]:
    """Command lines that make a file and ask about it, on a machine without any file of a seed.

    Args:
        facts: What /model says.
        url: Where this server was asked, without a slash at the end.
    """
    side, bands, nm = facts["hs_size"], facts["bands"], facts["wavelengths_nm"]
    arrays = {
        "rgb": f"rgb=r.random(({facts['rgb_size']}, {facts['rgb_size']}, 3))",
        "hs": f"hs=r.random(({side}, {side}, {bands}))",
    }
    made = [arrays[view] for view in facts["views"]]
    if "hs" in facts["views"] and facts["any_sensor"] and nm:
        made.append(f"wavelengths=np.linspace({min(nm):g}, {max(nm):g}, {bands})")
    program = (
        "import numpy as np; r = np.random.default_rng(0); "
        f"np.savez('noise.npz', {', '.join(made)})"
    )
    return [
        f'python -c "{program}"',
        f'curl -H "Content-Type: application/x-npz" --data-binary @noise.npz {url}/predict',
    ]


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
