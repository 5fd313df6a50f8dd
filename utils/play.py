"""A control that moves by itself, and stops.

The clock runs in the browser: ipywidgets' Play, unseen. Each tick allows one move, and a move is made only when the
picture before it stands, so that there is never more than one picture waiting, on a slow machine or behind a slow
network. Where the page is closed or hidden nothing runs on.
"""

import threading
from collections.abc import Callable, Sequence
from functools import cached_property

WHOLE_S = 10.0  # what a control with many stops takes from end to end
FASTEST_S, SLOWEST_S = (
    0.08,
    0.15,
)  # between two pictures: quick enough to be seen as a motion, slow enough to be followed
ENDLESS = 2**31 - 1


def pace(stops: int) -> float:
    """Seconds from one picture to the next for a control with so many stops, where computing allows."""
    return min(max(WHOLE_S / stops, FASTEST_S), SLOWEST_S)


class Player:
    """Moves a control from stop to stop, up to its last; from the first again when it stands at the last.

    Args:
        stops: of the control, in order.
        place: () -> the number of the stop where the control stands.
        move: gives the control a value.
        busy: () -> whether a picture is being drawn.
    """

    def __init__(
        self,
        stops: Sequence,
        place: Callable[[], int],
        move: Callable[[object], None],
        busy: Callable[[], bool],
    ) -> None:
        self.stops, self.playing = stops, False
        self._place, self._move, self._busy = place, move, busy
        self._lock = threading.RLock()
        self._ticked = self._from_the_first = False
        self._mover: int | None = None  # the thread in which a move of ours is being made

    @property
    def interval(self) -> float:
        """Seconds from one picture to the next, where computing allows."""
        return pace(len(self.stops))

    @cached_property
    def clock(self):
        """The ipywidgets Play that ticks in the browser; it has to be in the page, and is not seen."""
        import ipywidgets

        hidden = ipywidgets.Layout(display="none")
        clock = ipywidgets.Play(max=ENDLESS, interval=round(1e3 * self.interval), show_repeat=False, layout=hidden)
        clock.observe(lambda _change: self.tick(), names="value")
        return clock

    @cached_property
    def button(self):
        """The ipywidgets Button that plays, and stops."""
        import ipywidgets

        button = ipywidgets.Button(layout=ipywidgets.Layout(width="5.5em"), button_style="primary")
        button.on_click(lambda _button: self.stop() if self.playing else self.start())
        self._label(button)
        return button

    def start(self) -> None:
        """Play from where the control stands."""
        self._from_the_first = self._place() == len(self.stops) - 1
        self._ticked, self.playing = True, True
        self._show()
        self._go_on()

    def stop(self) -> None:
        """Stay where the control stands."""
        if self.playing:
            self.playing = False
            self._show()

    def tick(self) -> None:
        """The clock allows a move."""
        self._ticked = True
        self._go_on()

    def drawn(self) -> None:
        """A picture stands."""
        self._go_on()

    def moved(self) -> None:
        """A control has moved: that stops it, unless the move was its own."""
        if self._mover != threading.get_ident():
            self.stop()

    def _go_on(self) -> None:
        with self._lock:
            if not (self.playing and self._ticked) or self._busy():
                return
            self._ticked = False
            place = 0 if self._from_the_first else self._place() + 1
            self._from_the_first = False
            if place == len(self.stops):
                self.stop()
                return
            self._mover = threading.get_ident()
            try:
                self._move(self.stops[place])
            finally:
                self._mover = None

    def _show(self) -> None:
        self._label(self.button)
        self.clock.playing = self.playing

    def _label(self, button) -> None:
        button.description, button.icon = ("Stop", "stop") if self.playing else ("Play", "play")
