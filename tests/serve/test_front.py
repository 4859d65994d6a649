"""Who may ask, what every answer carries, and pages that load nothing from elsewhere."""

import re
import shlex
from html import unescape
from pathlib import Path

import pytest

from bimae import __version__
from bimae.serve.front import Hosts
from tests.serve.conftest import Served


@pytest.mark.parametrize(
    "header", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "LOCALHOST", "[::1]:8000"]
)
def test_names_of_this_machine(header: str) -> None:
    assert Hosts("127.0.0.1").allows(header)


@pytest.mark.parametrize(
    "header",
    ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1",
     "evil.example@127.0.0.1", "127.0.0.1/x", "127.0.0.1:x", "127.0.0.1#", "[::1", "a" * 9000],
)  # fmt: skip
def test_other_names(header: str) -> None:
    assert not Hosts("127.0.0.1").allows(header)


def test_names_that_are_allowed_and_addresses_of_a_server_for_all() -> None:
    assert Hosts("127.0.0.1", ["Lab.example"]).allows("lab.example:80")
    everywhere = Hosts("0.0.0.0")
    assert everywhere.allows("10.1.2.3:8000") and everywhere.allows("localhost")
    assert not everywhere.allows("evil.example")
    assert Hosts("10.1.2.3").allows("10.1.2.3") and not Hosts("10.1.2.3").allows("10.1.2.4")


def test_pages_of_other_sites_are_refused(client_of: Served) -> None:
    client, service = client_of("rgb")
    rebound = client.get("/", headers={"host": "evil.example"})
    assert rebound.status_code == 421
    assert "found the host 'evil.example'" in rebound.json()["detail"]
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1.evil"):
        found = client.post("/predict", content=b"x", headers={"origin": origin})
        assert found.status_code == 403, origin
        assert "from a page of" in found.json()["detail"]
    own = client.get("/health", headers={"origin": "http://127.0.0.1"})
    assert own.status_code == 200
    asked = client.options("/predict", headers={"access-control-request-method": "POST"})
    assert not any(name.startswith("access-control") for name in (*asked.headers, *own.headers))
    assert service.room.requests == 0


def test_every_answer_is_guarded(client_of: Served) -> None:
    client, _ = client_of("rgb")
    for path in ("/", "/docs", "/model", "/nowhere", "/page.js", "/openapi.json"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_pages_load_nothing_from_elsewhere(client_of: Served) -> None:
    client, _ = client_of("rgb")
    for path in ("/", "/docs", "/page.css", "/page.js"):
        found = client.get(path)
        assert found.status_code == 200
        links = set(re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"'\s)>]+)", found.text))
        assert not any("//" in link for link in links), links
        addresses = set(re.findall(r"https?://[^\s\"'`)]+", found.text))
        assert addresses <= {"http://www.w3.org/2000/svg", "http://127.0.0.1/predict"}, addresses
        if path in ("/", "/docs"):  # the policy lets none of these run
            assert " style=" not in found.text and not re.search(r"\son\w+=", found.text)
            assert not re.search(r"<script(?! src=)", found.text)


def test_the_api_is_described_for_people_and_programs(client_of: Served) -> None:
    client, _ = client_of("rgb")
    api = client.get("/openapi.json").json()
    assert api["info"]["version"] == __version__
    assert set(api["paths"]) == {"/predict", "/model", "/health"}
    page = client.get("/docs").text
    for path, verbs in api["paths"].items():
        for verb, one in verbs.items():
            assert f"{verb.upper()} {path}" in page
            for status in one["responses"]:
                assert f'<th scope="row">{status}</th>' in page
    for name, schema in api["components"]["schemas"].items():
        assert f'id="{name}"' in page
        for field in schema["properties"]:
            assert f"<code>{field}</code>" in page
    for part in ("rgb", "hs", "sample", "wavelengths"):
        assert f"<code>{part}</code>" in page
    assert "Undefined" not in page and "{{" not in page


@pytest.mark.parametrize("name", ["rgb", "hs", "both", "any"])
def test_the_example_of_the_page_works(
    client_of: Served, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file is made by the first command and is what the second one sends."""
    client, _ = client_of(name)
    (code,) = re.findall(r"<pre><code>(.*?)</code></pre>", client.get("/docs").text, re.DOTALL)
    make, ask = (shlex.split(unescape(line)) for line in code.splitlines())
    assert make[:2] == ["python", "-c"] and ask[-1] == "http://127.0.0.1/predict"
    monkeypatch.chdir(tmp_path)
    exec(make[2], {})
    header, value = ask[2].split(": ")
    body = Path(ask[4].removeprefix("@")).read_bytes()
    found = client.post("/predict", content=body, headers={header: value})
    assert found.status_code == 200, found.text


def test_other_addresses_and_verbs(client_of: Served) -> None:
    client, _ = client_of("rgb")
    assert client.get("/nowhere").json() == {"detail": "GET /nowhere: Not Found; see /docs"}
    wrong = client.get("/predict")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    odd = client.post("/predict?explain=perhaps")
    assert odd.status_code == 422 and odd.json()["detail"].startswith("explain: ")
    for path in ("/..%2f..%2fetc/passwd", "/page.html", "/static/page.js"):
        assert client.get(path).status_code == 404
