"""A real Jupyter server with the extension, in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty

import httpx
from jupyter_client.blocking.client import BlockingKernelClient

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-the-server"


class Server:
    """Use it as a context manager; `url` has the base URL and ends with a slash."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        socket_path: Path | None = None,
        base: str = "/user/alice/",
        python: Path = Path(sys.executable),
        lab: bool = False,
        **environment: str,
    ) -> None:
        self.folder = folder
        self.base = base
        folder.mkdir(exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}{self.base}"
        self._socket = socket_path
        where = [f"--ServerApp.sock={socket_path}"] if socket_path else [f"--ServerApp.port={self.port}"]
        self._command = [
            str(python), "-m", "jupyter_server", "--no-browser", "--allow-root", *where,
            f"--ServerApp.base_url={self.base}", "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={folder}",
            "--ServerApp.jpserver_extensions={'zoe_server_ext': True, 'jupyter_lsp': False, "
            f"'jupyterlab': {lab}}}",
            *options,
        ]  # fmt: skip
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ZOE_", "JUPYTERHUB_"))}
        self._environment = inherited | {
            "PYTHONPATH": str(ROOT),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            # What a test puts there comes before what the environment has.
            "JUPYTER_PREFER_ENV_PATH": "no",
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_TOKEN": TOKEN,
            **environment,
        }

    def __enter__(self) -> Server:
        self._log = (self.folder / "server.log").open("wb")
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdout=self._log, stderr=subprocess.STDOUT, cwd=self.folder
        )
        transport = httpx.HTTPTransport(uds=str(self._socket)) if self._socket else None
        self.http = httpx.Client(
            base_url=self.url, transport=transport, trust_env=False, timeout=30,
            headers={"Authorization": f"token {TOKEN}"},
        )  # fmt: skip
        limit = time.monotonic() + 60
        while True:
            try:
                self.http.get("api").raise_for_status()
                return self
            except (httpx.TransportError, httpx.HTTPStatusError):
                assert self._process.poll() is None, self.log
                assert time.monotonic() < limit, self.log
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait(30)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def run_in_kernel(self, code: str) -> str:
        """What a new kernel of this server prints."""
        answer = self.http.post("api/kernels", json={"name": "python3"})
        assert answer.status_code == 201, answer.text
        kernel = answer.json()["id"]
        connection = self.folder / "runtime" / f"kernel-{kernel}.json"
        client = BlockingKernelClient(connection_file=str(connection))
        client.load_connection_file()
        client.start_channels(hb=False)  # on a busy machine a heart that beats late is no dead kernel
        try:
            self._wait_for_kernel(client)
            printed: list[str] = []

            def hook(message: dict) -> None:
                if message["msg_type"] == "stream":
                    printed.append(message["content"]["text"])
                elif message["msg_type"] == "error":
                    printed.append("\n".join(message["content"]["traceback"]))

            client.execute_interactive(code, output_hook=hook, timeout=60)
            return "".join(printed)
        finally:
            client.stop_channels()
            self.http.delete(f"api/kernels/{kernel}")

    def _wait_for_kernel(self, client: BlockingKernelClient) -> None:
        """Return when it answers and its output arrives here."""
        for _ in range(60):
            client.kernel_info()
            try:
                client.get_shell_msg(timeout=1)
                client.get_iopub_msg(timeout=1)
            except Empty:
                continue
            return
        raise AssertionError(f"the kernel does not answer: {self.log}")
