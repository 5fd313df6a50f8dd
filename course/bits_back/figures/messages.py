"""Pictures of messages: what pushes cost, what weights cost, and who gets what back."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from course.bits_back.network_message import Account
from utils import plotting
from utils.plotting import BLUE, GREEN, GREY, INK, ORANGE, PATCH, PURPLE

REFUND, DATA, WEIGHT = GREEN, BLUE, ORANGE


@plotting.style()
def draw_numbers(frequencies: Mapping[str, int], message: int, most: int = 20) -> Figure:
    """To whom the numbers belong, and where a push of each symbol takes a message.

    Args:
        frequencies: name of a symbol -> its frequency; their sum is a power of two.
        message: that is pushed on.
        most: numbers that are drawn.
    """
    total, start = sum(frequencies.values()), 0
    figure, axes = plotting.subplots(width=8.5, height=2.9)
    axes.plot(range(most), [1] * most, "o", color=GREY, markersize=15, alpha=0.35)
    axes.plot([message], [1], "o", color=INK, markersize=15)
    for (name, frequency), colour in zip(frequencies.items(), (BLUE, ORANGE, GREEN)):
        owned = [number for number in range(most) if start <= number % total < start + frequency]
        axes.plot(owned, [0] * len(owned), "o", color=colour, markersize=15, label=f"belongs to {name}")
        target = message // frequency * total + start + message % frequency
        arrow = {"arrowstyle": "->", "color": colour, "linewidth": 2, "shrinkA": 10, "shrinkB": 10}
        axes.annotate("", (target, 0), (message, 1), arrowprops=arrow)
        start += frequency
    for number in range(most):
        axes.text(number, 0, number, ha="center", va="center", color="white", fontsize=9, fontweight="bold")
        colour = "white" if number == message else INK
        axes.text(number, 1, number, ha="center", va="center", color=colour, fontsize=9)
    axes.set(xlim=(-0.8, most - 0.2), ylim=(-0.9, 1.6))
    axes.set_yticks([1, 0], ["message", "new message"])
    axes.set_xticks([])
    axes.grid(False)
    axes.set_title(f"From message {message}, a push goes to the symbol's own number {message}")
    axes.legend(loc="lower right", ncols=3)
    return figure


@plotting.style()
def draw_pushes(costs: Sequence[float], lengths: Sequence[float]) -> Figure:
    """The length of a message after each push, and the sum of what the symbols should cost.

    Args:
        costs: -log2 p of each symbol, in bits.
        lengths: log2 of the message before the first push and after each one.
    """
    figure, axes = plotting.subplots(width=7.0, height=3.4)
    ideal = lengths[0] + np.concatenate([[0], np.cumsum(costs)])
    axes.step(range(len(lengths)), lengths, where="mid", color=BLUE, label="log2 of the message")
    axes.plot(range(len(ideal)), ideal, "o", color=ORANGE, markersize=4, label="start + the sum of -log2 p")
    axes.set(xlabel="symbols pushed", ylabel="bits", ylim=(0, None))
    axes.set_title("A message grows by -log2 p of each symbol")
    axes.legend(loc="upper left")
    return figure


@plotting.style()
def draw_bins(frequencies: Mapping[str, torch.Tensor], precision: int) -> Figure:
    """Frequencies of bins, on a logarithmic scale; empty bins are marked at the bottom.

    Args:
        frequencies: name -> (bins,) integers.
        precision: they should sum to 2^precision.
    """
    figure, panels = plotting.subplots(1, len(frequencies), height=3.4, sharey=True)
    for axes, (name, values) in zip(np.atleast_1d(panels), frequencies.items()):
        values = np.asarray(values)
        bins = np.arange(len(values))
        axes.bar(bins, np.maximum(values, 0.5), width=0.9, color=np.where(values > 0, BLUE, ORANGE))
        empty = int((values == 0).sum())
        total = int(values.sum())
        right = "= 2^" if total == 1 << precision else f"and not {1 << precision} = 2^"
        text = f"sum {total} {right}{precision}" + (f"\n{empty} empty bins (orange)" if empty else "\nno empty bin")
        axes.text(0.03, 0.96, text, transform=axes.transAxes, va="top", fontsize=9, bbox=PATCH)
        axes.set(yscale="log", ylim=(0.4, 20 * values.max()), xlabel="bin")
        axes.set_title(name)
    np.atleast_1d(panels)[0].set_ylabel("frequency")
    return figure


@plotting.style()
def draw_penalties(w: torch.Tensor, bits: Mapping[str, torch.Tensor]) -> Figure:
    """What one weight costs under each prior, at a fixed step.

    Args:
        w: weights, (k,).
        bits: name of the prior -> (k,).
    """
    figure, axes = plotting.subplots(width=7.0, height=3.4)
    for (name, values), colour in zip(bits.items(), (BLUE, ORANGE, GREEN, PURPLE)):
        axes.plot(w, values, color=colour, label=name)
    axes.set(xlabel="weight w", ylabel="bits", ylim=(0, None))
    axes.set_title("A penalty is a code length: the square and the absolute value")
    axes.legend(loc="upper center")
    return figure


@plotting.style()
def draw_shrinking(decays: Sequence[float], norms: Sequence[float], parts: Mapping[str, Sequence[float]]) -> Figure:
    """What weight decay does to the norm of a net, and to the length of its weights with a prior that is fitted to them.

    Args:
        decays: strengths of L2.
        norms: ||w||^2 of the trained weights.
        parts: name of a part of the code length -> bits at each strength; they are stacked.
    """
    figure, (left, right) = plotting.subplots(1, 2, height=3.5)
    at = np.arange(len(decays))
    left.plot(at, norms, "o-", color=PURPLE)
    left.set(ylabel=r"$\|w\|^2$", ylim=(0, None))
    left.set_title("L2 makes the norm small")
    below = np.zeros(len(at))
    for (name, values), colour in zip(parts.items(), (GREY, ORANGE, BLUE)):
        right.bar(at, values, bottom=below, width=0.6, color=colour, label=name)
        below = below + np.asarray(values)
    right.set(ylabel="bits of the weights", ylim=(0, 1.3 * below.max()))
    right.set_title("The norm term stays the same")
    right.legend(loc="upper right", ncols=2)
    for axes in (left, right):
        axes.set_xticks(at, [f"{decay:g}" for decay in decays])
        axes.set_xlabel("strength of the L2 penalty")
    return figure


@plotting.style()
def draw_messages(nets: Mapping[str, Sequence[float]], means: Sequence[float], evidence: float) -> Figure:
    """The lengths of many messages with the same data and different seeds, beside what theory says of their mean.

    Args:
        nets: name of the posterior -> net bits of each message.
        means: -ELBO of each posterior.
        evidence: -log2 p(y).
    """
    figure, panels = plotting.subplots(1, len(nets), height=3.5, sharey=True)
    for axes, (name, each), mean in zip(panels, nets.items(), means):
        places = np.arange(1, len(each) + 1)
        axes.plot(places, each, "o", color=BLUE, markersize=4, alpha=0.6, label="a message")
        axes.plot(places, np.cumsum(each) / places, color=INK, label="mean so far")
        axes.axhline(mean, color=ORANGE, label="-ELBO")
        axes.axhline(evidence, color=GREEN, linestyle="--", label="evidence")
        axes.set(xlabel="messages, each with a seed of its own")
        axes.set_title(name)
    panels[0].set_ylabel("net bits")
    panels[0].legend(loc="upper left")
    return figure


@plotting.style()
def draw_floors(bins: Sequence[int], bits: Mapping[str, Sequence[float]]) -> Figure:
    """Net bits of a message over the number of bins of its posterior, with a floor and without."""
    figure, axes = plotting.subplots(width=7.0, height=3.4)
    for (name, values), colour, marker in zip(bits.items(), (ORANGE, BLUE), "so"):
        axes.plot(bins, values, marker=marker, color=colour, label=name)
    axes.set_xscale("log", base=2)
    axes.set(xlabel="bins of the grid", ylabel="net bits, on average")
    axes.set_title("A floor under the posterior makes the message longer")
    axes.legend(loc="upper left")
    return figure


@plotting.style()
def draw_accounts(accounts: Mapping[str, Account | float]) -> Figure:
    """What is pushed, what is refunded and what is left, for each way of sending labels.

    Args:
        accounts: name -> the account of a message, or its bits where it is made of nothing else.
    """
    figure, axes = plotting.subplots(width=8.5, height=3.6)
    thick, place, ticks = 0.8, 0, []
    for account in accounts.values():
        lines = [[(0.0, account, GREY, "left to pay")]]
        if isinstance(account, Account):
            lines = [
                [
                    (0.0, account.weights, WEIGHT, "weights, pushed"),
                    (account.weights, account.data, DATA, "labels, pushed"),
                ],
                [(account.net, account.refund, REFUND, "refund: popped")],
                [(0.0, account.net, GREY, "left to pay")],
            ]
        ticks.append(place + (len(lines) - 1) / 2)
        for line in lines:
            for left, length, colour, label in line:
                axes.barh(place, length, left=left, color=colour, height=thick, label=label)
            place += 1
        end = lines[-1][0][1]
        axes.annotate(f"{end:,.0f} bits", (end, place - 1), (5, 0), textcoords="offset points", va="center")
        place += 0.7
    axes.set_yticks(ticks, accounts)
    axes.invert_yaxis()
    axes.set(xlabel="bits", xlim=(0, 1.6 * axes.get_xlim()[1]))
    axes.set_title("The weights cost much, and most of it comes back")
    names = dict(zip(*reversed(axes.get_legend_handles_labels())))
    axes.legend(names.values(), names.keys(), loc="center right")
    return figure


@plotting.style()
def draw_sent(curves: Mapping[str, torch.Tensor], uniform: float) -> Figure:
    """Bits after each label, for data of which a different part is random.

    Args:
        curves: name -> cumulative bits, (n,).
        uniform: bits of a label under the uniform code.
    """
    figure, axes = plotting.subplots(width=7.0, height=3.5)
    for (name, bits), colour in zip(curves.items(), (BLUE, PURPLE, ORANGE)):
        axes.plot(np.arange(1, len(bits) + 1), bits, color=colour, label=name)
    axes.plot([0, len(bits)], [0, uniform * len(bits)], color=GREY, linestyle="--", label="uniform code")
    axes.set(xlabel="labels sent", ylabel="bits so far", ylim=(0, None), xlim=(0, len(bits)))
    axes.set_title("What can be learned is not sent; noise is")
    axes.legend(loc="upper left")
    return figure
