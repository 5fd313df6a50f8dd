"""Explorers: move a control, see the consequence.

`compute(**values) -> result` is pure; `draw(result, figure)` only draws, on a fresh figure or on the one it drew before
(see `utils.plotting`). The Explorer joins them to controls. A worker thread draws, so that the kernel stays free to
hear the next move; values that a newer move has overtaken are never drawn.

What takes longer than a move may, such as training the nets that a picture shows, is `data(progress)`: computed once,
under a progress bar, when the explorer is first shown, and handed to `compute` as its first argument.

`views` are named settings, a button each; `play` is the control that one button moves by itself (see `utils.play`). A
`Point` among the controls is dragged on the picture (see `utils.point_input`).
"""

import contextlib
import html
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from utils import plotting
from utils.controls import ALL, CONTROL_WIDTH, Control, Point, Slider, Stops
from utils.formulas import to_html
from utils.play import Player
from utils.progress import Progress, no_progress
from utils.still import still

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
        caption: result -> one or two short sentences that say what to see, shown below the picture; formulas between
            dollars.
        height: of the picture, inches at 100 dots an inch; all are `WIDTH` wide.
        data: progress(fraction, note) -> what `compute` needs and takes seconds to compute; called once.
        views: settings by the text on their buttons; a control that one does not name goes to its start.
        play: the name of the Slider or Stops that the play button moves.

    Raises:
        ValueError: a view or `play` names no such control, or a value that its control cannot have.
    """

    def __init__(
        self,
        name: str,
        compute: Callable,
        draw: Callable[..., None],
        controls: dict[str, Control],
        caption: Callable[..., str],
        height: float = 3.6,
        data: Callable[[Progress], Any] | None = None,
        views: dict[str, dict] | None = None,
        play: str | None = None,
    ) -> None:
        self.name = name
        self.compute = compute
        self.draw = draw
        self.controls = controls
        self.caption = caption
        self.height = height
        self.data = data if data is None or isinstance(data, _Once) else _Once(data)
        self.views = views or {}
        self.play = play
        for view in self.views:
            self.view(view)
        if play is not None and not isinstance(controls.get(play), Slider | Stops):
            raise ValueError(f"{name} cannot play {play!r}: name one of its controls that is a Slider or has Stops")
        self._seen: OrderedDict[tuple, tuple[bytes, str]] = OrderedDict()
        self._figure: Figure | None = None
        self._lock = threading.Lock()
        self._wanted: dict | None = None
        self._worker: threading.Thread | None = None
        self._together = False  # several controls are being moved as one

    def figure(self, **values) -> Figure:
        """A fresh picture at the given values, the others as they start: for exports and readers without a kernel.

        Raises:
            TypeError: no control has that name; the message lists those there are.
        """
        self._require_controls(values, TypeError)
        result = self.result(**(self.starts() | values))
        with plotting.style():
            figure = plotting.new_figure(WIDTH, self.height)
            self.draw(result, figure)
        return figure

    def frames(self, out: Path | str, stops: dict[str, int] | None = None) -> Path:
        """Draw the pictures of a page without a kernel into the folder `out`: see `utils.frames.draw_frames`."""
        from utils.frames import draw_frames

        return draw_frames(self, out, stops)

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
            caption=self.caption,
            height=self.height,
            data=self.data,
            views=self.views,
            play=self.play,
        )

    def starts(self) -> dict:
        """Every control's value before anybody moves it."""
        return {name: control.start for name, control in self.controls.items()}

    def view(self, text: str) -> dict:
        """The values of all controls behind the button with this text."""
        chosen = self.views[text]
        self._require_controls(chosen, ValueError)
        try:
            return self.starts() | {name: self.controls[name].stop(value) for name, value in chosen.items()}
        except ValueError as error:
            raise ValueError(f"{self.name}, view {text!r}: {error}") from None

    def picture(self, **values) -> tuple[bytes, str]:
        """PNG and caption at the given values of all controls, on the figure drawn before; kept for the next time."""
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
                seen = plotting.frame(self._figure), self.caption(result)
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

        return ipywidgets.Image(format="png", layout=ipywidgets.Layout(width="100%", height="auto", margin="0"))

    @cached_property
    def stage(self):
        """The box with the picture, and on it what is dragged."""
        from utils.panels import parted, stage

        width = round(WIDTH * plotting.STYLE["figure.dpi"])
        overlays, parts = {}, [[0.0, 1.0]]
        if self._figure is not None:
            parts = parted(self._figure, self.image.value, width)
            for point in self._points():
                if point.overlay is not None:
                    across, _ = point.control.positions(self._figure)
                    overlays.setdefault(across[0], []).append(point.overlay)
        return stage(self.image, overlays, parts, width)

    @cached_property
    def message(self):
        """The ipywidgets HTML below the picture, or in its place when an exception is shown."""
        import ipywidgets

        message = ipywidgets.HTML()
        message.add_class("explorer-sentence")
        return message

    @cached_property
    def player(self) -> Player | None:
        """What moves the control `play` by itself."""
        if self.play is None:
            return None
        stops, moved = self.controls[self.play].values(ALL), self.inputs[self.play]
        return Player(
            stops,
            place=lambda: min(range(len(stops)), key=lambda number: abs(stops[number] - moved.value)),
            move=lambda value: setattr(moved, "value", value),
            busy=lambda: self._worker is not None,
        )

    @cached_property
    def buttons(self) -> dict:
        """The ipywidgets Buttons of the views, by their text."""
        import ipywidgets

        buttons = {text: ipywidgets.Button(description=text, layout={"width": "auto"}) for text in self.views}
        for text, button in buttons.items():
            button.on_click(lambda _button, text=text: self.show(text))
        return buttons

    @cached_property
    def box(self):
        """The ipywidgets box that holds all of it, or the progress bar before."""
        import ipywidgets

        return ipywidgets.VBox(layout=ipywidgets.Layout(max_width="100%"))

    @cached_property
    def widget(self):
        """Buttons, controls, picture and caption, in one box; drawn once at the starting values."""
        import ipywidgets

        rows = [[*self.buttons.values()], [*self.inputs.values()]]
        if self.player is not None:
            rows[0] = [self.player.button, self.player.clock, *rows[0]]
        wrap = ipywidgets.Layout(flex_flow="row wrap")
        self._present(self._values())
        self.box.children = [*(ipywidgets.HBox(row, layout=wrap) for row in rows if row), self.stage, self.message]
        return self.box

    def show(self, view: str) -> None:
        """Move all controls to where a view has them, and draw that once."""
        self._together = True
        try:
            for name, value in self.view(view).items():
                self.inputs[name].value = value
        finally:
            self._together = False
        self._moved(None)

    def compute_data(self) -> None:
        """Compute what every picture needs, under a progress bar where the picture will be.

        The bar is in the explorer's own box, and no output of its own: that would outlive it, in Voila and in a notebook
        that is opened again.
        """
        import ipywidgets

        bar = ipywidgets.FloatProgress(max=1.0, description=self.name, layout=ipywidgets.Layout(width=CONTROL_WIDTH))
        note = ipywidgets.Label()
        self.box.children = [ipywidgets.HBox([bar, note])]

        def progress(fraction: float, text: str) -> None:
            bar.value, note.value = fraction, text

        try:
            # An error is shown where the picture would be: that asks for the data again.
            with contextlib.suppress(Exception):
                self.data(progress)
        finally:
            self.box.children = []

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
        from IPython.display import HTML, display

        if self.data is None or self.data.done:
            display(self.widget)
        else:
            display(self.box)
            self.compute_data()
            _ = self.widget  # fills the box
        if self.stage.layout.display != "none":
            alt = f"The picture of the explorer {self.name}"
            display(HTML(still(self.image.value, self.message.value, alt, self.stage.layout.width)))

    def _values(self) -> dict:
        return {name: self._settled(name, each.value) for name, each in self.inputs.items()}

    def _settled(self, name: str, value: Any) -> Any:
        """The stop that a front end's value stands for: its arithmetic may be off in the last digit.

        A number that was typed between two stops stays as it is.
        """
        try:
            return self.controls[name].stop(value)
        except ValueError:
            return value

    def _points(self) -> list:
        return [each for name, each in self.inputs.items() if isinstance(self.controls[name], Point)]

    def _require_controls(self, values: dict, error: type[Exception]) -> None:
        if unknown := set(values) - set(self.controls):
            raise error(
                f"{self.name} has no control {', '.join(sorted(unknown))}; its controls are: {', '.join(self.controls)}"
            )

    def _moved(self, _change) -> None:
        if self._together:
            return
        if self.player is not None:
            self.player.moved()
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
                    break
            try:
                self._present(values)
            except BaseException:  # the front end is gone, or the process is ending; a later move starts anew
                with self._lock:
                    self._worker = None
                raise
        if self.player is not None:
            self.player.drawn()

    def _present(self, values: dict) -> None:
        try:
            picture, caption = self.picture(**values)
            caption = to_html(caption)
        except (Exception, SystemExit) as error:  # whatever goes wrong belongs on the screen, not in a log
            self.stage.layout.display = "none"
            self.message.value = (
                f'<pre style="color: #a00000; white-space: pre-wrap">{html.escape(self.name)} could '
                f"not draw this: {html.escape(_story(error))}</pre>"
            )
            return
        self.image.value = picture  # before the stage, which is made for it
        self.stage.layout.display = None
        self.message.value = f"<span>{caption}</span>"
        if self._figure is not None:
            for point in self._points():
                point.lie_on(self._figure)


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
