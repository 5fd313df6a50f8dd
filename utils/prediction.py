"""Predictions: the learner commits to an answer before anything runs, and meets it again after."""

import html
from functools import cached_property


class Prediction:
    """A question with a few answers; committing closes it. The right one is not here, where a learner would read it.

    Args:
        question: one sentence.
        options: the answers to choose from.
    """

    def __init__(self, question: str, options: tuple[str, ...]) -> None:
        self.question = question
        self.options = options
        self.committed: str | None = None

    @cached_property
    def choice(self):
        """The ipywidgets radio buttons."""
        import ipywidgets

        return ipywidgets.RadioButtons(options=list(self.options), value=None, layout=ipywidgets.Layout(width="auto"))

    @cached_property
    def button(self):
        """The ipywidgets button that commits."""
        import ipywidgets

        button = ipywidgets.Button(
            description="That is my prediction",
            disabled=True,
            button_style="primary",
            layout=ipywidgets.Layout(width="auto", align_self="flex-start"),
        )
        button.on_click(lambda _button: self.commit())
        self.choice.observe(lambda change: setattr(button, "disabled", change["new"] is None), names="value")
        return button

    @cached_property
    def widget(self):
        """Question, options and button in one box."""
        import ipywidgets

        question = ipywidgets.HTML(f'<b style="line-height: 1.4">{html.escape(self.question)}</b>')
        return ipywidgets.VBox([question, self.choice, self.button])

    def commit(self) -> None:
        """Keep the chosen option; it cannot be changed after."""
        if self.committed is None and self.choice.value is not None:
            self.committed = self.choice.value
            self.choice.disabled = self.button.disabled = True
            self.button.description = "Kept. You will meet it again below."

    def reveal(self, answer: str, because: str) -> None:
        """Show the prediction beside the answer and the reason.

        Args:
            answer: the right one of the options.
            because: what the run has shown, one or two sentences.

        Raises:
            ValueError: `answer` is not among the options.
        """
        if answer not in self.options:
            raise ValueError(f"the answer {answer!r} is not among the options: {', '.join(self.options)}")
        if self.committed is None:
            first = f"No prediction was made, so there is nothing to compare. The answer: {answer}."
        elif self.committed == answer:
            first = f"You predicted: {self.committed}. So it is."
        else:
            first = f"You predicted: {self.committed}. It is: {answer}."
        text = f"{first} {because}"
        from IPython.display import display

        markup = (
            f'<div style="border-left: 4px solid #0072b2; padding: 0.3em 0.8em">{html.escape(first)}<br>'
            f"{html.escape(because)}</div>"
        )
        display({"text/plain": text, "text/html": markup}, raw=True)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.widget)
