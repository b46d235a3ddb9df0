# SPDX-License-Identifier: Apache-2.0
"""Runs the blocks of a page in its order, as a reader does who pastes one after the other.

Python runs in one interpreter for the whole page, warnings being errors; shell in `bash -eu`, where what one block sets
the next one has. `framedeflate serve` and `receive` go on in the background, as in a terminal of their own, until the
page starts another on the same port or ends.
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import framedeflate
from document_peers import Peers
from document_rules import elsewhere, without_comment
from documents import Block, commands_of, page_path

__all__ = ["PageRun"]

TIMEOUT_SECONDS = 300
_TOOLS = ("curl", "find", "openssl", "sqlite3")
_SERVICE = re.compile(r"framedeflate (serve|receive) ")
_SHIMS = {
    "framedeflate": "-m framedeflate",
    "python": "",
    "python3": "",
    "pydicom": '-c "import sys; from pydicom.cli.main import main; main(sys.argv[1:])"',
}
# Variables live on from block to block.
_SCRIPT = """\
set -a
if [ -e "$DOCUMENT_STATE" ]; then . "$DOCUMENT_STATE"; fi
trap 'export -p > "$DOCUMENT_STATE"' EXIT
"""


class PageRun:
    """One page being run.

    Parameters
    ----------
    room, scratch : Path
        The folder that it runs in, and one for what the runner and the peers keep.
    peers : Peers
        What its addresses stand for.
    variables : dict, optional
        More variables of the environment.

    Attributes
    ----------
    said : str
        What its blocks printed so far.
    logs : list of Path
        Standard error of each service that ran in the background.
    missed : set of str
        Commands that this machine lacks; blocks that call one were left out.
    """

    def __init__(
        self, room: Path, scratch: Path, peers: Peers, variables: dict[str, str] | None = None
    ) -> None:
        self.room = room
        self.scratch = scratch
        self.said = ""
        self.logs: list[Path] = []
        self.missed: set[str] = set()
        self._peers = peers
        self._services: dict[str, subprocess.Popen[bytes]] = {}
        self._interpreter: subprocess.Popen[str] | None = None
        tools = scratch / "tools"
        tools.mkdir(parents=True)
        for name, arguments in _SHIMS.items():
            (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
            (tools / name).chmod(0o755)
        found = [str(Path(framedeflate.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        self._environment = {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(
                map(os.path.abspath, filter(None, os.pathsep.join(found).split(os.pathsep)))
            ),
            "COLUMNS": "160",
            "DOCUMENT_STATE": str(scratch / "variables"),
            **(variables or {}),
        }

    def run(self, block: Block) -> None:
        """Run a block; it fails where the block does."""
        said = self.python(block) if block.language == "python" else self.shell(block)
        self.said += self._peers.as_in_page(said)

    def python(self, block: Block) -> str:
        """Run a block of Python and return what it printed."""
        running = self._interpreter or self._start_interpreter()
        assert running.stdin is not None
        assert running.stdout is not None
        request = {
            "page": str(page_path(block.page)),
            "line": block.line,
            "text": self._peers.put_into(block.text),
        }
        watch = threading.Timer(TIMEOUT_SECONDS, running.kill)
        watch.start()
        print(json.dumps(request), file=running.stdin, flush=True)
        line = running.stdout.readline()
        watch.cancel()
        assert line, f"{block}: the interpreter ended\n{self._read('interpreter.err')[-2000:]}"
        answer = json.loads(line)
        assert not answer["error"], f"{block}\n{answer['error']}"
        return str(answer["out"])

    def shell(self, block: Block) -> str:
        """Run a block of shell and return what it printed."""
        lines = commands_of(block.text)
        missing = {
            tool
            for tool in _TOOLS
            if any(without_comment(line).startswith(f"{tool} ") for line in lines)
            and shutil.which(tool) is None
        }
        if missing:
            self.missed |= missing
            return ""
        said, script = "", list[str]()
        for line in lines:
            if elsewhere(line):
                continue
            if _SERVICE.match(line):
                said += self.script(script, block)
                script = []
                said += self._serve(self._peers.put_into(without_comment(line).removesuffix("&")), block)
            else:
                script.append(line)
        return said + self.script(script, block)

    def script(self, lines: list[str], block: Block, **variables: str) -> str:
        """Run lines of shell, with variables that no page sets, and return what they printed."""
        if not any(map(without_comment, lines)):
            return ""
        own = "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
        text = own + self._peers.put_into("\n".join(lines))
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", _SCRIPT + text],
            cwd=self.room,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
        assert done.returncode == 0, f"{block}: {done.returncode}\n{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def kill(self) -> None:
        """End what runs, however."""
        for running in (self._interpreter, *self._services.values()):
            if running is not None:
                running.kill()
                running.communicate()

    def close(self) -> None:
        """End what runs; services must end well."""
        if self._interpreter is not None:
            self._interpreter.kill()
            self._interpreter.communicate()
        codes = {port: self._end(port) for port in list(self._services)}
        assert set(codes.values()) <= {0}, f"{codes}\n{''.join(log.read_text() for log in self.logs)}"

    def _start_interpreter(self) -> "subprocess.Popen[str]":
        script = Path(__file__).with_name("document_interpreter.py")
        with (self.scratch / "interpreter.err").open("wb") as errors:
            self._interpreter = subprocess.Popen(
                # Not with the tests' folder as the first place of imports.
                [sys.executable, "-P", "-W", "error", str(script)],
                cwd=self.room,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        return self._interpreter

    def _serve(self, line: str, block: Block) -> str:
        """Start a service and wait until it listens; return what it printed by then."""
        words = shlex.split(line)
        if "--port" not in words:
            words += ["--port", self._peers.port("8080")]
        # The disk of a test machine may be nearly full.
        words += ["--min-free", "1MB"]
        if words[1] == "serve" and "--reindex" not in words:
            # Else the index is brought up to date while the next line asks it.
            words += ["--reindex"]
        port = words[words.index("--port") + 1]
        self._end(port)
        out = self.scratch / f"service{len(self.logs)}.out"
        self.logs.append(out.with_suffix(".err"))
        with out.open("wb") as output, self.logs[-1].open("wb") as errors:
            running = subprocess.Popen(
                words,
                cwd=self.room,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )
        self._services[port] = running
        deadline = time.monotonic() + 60
        while running.poll() is None and time.monotonic() < deadline:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", int(port))) == 0:
                    break
            time.sleep(0.02)
        assert running.poll() is None, f"{block}: {running.returncode}\n{line}\n{self.logs[-1].read_text()}"
        return out.read_text()

    def _end(self, port: str) -> int:
        running = self._services.pop(port, None)
        if running is None:
            return 0
        running.terminate()
        try:
            return running.wait(60)
        except subprocess.TimeoutExpired:
            running.kill()
            return running.wait()

    def _read(self, name: str) -> str:
        path = self.scratch / name
        return path.read_text(errors="replace") if path.exists() else ""
