"""Explorers: move a control, see the consequence.

`compute(**values) -> result` is pure; `draw(result, figure)` only draws, on a fresh figure or on the one it drew before
(see `utils.plotting`). The Explorer joins them to controls. A worker thread draws, so that the kernel stays free to
hear the next move; values that a newer move has overtaken are never drawn.

What takes longer than a move may, such as training the nets that a picture shows, is `data(progress)`: computed once,
under a progress bar, when the explorer is first shown, and handed to `compute` as its first argument.
"""

import contextlib
import html
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from typing import Any

from matplotlib.figure import Figure

from utils import plotting
from utils.controls import CONTROL_WIDTH, Control
from utils.progress import Progress, no_progress

PICTURES_KEPT = 128
WIDTH = 9.0  # inches
SHARPNESS = 1.25  # pixels drawn for each one shown: crisper on a dense screen, and still quick


class Explorer:
    """A picture with controls.

    Args:
        name: names it in tests, benchmarks and exports.
        compute: values of the controls, by name -> result; pure. With `data`, that comes first.
        draw: (result, figure) draws the result with `utils.plotting`, on a fresh figure or on one it drew before.
        controls: by the name `compute` knows them by.
        read: result -> one or two sentences with the figures, shown below the picture.
        height: of the picture, inches at 100 dots an inch; all are `WIDTH` wide.
        data: progress(fraction, note) -> what `compute` needs and takes seconds to compute; called once.
    """

    def __init__(
        self,
        name: str,
        compute: Callable,
        draw: Callable[..., None],
        controls: dict[str, Control],
        read: Callable[..., str],
        height: float = 3.6,
        data: Callable[[Progress], Any] | None = None,
    ) -> None:
        self.name = name
        self.compute = compute
        self.draw = draw
        self.controls = controls
        self.read = read
        self.height = height
        self.data = data if data is None or isinstance(data, _Once) else _Once(data)
        self._seen: OrderedDict[tuple, tuple[bytes, str]] = OrderedDict()
        self._figure: Figure | None = None
        self._lock = threading.Lock()
        self._wanted: dict | None = None
        self._worker: threading.Thread | None = None

    def figure(self, **values) -> Figure:
        """A fresh picture at the given values, the others as they start: for exports and readers without a kernel.

        Raises:
            TypeError: no control has that name; the message lists those there are.
        """
        unknown = set(values) - set(self.controls)
        if unknown:
            raise TypeError(
                f"{self.name} has no control {', '.join(sorted(unknown))}; its controls are: {', '.join(self.controls)}"
            )
        result = self.result(**(self.starts() | values))
        with plotting.style():
            figure = plotting.new_figure(WIDTH, self.height)
            self.draw(result, figure)
        return figure

    def result(self, **values) -> Any:
        """What `compute` gives at the given values of all controls."""
        return self.compute(**values) if self.data is None else self.compute(self.data(), **values)

    def fresh(self) -> "Explorer":
        """The same explorer, with controls and pictures of its own."""
        return Explorer(
            name=self.name,
            compute=self.compute,
            draw=self.draw,
            controls=self.controls,
            read=self.read,
            height=self.height,
            data=self.data,
        )

    def starts(self) -> dict:
        """Every control's value before anybody moves it."""
        return {name: control.start for name, control in self.controls.items()}

    def picture(self, **values) -> tuple[bytes, str]:
        """PNG and sentence at the given values of all controls, on the figure drawn before; kept for the next time."""
        key = tuple(values[name] for name in self.controls)
        if key in self._seen:
            self._seen.move_to_end(key)
            return self._seen[key]
        result = self.result(**values)
        with plotting.style():
            if self._figure is None:
                self._figure = plotting.new_figure(WIDTH, self.height, SHARPNESS)
            try:
                self.draw(result, self._figure)
                seen = plotting.frame(self._figure), self.read(result)
            except BaseException:
                self._figure = None  # half drawn
                raise
        self._seen[key] = seen
        if len(self._seen) > PICTURES_KEPT:
            self._seen.popitem(last=False)
        return seen

    @cached_property
    def inputs(self) -> dict:
        """The ipywidgets controls, by name."""
        inputs = {name: control.widget() for name, control in self.controls.items()}
        for control in inputs.values():
            control.observe(self._moved, names="value")
        return inputs

    @cached_property
    def image(self):
        """The ipywidgets Image that holds the picture."""
        import ipywidgets

        width = f"{WIDTH * plotting.STYLE['figure.dpi']:.0f}px"
        return ipywidgets.Image(format="png", layout=ipywidgets.Layout(width=width, max_width="100%", height="auto"))

    @cached_property
    def message(self):
        """The ipywidgets HTML below the picture, or in its place when an exception is shown."""
        import ipywidgets

        return ipywidgets.HTML()

    @cached_property
    def widget(self):
        """Controls, picture and sentence, in one box; drawn once at the starting values."""
        import ipywidgets

        controls = ipywidgets.HBox(list(self.inputs.values()), layout=ipywidgets.Layout(flex_flow="row wrap"))
        self._present(self._values())
        return ipywidgets.VBox([controls, self.image, self.message])

    def compute_data(self) -> None:
        """Compute what every picture needs, under a progress bar; at once where that has been done."""
        if self.data is None or self.data.done:
            return
        import ipywidgets
        from IPython.display import display

        bar = ipywidgets.FloatProgress(max=1.0, description=self.name, layout=ipywidgets.Layout(width=CONTROL_WIDTH))
        note = ipywidgets.Label()
        box = ipywidgets.HBox([bar, note])

        def progress(fraction: float, text: str) -> None:
            bar.value, note.value = fraction, text

        display(box)
        # An error is shown where the picture would be: that asks for the data again.
        with contextlib.suppress(Exception):
            self.data(progress)
        box.close()

    def wait(self, seconds: float = 60.0) -> None:
        """Return when the newest values are on the screen.

        Raises:
            TimeoutError: they are not after `seconds`.
        """
        with self._lock:
            worker = self._worker
        if worker is not None:
            worker.join(seconds)
            if worker.is_alive():
                raise TimeoutError(f"{self.name} was still drawing after {seconds:g} s")

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self.compute_data()
        display(self.widget)

    def _values(self) -> dict:
        return {name: each.value for name, each in self.inputs.items()}

    def _moved(self, _change) -> None:
        with self._lock:
            self._wanted = self._values()
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, daemon=True)
                self._worker.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                values, self._wanted = self._wanted, None
                if values is None:
                    self._worker = None
                    return
            try:
                self._present(values)
            except BaseException:  # the front end is gone, or the process is ending; a later move starts anew
                with self._lock:
                    self._worker = None
                raise

    def _present(self, values: dict) -> None:
        try:
            picture, sentence = self.picture(**values)
        except (Exception, SystemExit) as error:  # whatever goes wrong belongs on the screen, not in a log
            self.image.layout.display = "none"
            self.message.value = (
                f'<pre style="color: #a00000; white-space: pre-wrap">{html.escape(self.name)} could '
                f"not draw this: {html.escape(_story(error))}</pre>"
            )
            return
        self.image.value = picture
        self.image.layout.display = None
        self.message.value = f"<span>{sentence}</span>"


class _Once:
    """A function of progress whose result is kept; a second caller waits for the first."""

    def __init__(self, function: Callable[[Progress], Any]) -> None:
        self.function, self.done = function, False
        self._lock = threading.Lock()

    def __call__(self, progress: Progress = no_progress) -> Any:
        with self._lock:
            if not self.done:
                self._result = self.function(progress)
                self.done = True
            return self._result


def _story(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error}\n  {last.filename}, line {last.lineno}: {last.line}"
