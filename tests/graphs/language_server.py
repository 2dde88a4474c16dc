"""A small client of yaml-language-server, which stands behind YAML in most editors: the protocol on stdio.

The server is no dependency of the project: a test that asks for it where it is missing is skipped with the command that
installs it, and fails in CI.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / ".venv/node"
INSTALL = "npm install --prefix .venv/node yaml-language-server@1.25.0"
SECONDS = 60.0

SCRIPT = FOLDER / "node_modules/yaml-language-server/bin/yaml-language-server"
_PROPERTY = 10  # CompletionItemKind of a key


def command() -> list[str]:
    """How to start the server."""
    node = shutil.which("node")
    if node is not None and SCRIPT.is_file():
        return [node, str(SCRIPT), "--stdio"]
    reason = "node is missing" if node is None else f"yaml-language-server is missing: {INSTALL}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class LanguageServer:
    """A running server with documents that exist in it alone, each checked by the schema that its first line names."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._messages: Queue[dict[str, Any]] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        self._numbers = 0
        self._request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self._send({"method": "initialized", "params": {}})

    def close(self) -> None:
        """Stop the server."""
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._reader.join()

    def keys(self, schema: Path, marked: str) -> set[str]:
        """The keys that the server offers at the `|` of a text."""
        return {item["label"] for item in self.completions(schema, marked) if item["kind"] == _PROPERTY}

    def values(self, schema: Path, marked: str) -> set[str]:
        """The values that the server offers at the `|` of a text."""
        return {item["label"] for item in self.completions(schema, marked) if item["kind"] != _PROPERTY}

    def completions(self, schema: Path, marked: str) -> list[dict[str, Any]]:
        """All that the server offers at the `|` of a text."""
        uri, position = self._open(schema, marked)
        answer = self._request("textDocument/completion", {"textDocument": {"uri": uri}, "position": position})
        items: list[dict[str, Any]] = answer["items"] if isinstance(answer, dict) else answer
        return items

    def hover(self, schema: Path, marked: str) -> str:
        """What the server says of the word at the `|` of a text."""
        uri, position = self._open(schema, marked)
        answer = self._request("textDocument/hover", {"textDocument": {"uri": uri}, "position": position})
        return str(answer["contents"]["value"]) if answer else ""

    def diagnostics(self, schema: Path, text: str) -> list[tuple[int, str, str]]:
        """What the server finds wrong in a text: line from 1, the words it underlines, and the message."""
        uri, _ = self._open(schema, text + "|")
        while True:
            message = self._next()
            params = message.get("params", {})
            if message.get("method") == "textDocument/publishDiagnostics" and params["uri"] == uri:
                return [_located(found, _with_schema(schema, text)) for found in params["diagnostics"]]

    def _open(self, schema: Path, marked: str) -> tuple[str, dict[str, int]]:
        self._numbers += 1
        uri = f"file:///{self._numbers}.yaml"
        before, _, after = _with_schema(schema, marked).partition("|")
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": before + after}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        lines = before.split("\n")
        return uri, {"line": len(lines) - 1, "character": len(lines[-1])}

    def _request(self, method: str, params: dict[str, Any]) -> Any:
        self._numbers += 1
        number = self._numbers
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._next()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]

    def _next(self) -> dict[str, Any]:
        """The next message; what the server asks of an editor is answered with nothing, which means the defaults."""
        try:
            message = self._messages.get(timeout=SECONDS)
        except Empty:
            pytest.fail(f"the server says nothing for {SECONDS:.0f} s")
        if "id" in message and "method" in message:
            asked = message.get("params", {}).get("items")
            self._send({"id": message["id"], "result": [None] * len(asked) if asked else None})
        return message

    def _send(self, message: dict[str, Any]) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self._process.stdin.flush()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while True:
            length = 0
            while line := stream.readline().strip():
                found = re.fullmatch(rb"Content-Length: (\d+)", line)
                length = int(found[1]) if found else length
            if not length:
                return
            self._messages.put(json.loads(stream.read(length)))


def _with_schema(schema: Path, text: str) -> str:
    return f"# yaml-language-server: $schema={schema.as_uri()}\n{text}"


def _located(found: dict[str, Any], text: str) -> tuple[int, str, str]:
    start, end = found["range"]["start"], found["range"]["end"]
    line = text.split("\n")[start["line"]]
    stop = end["character"] if end["line"] == start["line"] else len(line)
    return start["line"], line[start["character"] : stop], found["message"]
