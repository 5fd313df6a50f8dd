"""What a kernel says reaches the page at once."""

import asyncio
import json
import socket
from importlib import import_module

from jupyter_server.extension.utils import get_loader, get_metadata
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import WebSocketHandler, websocket_connect
from traitlets.config import Config

from course.classroom.learning import server_extension
from course.cli import ROOT

SETTINGS = ROOT / "course" / "classroom" / "learning" / "server_config" / "why-it-generalises.json"


class Connection:
    """As Jupyter's server has it."""

    def __init__(self, handler: WebSocketHandler) -> None:
        self.websocket_handler = handler

    async def connect(self) -> str:
        return "connected"


def test_the_socket_between_kernel_and_page_sends_small_packets_at_once() -> None:
    class Server:
        web_app = Application([], **{server_extension.CLASS: Connection})
        config = Config()

    server_extension._load_jupyter_server_extension(Server)
    kept = Server.web_app.settings[server_extension.CLASS]
    found = []

    class Handler(WebSocketHandler):
        async def open(self) -> None:
            def held() -> bool:
                return not self.ws_connection.stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

            found.append(held())
            found.append(await kept(self).connect())
            found.append(held())
            self.close()

    async def meet() -> None:
        listener, port = bind_unused_port()
        server = HTTPServer(Application([("/", Handler)]))
        server.add_socket(listener)
        page = await websocket_connect(f"ws://127.0.0.1:{port}/")
        assert await page.read_message() is None
        server.stop()

    asyncio.run(meet())
    assert issubclass(kept, Connection)
    assert found == [True, "connected", False]


def test_jupyters_server_finds_the_extension_that_the_settings_name() -> None:
    (name,) = json.loads(SETTINGS.read_text())["ServerApp"]["jpserver_extensions"]
    _, (point,) = get_metadata(name)
    assert get_loader(import_module(point["module"])) is server_extension._load_jupyter_server_extension
