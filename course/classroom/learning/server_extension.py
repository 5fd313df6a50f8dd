"""A Jupyter server extension: what a kernel says reaches the page at once, and a demo's page has a link to JupyterLab.

A system holds small packets back until the browser has acknowledged those before (Nagle's algorithm), and the browser
takes up to 40 ms for that. Where a picture waits for it, that is as long as computing and drawing it.
"""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

CLASS = "kernel_websocket_connection_class"


def without_delay(connection: type) -> type:
    """A connection between a kernel and a page, as the one given, which sends every packet at once."""

    class Prompt(connection):
        async def connect(self):
            self.websocket_handler.set_nodelay(True)
            return await super().connect()

    return Prompt


PromptConnection = without_delay(ZMQChannelsWebsocketConnection)  # for Voila alone: see voila_config


def _jupyter_server_extension_points() -> list[dict]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server) -> None:
    """Jupyter's server calls this when it starts."""
    settings = server.web_app.settings
    settings[CLASS] = without_delay(settings[CLASS])
    # Voila's pages link to JupyterLab where it is beside them. Extensions are loaded in the order of their names, and
    # Voila makes its configuration when it is.
    server.config.VoilaConfiguration.resources = {"lab": True}
