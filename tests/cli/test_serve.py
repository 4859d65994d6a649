"""`bimae serve` as people start it: a process of its own, asked, disturbed and stopped."""

import io
import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path

import httpx2 as httpx
import pytest

pytest.importorskip("fastapi")

from tests.cli.run import mistakes, run
from tests.serve import files
from tests.serve.conftest import make_model
from tests.serve.process import Process

PNG, HS = files.image(files.picture()), files.npy(files.cube())
HEAD = (
    "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    "Content-Type: multipart/form-data; boundary=x\r\n{}\r\n\r\n"
)
BEGIN = b'--x\r\nContent-Disposition: form-data; name="rgb"; filename="a"\r\n\r\n'


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("cli") / "m")


@pytest.fixture(scope="module")
def tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tmp")


@pytest.fixture(scope="module")
def running() -> Iterator[list[Process]]:
    found: list[Process] = []
    yield found
    for process in found:
        process.process.kill()


@pytest.fixture
def server(model: Path, tmp: Path, running: list[Process]) -> Process:
    """One for all tests; another one where a test has stopped it, in whatever order they run."""
    if not running or running[-1].process.poll() is not None:
        words = ("--port=0", "--seconds=3", "--max-request-mb=1")
        running.append(Process(model, *words, tmp=tmp))
    return running[-1]


def left(tmp: Path) -> list[str]:
    return [str(path) for folder in tmp.iterdir() for path in folder.rglob("*")]


def talk(server: Process, *blocks: bytes, wait: float = 0.0) -> bytes:
    """Sends bytes as they are, and reads until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        for block in blocks:
            line.sendall(block)
            time.sleep(wait)
        answer = b""
        while part := line.recv(1 << 16):
            answer += part
        return answer


def test_it_answers_and_says_what_it_serves(server: Process) -> None:
    first, second = server.said
    assert first.startswith("model    m (") and "3 classes, rgb and hs" in first
    assert "SIMULATED" in first
    assert second.startswith(f"serving  {server.url}/  (API: {server.url}/docs")
    found = httpx.post(f"{server.url}/predict", timeout=60, files={"rgb": PNG, "hs": HS}).json()
    assert found["class"] in server.get("/model")["classes"]
    assert server.get("/health")["status"] == "ok"


def test_many_at_once(server: Process, tmp: Path) -> None:
    """Each gets its own answer, whatever it is computed with."""
    bodies = [{"rgb": PNG, "hs": files.npy(files.cube(i))} for i in range(6)]
    with httpx.Client(base_url=server.url, timeout=60) as client:
        alone = [client.post("/predict", files=body).json()["probabilities"] for body in bodies]
        before = server.get("/health")
        with ThreadPoolExecutor(24) as pool:
            found = list(
                pool.map(lambda i: client.post("/predict", files=bodies[i % 6]), range(96))
            )
    for i, one in enumerate(found):
        assert one.status_code == 200
        assert one.json()["probabilities"] == pytest.approx(alone[i % 6], rel=1e-3)
    after = server.get("/health")
    assert after["answered"] - before["answered"] == 96
    assert after["batches"] - before["batches"] < 96
    assert left(tmp) == []


def test_bodies_that_are_too_large_or_too_slow(server: Process, tmp: Path) -> None:
    two_gb = talk(server, HEAD.format(f"Content-Length: {2 << 30}").encode() + bytes(1000))
    assert two_gb.startswith(b"HTTP/1.1 413 ") and b"found a body of 2147483648 bytes" in two_gb
    chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
    first = b"%x\r\n" % len(BEGIN) + BEGIN + b"\r\n"
    endless = talk(server, HEAD.format("Transfer-Encoding: chunked").encode(), first, *[chunk] * 20)
    assert endless.startswith(b"HTTP/1.1 413 ") and b"at most 1048576 are read" in endless
    slow = talk(server, HEAD.format("Content-Length: 1000").encode() + BEGIN)
    assert slow.startswith(b"HTTP/1.1 408 ") and b"connection: close" in slow.lower()
    posted = httpx.post(f"{server.url}/predict", timeout=60, files={"rgb": bytes(5 << 20)})
    assert posted.status_code == 413  # and the client got to read it
    assert left(tmp) == []


def test_clients_that_hang_up(server: Process, tmp: Path) -> None:
    for i in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            line.sendall(HEAD.format("Content-Length: 100000").encode() + BEGIN)
            line.sendall(bytes(i * 100))
    server.until(lambda: server.get("/health")["waiting"] == 0 and left(tmp) == [])
    assert (
        httpx.post(f"{server.url}/predict", timeout=60, files={"rgb": PNG, "hs": HS}).status_code
        == 200
    )


def test_what_is_no_request(server: Process) -> None:
    assert talk(server, b"hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert b"421" in talk(
        server, b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    )
    assert server.get("/health")["status"] == "ok"


DOCS = Path(__file__).resolve().parents[2] / "docs" / "serve.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on PATH")
def test_the_page_from_its_first_line_to_its_last(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/serve.md, as it stands there, in order, but for the port."""
    monkeypatch.chdir(tmp_path)
    page = DOCS.read_text(encoding="utf-8")
    lines = [line for block in blocks("sh", page) for line in block.splitlines()]
    *make, serve = [line for line in lines if line.startswith("bimae")][1:]  # the first shows how
    assert len(make) == 3 and serve == "bimae serve runs/b"
    for line in make:
        ran = run(capsys, *shlex.split(line)[1:])
        assert ran.code == 0, (line, ran.err)
    server = Process(Path("runs/b"), "--port=0")
    try:
        names: dict[str, object] = {}
        files_of_a_seed, ask = blocks("python", page)
        exec(files_of_a_seed, names)
        (questions,) = blocks("bash", page.replace("http://127.0.0.1:8000", server.url))
        answers = []
        for line in questions.splitlines():
            words = [*shlex.split(line), "--silent", "--fail-with-body", "--max-time", "60"]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (line, done.stdout, done.stderr)
            if "/predict" in line:
                answers.append(json.loads(done.stdout))
        told = io.StringIO()
        with redirect_stdout(told):
            exec(ask.replace("http://127.0.0.1:8000", server.url), names)
    finally:
        server.stop()
    assert len(answers) == 5
    for one in answers:
        assert one["probabilities"] == pytest.approx(answers[0]["probabilities"], rel=1e-3)
    assert [one["carried"] is not None for one in answers] == [False, False, False, True, False]
    assert told.getvalue().startswith(answers[0]["class"])
    for name in answers[0]:
        assert f"`{name}`" in page, f"docs/serve.md does not speak of {name}"


