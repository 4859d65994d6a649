"""A server as a process of its own, as people start it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any


class Process:
    """`bimae serve MODEL ...`, up and running."""

    def __init__(self, model: Path, *words: str, tmp: Path | None = None) -> None:
        command = [sys.executable, "-m", "bimae", "serve", str(model), *words]
        own = {**os.environ, "OMP_NUM_THREADS": "1"} | ({} if tmp is None else {"TMPDIR": str(tmp)})
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own
        )
        assert self.process.stdout is not None
        self.said: list[str] = []
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith("serving"):
                break
        found = re.search(r"(http://\S+:(\d+))/", self.said[-1] if self.said else "")
        assert found is not None, (self.said, self.process.communicate())
        self.url, self.port = found[1], int(found[2])
        # It says where it listens before it has started all that answers; who asks waits for that.
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=60) as answer:
            answer.read()

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=60) as answer:
            return json.load(answer)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Stops it; exit code, the rest of its words, its complaints."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.ended()

    def ended(self) -> tuple[int, str, str]:
        """The same of one that stops by itself."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def until(self, true: Any, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"not within {seconds} s"
            time.sleep(0.05)