def blocks(kind: str, page: str) -> list[str]:
    """What stands between fences of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def test_the_port_is_taken(
    capsys: pytest.CaptureFixture[str], server: Process, model: Path
) -> None:
    (line,) = mistakes(run(capsys, "serve", model, "--port", server.port))
    assert line.startswith(f"bimae serve: 127.0.0.1:{server.port}: cannot be listened on")
    assert "choose another --port" in line


def test_a_signal_lets_it_finish_and_it_leaves_nothing(server: Process, tmp: Path) -> None:
    """After all that the tests above did to it."""
    assert len(list(tmp.iterdir())) == 1
    body = BEGIN + PNG + b"\r\n" + BEGIN.replace(b"rgb", b"hs") + HS + b"\r\n--x--\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(HEAD.format(f"Content-Length: {len(body)}").encode() + body[:3000])
        server.until(lambda: server.get("/health")["waiting"] == 1)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        line.sendall(body[3000:])
        assert line.recv(12) == b"HTTP/1.1 200"
    code, out, err = server.ended()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
    assert (code, out.strip()) == (0, "stopped")
    assert set(err.splitlines()) <= {"WARNING:  Invalid HTTP request received."}
    assert list(tmp.iterdir()) == []


def test_who_listens_to_all_is_warned_and_a_second_ctrl_c_waits_for_nothing(
    model: Path, tmp_path: Path
) -> None:
    words = ("--host=0.0.0.0", "--port=0", "--allow-host", "lab.example", "--seconds=60")
    server = Process(model, *words, tmp=tmp_path)
    port = server.port
    for name, status in (("lab.example", 200), ("127.0.0.1", 200), ("other.example", 421)):
        headers = {"host": f"{name}:{port}"}
        assert (
            httpx.get(f"http://127.0.0.1:{port}/health", headers=headers, timeout=60).status_code
            == status
        )
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(HEAD.format("Content-Length: 9999").encode() + BEGIN)
        server.until(lambda: len(list(tmp_path.rglob("*"))) > 1)
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert server.process.poll() is None  # it waits for the rest
        code, out, err = server.stop(signal.SIGINT)
    assert (code, out.strip()) == (0, "stopped")
    first, *others = err.splitlines()
    assert first.startswith("warning: listening on 0.0.0.0, and there is no authentication")
    assert "Traceback" not in err, others
    assert list(tmp_path.iterdir()) == []


def test_mistakes(capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path) -> None:
    found = mistakes(
        run(capsys, "serve", model, "--port=70000", "--seconds=0", "--max-requests=0", "--prot=1")
    )
    text = "\n".join(found)
    for part in ("port is 70000", "seconds is 0", "max_requests is 0", "did you mean --port"):
        assert part in text
    (line,) = mistakes(run(capsys, "serve", tmp_path / "no", "--port=0"))
    assert "does not exist; a run folder" in line
    (line,) = mistakes(run(capsys, "serve", model, "--port=0", "--host=no.such.host.example"))
    assert "is no address of a machine" in line
    (line,) = mistakes(run(capsys, "serve", model, "--port=0", "--host=203.0.113.7"))
    assert "203.0.113.7:0: cannot be listened on" in line
    other = Path(shutil.copytree(model, tmp_path / "other"))
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "kind": "BiMAE"}))
    (line,) = mistakes(run(capsys, "serve", other, "--port=0"))
    assert "a pretrained model (BiMAE), but" in line


def test_without_its_packages(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    monkeypatch.setattr("bimae.cli.serve.find_spec", lambda name: None)
    (line,) = mistakes(run(capsys, "serve", model))
    assert "pip install 'bimae[serve]'" in line and "fastapi, uvicorn" in line


def test_help_needs_neither_torch_nor_fastapi() -> None:
    script = (
        "import sys; from bimae.cli import main\n"
        "try: main.run(['serve', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(bool({'torch', 'fastapi', 'uvicorn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "no authentication" in " ".join(done.stdout.split())
