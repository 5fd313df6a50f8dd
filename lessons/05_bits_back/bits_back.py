# %% [markdown] tags=["demo"]
# # 5. Bits-back coding
#
# **How can sending a network's weights cost *fewer* bits the less you care about their values, and where do the bits
# come back?**

# %% tags=["demo"]
from course.bits_back import explorers

# %% tags=["demo"]
explorers.stack

# %% [markdown] tags=["demo"]
# The column is a message: a stack of bits. The bits that are in it already are called the *seed*. A sender wants to
# send a number, called the *weight*, and a few measurements of it. The *hand* is where it holds what it has taken
# off. Press *Play*.
#
# First the sender **takes bits off** the message, and these bits decide which weight it is. Then it puts the
# measurements on the message, and then the weight. The meter shows by how much the message has grown. Now press
# *Without the refund* and then *Play*. This time the sender chooses the best weight itself, and still the message
# grows by more. The button *With the refund* brings the first way back.
#
# **You have just sent a number that was chosen at random. Who paid for it?** The rest of this page is the answer.

# %% [markdown]
# ## 5.1 Your guess first

# %%
import math

import torch

from course.bits_back import class_means, decay, exercises, experiment, figures, one_weight
from course.bits_back import network_message as network
from course.bits_back import rounding, theory
from course.bits_back.image_model import ImageModel
from utils import data, plotting
from utils.experiment import load_record
from utils.prediction import Prediction

# %%
grid_prediction = Prediction(
    "The weight is rounded to a fine grid, so that it can be sent. Now the grid becomes a thousand "
    "times finer still. Without the refund the message becomes ten bits longer than before. What "
    "happens with the refund?",
    options=("It becomes ten bits longer", "It stays as long as before", "It becomes ten bits shorter"),
)
grid_prediction

# %% [markdown]
# The answer comes in section 5.5.
#
# **You will be able to**
#
# - push symbols on a message and pop them off again, without losing a bit;
# - say what a weight costs in bits, and what an L1 or L2 penalty has to do with it;
# - send the weights of a network and get most of their bits back;
# - compute how many bits the labels of a data set are worth, given the images;
# - say what breaks such a code: rounding errors, empty bins, a damaged file.
#
# **You need** Gaussian densities, logarithms, and a little PyTorch. Lesson 4 helps: the *evidence* comes back here.
# **Time**: about three hours, two of them for the exercises. **Machine**: any laptop. The notebook runs from top to
# bottom in less than a minute; it needs no GPU and no network.

# %% [markdown]
# ## 5.2 A message is one number
#
# A symbol that has the probability $p$ should cost $-\log_2 p$ bits: one bit if $p$ is one half, and hardly anything
# if the symbol is nearly certain. How can a symbol cost a *part* of a bit?
#
# Let the whole message be one large number. With digits we do this all the time: to push the digit $s$ on the number
# $m$, write it behind, $10\,m + s$. To pop it, take the last digit off again. Each digit makes the number ten times
# as large, which is $\log_2 10$ bits. So all ten digits cost the same.
#
# For a symbol that is more likely than another one we need another rule. Give each symbol numbers of its own: of
# every four numbers, let three belong to the symbol *often* and one to the symbol *rare*.

# %%
plotting.show(figures.draw_numbers({"often": 3, "rare": 1}, message=3))


# %% [markdown]
# Count the circles of one colour from the left, beginning with 0. To push a symbol on the message 3, go to its circle
# number 3: for *often* this is the circle 4, for *rare* it is the circle 15. The numbers of *often* lie close
# together, so the message grows little. Those of *rare* are far apart, so it grows much.
#
# To pop, look which symbol owns the message: it is the symbol that was pushed. Then count how many numbers of this
# symbol lie below the message: that is the old message. Nothing is lost. (The receiver must know how many symbols to
# pop.)
#
# Jarek Duda found this rule, and published it from 2009 on. His coders are called *asymmetric numeral systems*, and
# today they are in phones and web browsers.
#
# Each exercise says how many minutes it should take, and how difficult it is, from 1 to 5. Write your answer, run its
# cell, then run the check below it. A check tells you what went wrong. It never takes points away, and every later
# cell runs even if you skip an exercise.

# %% [markdown]
# ### Exercise 5.1: push and pop (15 minutes, difficulty 3, 2 points)
#
# Let the message be *one whole number*. A symbol with the frequency $f$ owns $f$ of the numbers below
# $2^\text{precision}$, and then the same pattern is repeated, as in the picture. They lie one after another: symbol 0
# owns the first ones, then comes symbol 1, and so on. The frequencies of all symbols sum to $2^\text{precision}$, a
# power of two, whose exponent is called the *precision*.
#
# To push a symbol, divide the message by its $f$. The remainder says which of the symbol's $f$ numbers to take. Put
# this number below the quotient: quotient $\cdot\, 2^\text{precision}$ + start + remainder. So the message grows by
# the factor $2^\text{precision} / f$, which is $\text{precision} - \log_2 f$ bits. To pop, undo this. Find the symbol
# first, then the message that was there before. Write `push` here, and `pop` in the cell after its check. Messages
# stay below $2^{62}$ in the checks, and you may return whole numbers of Python or tensors.

# %% nbgrader={"grade": false, "grade_id": "push", "locked": false, "schema_version": 3, "solution": true, "task": false}
def push(message: int, symbol: int, frequencies: torch.Tensor) -> torch.Tensor:
    """The message with a symbol on top.

    Args:
        message: a whole number, 0 or more.
        symbol: 0, ..., k - 1.
        frequencies: of all symbols, whole numbers of 1 or more with the sum 2^precision, (k,).

    Returns:
        The new message, a whole number, ().
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "push_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.push.check(push)


# %% nbgrader={"grade": false, "grade_id": "pop", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pop(message: int, frequencies: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Take the symbol off the message that was pushed last; undoes `push`.

    Args:
        message: a whole number, 0 or more.
        frequencies: of all symbols, (k,), the same as for the push.

    Returns:
        The symbol and the message without it, whole numbers, () each.
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "pop_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.pop.check(pop)

# %% [markdown]
# <details><summary>I can't see how to undo a push</summary>
#
# What push made is quotient $\cdot\, 2^\text{precision}$ + number, and the number is below $2^\text{precision}$. So
# `message % total` and `message // total` give you the number and the quotient. The number lies in the interval of
# one symbol. `frequencies.cumsum(0)` are the ends of the intervals, and an end belongs to the next symbol. The number
# less the start of the interval is push's remainder, and the quotient is push's quotient. Which number, divided by
# $f$, has this quotient and this remainder?
# </details>

# %% [markdown]
# The next picture is drawn with your `push`. It pushes some letters, one after the other, onto the number 1,000.

# %%
push_of = exercises.push.use(push)
letters = {"a": 8, "b": 4, "c": 2, "d": 1, "e": 1}
counts = torch.tensor(list(letters.values()))

message, lengths, costs = 1_000, [math.log2(1_000)], []
for letter in "abacabadabacabaeabacaba":
    symbol = list(letters).index(letter)
    message = int(push_of(message, symbol, counts))
    costs.append(math.log2(counts.sum() / counts[symbol]))
    lengths.append(math.log2(message))
plotting.show(figures.draw_pushes(costs, lengths))


# %% [markdown]
# The message follows the sum of the $-\log_2 p$ closely, and each letter pays its own price. This is the first half
# of what we need. The second half is that `pop` works on **any** message, also on one that nobody made by pushing. In
# the picture above, every number has an owner, and one number in four belongs to *rare*. So **popping off random bits
# gives a random symbol, with the probabilities of the code.** A message is a source of random numbers, too.
#
# From here on the course's own `theory.Message` keeps the number in pieces of 32 bits, so that it can be as long as a
# file. It pops and pushes as yours does.

# %% [markdown]
# ### The probabilities must be whole numbers
#
# A weight is a real number. To send it, we round it to a grid with the step $t$, and give each bin of the grid its
# mass under a Gaussian. A coder wants these masses as whole numbers.

# %% [markdown]
# ### Exercise 5.2: a Gaussian in whole numbers (15 minutes, difficulty 3, 2 points)
#
# A coder needs frequencies, and frequencies are whole numbers. Make them from a Gaussian on a grid. Bin $j$ has the
# centre $(j - \lfloor \text{bins} / 2 \rfloor)\,\text{step}$ and ends half a step from it. The first bin and the last
# bin reach to infinity.
#
# Two things must hold exactly. The frequencies sum to $2^\text{precision}$, or push and pop do not undo each other.
# And none of them is 0, or what falls into that bin cannot be sent. Apart from this, they are near to the Gaussian's
# masses. Any sensible way of rounding passes the check. `torch.special.ndtr` is the distribution function of $N(0,
# 1)$.

# %% nbgrader={"grade": false, "grade_id": "gaussian_frequencies", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gaussian_frequencies(
    mean: float, deviation: float, step: float, bins: int, precision: int
) -> torch.Tensor:
    """Frequencies of the bins of a grid under N(mean, deviation^2).

    Args:
        mean, deviation: of the Gaussian.
        step: between the centres of the bins.
        bins: how many, from 1 to 2^(precision - 4).
        precision: the frequencies sum to 2^precision.

    Returns:
        Whole numbers of 1 or more, (bins,), int64.
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "gaussian_frequencies_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.gaussian_frequencies.check(gaussian_frequencies)

# %% [markdown]
# <details><summary>I can't see how the sum can come out exactly</summary>
#
# Do not round the masses. Round the *cumulative* sums, and take the differences of the rounded numbers. The first sum
# is 0 and the last one is $2^\text{precision}$, whatever happens between them. For the second condition, put `bins`
# numbers aside, one for each bin. Share only the others, $2^\text{precision} - \text{bins}$.
# </details>

# %% [markdown]
# The next picture shows your frequencies, and two ways that look simpler. In the first one each mass is rounded by
# itself. In the second one the masses are right, and nothing was put aside for the bins far from the mean.

# %%
frequencies_of = exercises.gaussian_frequencies.use(gaussian_frequencies)
bins, precision = 32, 10
yours = frequencies_of(0.3, 1.0, 0.5, bins, precision)
inner = (torch.arange(1, bins, dtype=torch.float64) - bins // 2 - 0.5) * 0.5
below = torch.cat([torch.zeros(1), torch.special.ndtr(inner - 0.3), torch.ones(1)])
alone = (below.diff() * 2**precision).round().long().clamp(min=1)
without_floor = (below * 2**precision).round().long().diff()
shown = {"yours": yours, "rounded one by one": alone, "nothing put aside": without_floor}
plotting.show(figures.draw_bins(shown, precision))


# %% [markdown]
# With a wrong sum, push and pop no longer undo each other, and all that follows is lost. With an empty bin, a weight
# that falls into it cannot be sent at all. So a code that must be able to send *anything* keeps a smallest frequency,
# a *floor*. Section 5.6 shows a code that must not have one.

# %% [markdown]
# ## 5.3 What a weight costs, and what L2 has to do with it
#
# Somebody asked on the web: *L1 regularisation sets weights to zero, so it clearly compresses a model. L2 only makes
# them small. Is there any sense in which L2 compresses too?* Now we can answer. A penalty **is** a code length.

# %% [markdown]
# ### Exercise 5.3: L2 and L1 are code lengths (12 minutes, difficulty 2, 2 points)
#
# Weights on a grid with the step $t$ cost $-\log_2$ of the mass of their bins. Let $t$ be so small that the mass is
# the density times $t$. Write what $d$ weights cost under the Gaussian prior $N(0, \text{deviation}^2)$. This is an
# L2 penalty and a constant. Then do the same for the Laplace prior $e^{-|w| / \text{scale}} / (2\,\text{scale})$, an
# L1 penalty and a constant.
#
# The third number is the first one again, now with the deviation that makes *these* weights cheapest. Look at its
# term with $\sum w^2$, the *norm term*, before you go on. What does it depend on?

# %% nbgrader={"grade": false, "grade_id": "penalty_bits", "locked": false, "schema_version": 3, "solution": true, "task": false}
def penalty_bits(
    w: torch.Tensor, deviation: float, scale: float, step: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Bits of weights on a fine grid under three priors.

    Args:
        w: weights, multiples of the step, (d,); not all are 0.
        deviation: of the Gaussian prior.
        scale: of the Laplace prior.
        step: of the grid, much smaller than both.

    Returns:
        Bits of all weights under N(0, deviation^2), under the Laplace prior, and under the
        Gaussian prior around 0 with the best deviation, () each.
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "penalty_bits_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.penalty_bits.check(penalty_bits)

# %% [markdown]
# <details><summary>I can't see the constant</summary>
#
# Write the whole density of one weight, with its constant, times $t$. Take $-\log_2$ of it. The exponent of $e$
# becomes bits when you divide by $\log 2$. For the best deviation, differentiate $\sum w^2 / (2 \sigma^2) + d \log
# \sigma$ by $\sigma$, and set the result to 0.
# </details>

# %%
bits_of = exercises.penalty_bits.use(penalty_bits)
w = torch.linspace(-4, 4, 161, dtype=torch.float64)
priced = [bits_of(each[None], 1.0, 1.0, 2**-8) for each in w if each != 0]
gaussian, laplace, _ = (torch.stack(bits) for bits in zip(*priced))
bits = {"Gaussian prior: L2": gaussian, "Laplace prior: L1": laplace}
plotting.show(figures.draw_penalties(w[w != 0], bits))

# %% [markdown]
# Under a Gaussian prior a weight costs its square, and under a Laplace prior its absolute value, each plus a
# constant. The constant holds the step of the grid: one that is twice as fine costs one bit more for each weight. So
# with a *fixed* prior, L2 does compress: smaller weights cost fewer bits.
#
# But a good sender fits the prior's width to the weights. Then something surprising happens. Let us train a net on
# the digits with stronger and stronger L2, and compute the bits with your function.

# %%
strengths = (0.0, 1e-4, 1e-3, 1e-2)
trained = [decay.trained_weights(strength) for strength in strengths]
norms = [float(each.square().sum()) for each in trained]
fitted = [float(bits_of(each, 1.0, 1.0, 2**-8)[2]) for each in trained]
best_variances = [each.square().mean() for each in trained]
norm_terms = [norm / float(2 * v * math.log(2)) for norm, v in zip(norms, best_variances)]
rest = [bits - term for bits, term in zip(fitted, norm_terms)]
parts = {"norm term": norm_terms, "width and step": rest}
plotting.show(figures.draw_shrinking(strengths, norms, parts))


# %% [markdown]
# The grey part is the norm term, $\sum w^2 / (2\sigma^2 \log 2)$. It is **the same for all nets** with as many
# weights, whatever their norm is: the best $\sigma^2$ is the mean square of the weights, so the sum over $\sigma^2$
# is always the number of weights. L2 saves bits, but not there. It saves through $\log_2 \sigma$: the weights live in
# a smaller range, so the same grid has fewer bins that matter.
#
# And L1? Its code gives nothing extra for a weight that is exactly zero. Zeros save bits with another code, one that
# says first which weights are zero. Section 5.10 has such a code.
#
# A small norm alone is therefore not a short code. Divide all weights by ten, and $\|w\|^2$ falls a hundredfold. But
# if the net now needs its weights ten times as exactly, nothing is saved.

# %% [markdown]
# ## 5.4 Send a weight, and take the refund
#
# How finely must a weight be sent? That depends on how much the data care. If many values of the weight explain the
# data about equally well, it seems a waste to send one of them to many digits. But a coarse grid may miss the good
# values. Geoffrey Hinton and Drew van Camp found the way out in 1993: send the weight as finely as you like, and
# **get the bits back** that you did not care about.
#
# Let $p(w)$ be the prior. Let $q(w)$ be the distribution that the sender pops with: it is spread over the values that
# explain the data well. The best one is the posterior $p(w \mid y)$, as we shall see. All are masses of the bins of a
# grid. The sender does three things.
#
# 1. It **pops** a weight off the message with the code of $q$. This takes $-\log_2 q(w)$ bits off. We call them the
#    *refund*. The sender gets nothing for them: it is the receiver who will have exactly these bits again, so we do
#    not count them.
# 2. It **pushes** the data with the code $p(y \mid w)$.
# 3. It **pushes** the weight with the code of the prior, which costs $-\log_2 p(w)$ bits.
#
# The receiver pops the weight, then the data. Now it has the data, so it can compute $q$ just as the sender did. And
# it pushes the weight back with $q$. The bits that chose the weight are there again. They have carried the choice of
# the weight, besides carrying what they carried before.

# %% [markdown]
# ### Exercise 5.4: send a weight, and take the refund (20 minutes, difficulty 4, 3 points)
#
# Now put it together with your `push` and `pop`, which have to be right first. The weight is known by the number $w$
# of its bin. The receiver knows the prior $p(w)$ and the code of a label, $p(y \mid w)$. It does not know $y$ yet,
# and so it does not know the posterior $q(w)$ either. Send the labels $y$ with bits-back. The receiver pops the
# weight first, and then the labels, `y[0]` before `y[1]`. Now it has $q$, and it pushes the weight back. It must end
# with the very message that you began with.
#
# Return also the net bits, weight bits + data bits - refund. Take them from the tables of frequencies, and do not
# measure the message, which follows them only nearly. The check plays the receiver.

# %% nbgrader={"grade": false, "grade_id": "send", "locked": false, "schema_version": 3, "solution": true, "task": false}
def send(
    message: int,
    y: torch.Tensor,
    prior: torch.Tensor,
    likelihood: torch.Tensor,
    posterior: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Put labels and a weight on a message with bits-back.

    Args:
        message: the seed, a whole number.
        y: labels from 0 to k - 1, (n,); n may be 0.
        prior: frequencies of the weight's bins under p(w), (m,).
        likelihood: frequencies of the labels given each bin, (m, k); row w is the code for w.
        posterior: frequencies of the weight's bins under q(w), (m,); some may be 0.

    Returns:
        The message, a whole number, (), and the net bits, (), float64. Each of the frequencies
        sums to 2^precision, so a symbol with the frequency f costs log2(2^precision / f) bits.
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "send_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.send.check(send)

# %% [markdown]
# <details><summary>I can't see in which order to do it</summary>
#
# A message is a stack, so the sender does everything in the opposite order of the receiver, and the opposite of it.
# The receiver's last step is to push the weight under $q$. So your first step is to pop it under $q$. Write down the
# receiver's steps, turn the list round, and write pop for push and push for pop.
# </details>
#
# <details><summary>I can't see where the net bits come from</summary>
#
# Look at what each step does to the length of the message. A pop takes $-\log_2 q(w)$ bits away. A push of a label
# adds $-\log_2 p(y_i \mid w)$. The last push adds $-\log_2 p(w)$. Here each probability is a frequency over
# $2^\text{precision}$, which is the sum of its table.
# </details>

# %% [markdown] tags=["demo"]
# ### The whole exchange, with real bits
#
# Here is the same with a Gaussian weight and some measurements of it. On the left you see the prior, the posterior
# and the weight. In the middle is a real message.
#
# **Try**: press *Play*, and watch the receiver undo each step of the sender. Three buttons show moments of it: *The
# weight is popped*, *All is pushed* and *The receiver is done*. Press *Without the refund*. Compare *A fine grid*
# with *A fine grid, no refund*. Then press *Too few seed bits*: a message that is too short cannot choose.
#
# **Look for**: the bits in the message at the very end.

# %% tags=["demo"]
explorers.one_weight

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: did the sender choose the weight?</summary>
#
# No. The bits at the top of the message, those that were pushed last, chose it. They are somebody's data, an earlier
# image for example, and to the posterior they look random. So the weight is a random draw from $q$.
# </details>

# %% [markdown]
# ### How long is the message?
#
# With another seed another weight is drawn, and the message has another length. The next picture sends the same data
# with two hundred seeds.

# %%
case = one_weight.OneWeight.draw(20, seed=0)


def net_bits(seed: int, width: float) -> float:
    return case.send(theory.Message.random(200, seed=seed), step=2**-6, width=width).net


nets = {
    "q is the posterior": [net_bits(seed, 1.0) for seed in range(200)],
    "q is twice as wide": [net_bits(seed, 2.0) for seed in range(200)],
}
means = [case.bits_back_bits(2**-6), case.bits_back_bits(2**-6, 2.0)]
plotting.show(figures.draw_messages(nets, means, case.evidence_bits()))


# %% [markdown]
# On the left $q$ is the exact posterior, and something remarkable happens: every message has nearly the same length,
# whatever weight was drawn. Bayes' rule says why. It says $q(w) = p(w)\,p(y \mid w) / p(y)$. Put this into weight +
# data - refund:
#
# $$-\log_2 p(w) - \log_2 p(y \mid w) + \log_2 q(w) = -\log_2 p(y).$$
#
# Everything with $w$ in it is gone.
#
# Here $p(y)$ is the **evidence** of lesson 4: the probability of the data when the weight is not known, which is the
# sum of $p(w)\,p(y \mid w)$ over all bins. When we count it in bits, we mean $-\log_2$ of it. For data from this
# model, no code is shorter on average. So bits-back turns the evidence from a formula into a file.
#
# On the right $q$ is twice as wide. Now the lengths differ. Most messages are even a little shorter than the
# evidence, and a few are much longer. Their mean is above it, by the distance of $q$ from the posterior. It is known
# as the *negative ELBO* (evidence lower bound):
#
# $$\mathrm{KL}(q \,\|\, p) + \mathrm{E}_q\left[-\log_2 p(y \mid w)\right].$$
#
# $\mathrm{E}_q$ is the mean over weights that are drawn from $q$. The first term is short for $\mathrm{E}_q[\log_2
# q(w)/p(w)]$: it is what the weight costs when the refund is taken off. It is called the *Kullback-Leibler
# divergence* of $q$ from $p$, and is never negative. The second term is what the data cost.

# %% [markdown]
# ### Exercise 5.5: what it costs on average (8 minutes, difficulty 2, 1 point)
#
# The seed chooses $w$, so the length of a message is a matter of chance. Its mean is $\mathrm{KL}(q \,\|\, p) +
# \mathrm{E}_q[-\log_2 p(y \mid w)]$, the negative ELBO. Write it for a Gaussian $q$ with one mean and one deviation
# for each weight, and the prior $N(0, \text{prior\_deviation}^2)$. You have draws $w \sim q$, and the log probability
# of each observation under each draw: sum over the observations, and take the mean over the draws. Mind the units.

# %% nbgrader={"grade": false, "grade_id": "negative_elbo", "locked": false, "schema_version": 3, "solution": true, "task": false}
def negative_elbo(
    mean: torch.Tensor,
    deviation: torch.Tensor,
    prior_deviation: float,
    log_likelihoods: torch.Tensor,
) -> torch.Tensor:
    """The mean length of a message with weights and data, in bits.

    Args:
        mean: of q, (d,).
        deviation: of q, above 0, (d,).
        prior_deviation: of p = N(0, prior_deviation^2), for each weight.
        log_likelihoods: log p(y_i | w) in nats, one row for each draw w ~ q, (draws, n).

    Returns:
        Bits, ().
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "negative_elbo_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.negative_elbo.check(negative_elbo)

# %% [markdown]
# <details><summary>I can't see which way round the divergence goes</summary>
#
# The weight is pushed under $p$ and popped under $q$. So it costs $-\log p(w) + \log q(w)$. The weight that is popped
# is distributed as $q$. So take the mean of the cost over $w \sim q$, where $\mathrm{E}_q[w^2] = \text{mean}^2 +
# \text{deviation}^2$.
# </details>

# %% [markdown] tags=["demo"]
# ## 5.5 A finer grid costs nothing
#
# What is a *two-part code*? It sends the rounded weight and then the data, without a refund. Its grid has to be
# chosen: a fine one costs bits for the weight, a coarse one costs bits for the data. With bits-back the grid only has
# to be finer than the posterior.
#
# **Try**: press *Play*, which halves the step again and again. Then compare *A coarse grid*, *The best step*, *One
# part in a thousand* and *24 halvings*.
#
# **Look for**: the orange line, the green one, and the evidence.

# %% tags=["demo"]
explorers.precision

# %% [markdown]
# The axis goes from coarse grids to fine ones. Once the grid is fine, every halving costs the two-part code one bit.
# Bits-back pays this bit too, when it pushes the weight. But the pop took one bit more as well. So the step does not
# matter, once it is finer than the posterior. On a very coarse grid both codes are bad. There the masses of a
# Gaussian are no longer the posterior of the grid, and bits-back can even lose.

# %%
grid_prediction.reveal(
    answer="It stays as long as before",
    because="A finer grid makes the weight longer by ten bits, and the refund by ten bits too.",
)


# %% [markdown]
# What does the best two-part code lose? Not much. At the star in the right panel it pays a quarter of a bit for each
# weight above the evidence. Its best step is wider than you may think: three and a half deviations of the posterior.
# But it must know the step, and for a network the best step differs from weight to weight: it depends on the
# curvature. Whoever sends the steps pays for them too.

# %% [markdown]
# ### Exercise 5.6: the best step without a refund (10 minutes, difficulty 3, 1 point)
#
# A two-part code rounds each weight to a grid and sends it. Near its best value a weight has the loss $h e^2 / 2$
# nats for an error $e$, so the posterior's deviation is $h^{-1/2}$. A fine grid costs bits for the weight, and a
# coarse grid costs bits for the data. Which step is the best one? And how many bits above the evidence does the code
# with a given `step` pay, on average over where the grid lies? Give one number for each weight.
#
# The evidence is the height of the peak times its width, $\sqrt{2\pi / h}$. The two-part code uses one bin of width
# $t$ instead. So the excess is $\log_2 (\sqrt{2\pi / h} \,/\, t)$, plus what the rounding costs in the data.

# %% nbgrader={"grade": false, "grade_id": "two_part_excess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def two_part_excess(h: torch.Tensor, step: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The best step of a two-part code, and what a given step pays above the evidence.

    Args:
        h: curvatures of the negative log likelihood in nats, above 0, (d,).
        step: of the grid, the same for all weights; the prior is flat over it.

    Returns:
        The best step of each weight, (d,), and the bits that each pays with the given step, (d,).
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "two_part_excess_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.two_part_excess.check(two_part_excess)

# %% [markdown]
# <details><summary>I can't see what the rounding costs</summary>
#
# The error is spread evenly between $-t/2$ and $t/2$. Its mean square is $t^2 / 12$, so the data cost $h t^2 / 24$
# nats more. With $c = t \sqrt h$ that is $c^2 / 24$. Now differentiate the whole excess by $c$.
# </details>

# %% [markdown] tags=["demo"]
# ## 5.6 The less you care, the less you pay
#
# Now we can answer the question at the top of the page. Caring little about a weight means that $q$ is wide. Then the
# pop takes many bits off, and little is left to pay for the weight: $\log_2 q(w)/p(w)$ bits. What if we make $q$
# wider still?
#
# **Try**: press *Play*. Go back with *The posterior's width*. Press *Twice the variance* and *Twice the deviation*:
# as in lesson 4, the first is worth half a bit and the second a whole bit. Then press *An eighth of the deviation*
# and *Eight times the deviation*.
#
# **Look for**: where the thick line has its minimum.

# %% tags=["demo"]
explorers.width

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: is wider always cheaper?</summary>
#
# The weight is cheaper, as long as $q$ is narrower than the prior: its refund grows by a bit with each doubling of
# the deviation. But the data become dearer, since bad weights come from a wide $q$. The sum has its minimum where $q$
# is the posterior, and there it is the evidence. A flat minimum is cheap because *the data* let $q$ be wide. Lesson
# 4's Occam factor counts the same: how much of the prior's width the posterior keeps.
# </details>

# %% [markdown]
# ### The posterior must have no floor
#
# Prior and likelihood need a floor, since whatever comes must be sendable. The posterior is another matter. It is
# used for popping, and a floor in it lets the seed choose a weight that the data exclude. And it needs none: the
# receiver pushes back only a weight that was popped, so its bin is never empty.

# %%
sizes = [2**k for k in range(6, 13)]
plotting.show(
    figures.draw_floors(
        sizes,
        {
            "with a floor": [case.mean_net(count, floor=True) for count in sizes],
            "without": [case.mean_net(count, floor=False) for count in sizes],
        },
    )
)

# %% [markdown]
# The finer the grid, the more bins have a floor that they should not have. Now and then a weight from such a bin is
# drawn, and then the data cost hundreds of bits. A floor is not a safe habit: it belongs under a code that must send
# everything, and nowhere else.

# %% [markdown]
# ## 5.7 A network in a message
#
# A network has many weights, and the recipe is the same. Here is a small one, for the digits. The receiver has the
# images. It wants the labels. The network has no hidden layer. We train it so that it has a $q$ for every weight,
# with a mean and a deviation of its own, by minimising the negative ELBO. Then all weights are popped, all labels are
# pushed, and all weights are pushed. For comparison there is the *uniform code*, which takes $\log_2 10$ bits for
# each label.

# %%
digits = data.load("digits")
pixels = network.integer_inputs(digits.train_images, data.BRIGHTEST["digits"])
labels = digits.train_labels
code = network.NetworkCode((64, 10), prior_deviation=2.0)


def fit(inputs, known_labels):
    return network.fit_posterior(inputs, known_labels, code, network.Training(steps=500))


seed_bits = theory.Message.random(8_000)
sent_message = seed_bits.copy()
account = network.encode_labels_with_network(sent_message, pixels, labels, fit, code)

received = sent_message.copy()
decoded = network.decode_labels_with_network(received, pixels, code, refit=fit)
assert (decoded == labels).all() and received == seed_bits  # the seed came back, bit for bit

uniform = len(labels) * math.log2(10)
without = account.weights + account.data
shown = {"bits-back": account, "the same, without refund": without, "uniform code": uniform}
plotting.show(figures.draw_accounts(shown))

# %% [markdown]
# Pushed as they are, the weights cost more than the labels themselves. With the refund, weights and labels together
# cost about a fifth of what the labels cost alone. The network has *compressed* its labels, and this price includes
# the weights.
#
# Be careful with the word *cost*: it is what the message **grows** by. The green bits must be in the message before.
# If they are random, they are in the file as well, and the whole file is longer than the uniform code. If they are
# something that the receiver wants anyway, such as another file, they cost nothing. Section 5.9 comes back to this.
# And a sender without a refund would not send such fine weights: it would round them coarsely, as in section 5.10.
#
# There is a condition. To push the weights back, the receiver needs $q$, and $q$ came out of a training run on the
# labels. The receiver has the labels now, so it **trains again**, and its training must give the same numbers to the
# last bit. In the cell above it did. To be sure, the message also holds a checksum of $q$, of 64 bits. A receiver
# that does not train still reads all labels. But it gets no refund, and then the second bar is what it has paid. The
# function says so:

# %%
import warnings

with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    network.decode_labels_with_network(sent_message.copy(), pixels, code)
print(said[0].message)

# %% [markdown] tags=["demo"]
# ## 5.8 Labels without any weights
#
# There is an even simpler way to send labels with a network, and it sends no weights at all. Sender and receiver
# begin with the same untrained model. The sender sends a few labels with it. Then **both** train on these labels, and
# the next ones are sent with the better model. This is called *prequential* coding. What the model has learned is
# never sent, since the receiver learns it too.
#
# A model that is sure of itself and wrong pays much for it. So the code should be *calibrated*: on the labels that
# have been sent already, both find out how far the model can be trusted.
#
# **Try**: press *True labels*, then *Play*, which makes more and more labels random. Stop at *Half the labels are
# noise*. Compare *Random labels* with *Random labels, not calibrated*. Then press *Large blocks*: the model learns
# less often, and the message is a little longer.
#
# **Look for**: the dashed line, which is the uniform code.

# %% tags=["demo"]
explorers.prequential


# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: are random labels incompressible?</summary>
#
# Yes: no code can make them shorter than the uniform one on average. But not every code is as short as that. A model
# that is not calibrated believes what it has learned from noise, and pays *more* than the uniform code. This model
# pays most where some labels are true and make it sure of itself. Calibrated, the code of random labels costs as much
# as the uniform code, and not less.
# </details>

# %% [markdown]
# ### Exercise 5.7: labels without any weights (20 minutes, difficulty 4, 3 points)
#
# A prequential code sends no weights. It sends the labels block by block. After each block, sender and receiver train
# the same model on all labels so far, and the next block is sent with it. `logits[b]` are the outputs of the model
# that was trained on the labels before `starts[b]`, for all inputs. Model 0 has learned nothing, and its outputs are
# 0.
#
# A trained net is too sure of itself, so its outputs are divided by a temperature before the softmax. Choose for each
# block the temperature that would have been the best one for *all labels sent so far*, each with the model that it
# was sent with. If several are equally good, take the first of them. Return how many bits have been sent after each
# label.

# %% nbgrader={"grade": false, "grade_id": "prequential_bits", "locked": false, "schema_version": 3, "solution": true, "task": false}
def prequential_bits(
    logits: torch.Tensor, y: torch.Tensor, starts: torch.Tensor, temperatures: torch.Tensor
) -> torch.Tensor:
    """Bits that have been sent after each label, with a calibrated model for each block.

    Args:
        logits: outputs of B models for n inputs, before the softmax, (B, n, k). Model b was
            trained on the labels before starts[b].
        y: labels, (n,).
        starts: where each block begins, ascending, (B,); starts[0] is 0. A block ends where the
            next one begins, and the last one ends at n.
        temperatures: to choose from, (T,).

    Returns:
        Cumulative bits, (n,).
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "prequential_bits_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.prequential_bits.check(prequential_bits)

# %% [markdown]
# <details><summary>I can't see how to keep the two apart, the past and the block</summary>
#
# Keep a tensor `past` with one number for each temperature: what all labels so far would have cost with it. It begins
# with zeros. For each block, compute the bits of its labels at *every* temperature. Take the row where `past` is
# smallest and send it. Only after that, add the block's sums to `past`.
# </details>

# %% [markdown]
# The next picture is drawn with your function. The model is the mean image of each class, learned anew before each
# block.

# %%
sent_bits = exercises.prequential_bits.use(prequential_bits)
temperatures, curves = torch.logspace(0, 3, 31, dtype=torch.float64), {}
for noise in (0.0, 0.5, 1.0):
    logits, noisy, starts = class_means.blocks_of_digits(noise)
    curves[f"{noise:.0%} random labels"] = sent_bits(logits, noisy, starts, temperatures)
plotting.show(figures.draw_sent(curves, math.log2(10)))

# %% [markdown]
# True labels become cheap after the first few dozen. Random labels cost what the uniform code costs, after a jump at
# the left end. The jump is the price of our rule. For the second block all temperatures are still equally good, and
# we took the first one, which trusts the model fully. Later the code knows better, but what has been sent is sent:
# with half of the labels random, it takes hundreds of labels to make up for it. The code of the explorer is more
# careful: it mixes in a little of the uniform code from the beginning.

# %% [markdown] tags=["demo"]
# ## 5.9 Images in a file
#
# A *variational autoencoder* describes an image $x$ by a few hidden numbers $z$. One network is the code of the
# image, $p(x \mid z)$. Another one, the *encoder*, looks at the image and says which $z$ may have made it: that is
# $q(z \mid x)$. So each image can be sent as our weight was. Pop $z$, push the image, push $z$. Brendan Frey and
# Geoffrey Hinton sent images in this way in 1997. James Townsend, Tom Bird and David Barber did it in 2019 with
# Duda's coder, without losing a bit. The receiver has the encoder, so there is nothing to train again.
#
# And the images can be **chained**: what the first image has put on the message is the seed of the second one. Only
# the very first image needs bits from elsewhere.
#
# A computer codes many numbers at once faster than one after the other. So a message can have several *lanes*, which
# are small messages side by side. Each of them ends in a number of its own, its *head*. And a sender can take a
# *batch* of images at once: then it pops the $z$ of all of them before it pushes anything. A *ramp* begins with
# single images, and takes larger batches as the message grows.
#
# **Try**: press *One image*, then *Play*, which adds images up to *All images*. Then press *Batches of 1,000*, *784
# lanes* and *784 lanes, labels first*.
#
# **Look for**: the orange part, which is the seed that does not come back, and the pink part, which is what the heads
# take. The dashed line is a usual program, bz2.

# %% tags=["demo"]
explorers.seed

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: who pays for the first bits?</summary>
#
# The file, if the seed is random. For one image this is more than the image itself. For ten thousand it is nothing
# that one sees, if the chain starts with single images. If it starts with a thousand images at once, a thousand times
# as many bits must be there. And if the seed is something that the receiver wants anyway, such as the labels of the
# images, nobody pays.
#
# Each lane wants a seed of its own, so more lanes are faster and also longer.
# </details>

# %% [markdown]
# The next cell uses a trained autoencoder that comes with the course. It plays the receiver of **random bits**: it
# pops $z$ for twelve images, with the code of the prior, and then the images. Then it pushes everything back.

# %%
model = ImageModel.load()


def popped_images(message: theory.Message) -> tuple:
    latents = model.prior(12).pop(message)
    return latents, model.likelihood(latents).pop(message)


random_bits = theory.Message.random(20_000)
message = random_bits.copy()
latents, images = popped_images(message)
model.likelihood(latents).push(message, images)
model.prior(12).push(message, latents)
assert message == random_bits  # not one bit was lost

damaged = bytearray(random_bits.to_bytes())
damaged[-1] ^= 1  # one bit of 20,000
_, wrong = popped_images(theory.Message.from_bytes(bytes(damaged)))
rows = {"popped off random bits": images, "one bit of the message changed": wrong}
plotting.show(figures.draw_images({name: each.reshape(-1, 28, 28) for name, each in rows.items()}))

# %% [markdown]
# Random bits decode to digits, more or less: they are samples of the model. This has a dangerous side. One changed
# bit, at the end where popping begins, gives **other digits**, and they look just as good. A wrong file does not look
# wrong. Sometimes the coder notices, when it must push back a $z$ that the encoder finds impossible, and sometimes it
# does not. So the course's files begin with checksums of the message, of the model and of the images. A file that
# fails one of them is not decoded at all.

# %% [markdown]
# ### Rounding errors
#
# The receiver must compute the same frequencies as the sender, to the last bit. A network computes with
# floating-point numbers, and their sums depend on the order of adding. This order changes with the size of the batch,
# and from one processor to the next.

# %%
batch_sizes = (1, 10, 50, 100)
hit = {
    name: [rounding.share_hit(model, batch, integers) for batch in batch_sizes]
    for name, integers in (("floating point", False), ("integers", True))
}
plotting.show(figures.draw_differences(batch_sizes, hit))

# %% [markdown]
# An image is *hit* if a frequency of one of its pixels differs. With the sender's own batch everything is well, and
# this is how such programs pass their tests. With single images many (how many depends on your machine) would decode
# to something else, and after the first wrong one nothing can be read. Rounding more coarsely makes this rarer and
# does not exclude it: a number can always lie next to a border. The course's networks compute with whole numbers
# instead, as Ballé, Johnston and Minnen proposed in 2019. Sums of whole numbers do not depend on the order.

# %% [markdown]
# ## 5.10 The experiment: files of images, and of labels
#
# The pictures of this section come from the recorded run. It trained two autoencoders on MNIST, coded all test images
# into files, and decoded these in another process. It sent all training labels by several codes.

# %%
record = load_record(experiment.RECORD)
print("The recorded run:", record.provenance())
plotting.show(figures.draw_files(record))

# %% [markdown]
# On the left each pixel is one bit, drawn at random with the pixel's grey value as its probability. The file of
# bits-back holds all ten thousand test images, with their labels as the seed. The bits of the labels are taken off,
# since the receiver wants them anyway. The file is much smaller than those of the three programs. The black mark on
# the bar is the negative ELBO, measured in floating point on the same images: the file is as long as the theory says,
# within one percent.
#
# The receiver has the networks already. Their size is not in these numbers, and for ten thousand images they would
# cost much more than they save.
#
# On the right each pixel has one of 256 grey values. Here the programs come closer, and bits-back still has the
# smallest file. The open marks are the results of Townsend, Bird and Barber. Our networks are larger and were trained
# longer, so our files are smaller. The coding is the same.

# %%
plotting.show(figures.draw_labels(record))

# %% [markdown]
# The receiver has all training images, and wants the labels. Each bar is the length of a code: what a message grows
# by. The small percentage is the test accuracy of the network that has been sent, or learned. The green bar is the
# negative ELBO. Whole messages were made for the digits alone, in the last picture of this section. On MNIST the seed
# would be several hundred thousand bits, which somebody must want.
#
# Look at the orange bars. A network that was trained as usual costs many bits, because so many weights must be sent.
# One may hope that a network bears rounding better if noise was added to its weights during training. On the digits
# it does. Here it does not. *Pruning* sets most weights to zero and sends the others coarsely, and it is much better.
# Bits-back is a little shorter than our pruning, in one run each, without having to choose what to prune. With more
# care pruning might be shorter still.
#
# In section 5.5 a two-part code lost a quarter of a bit for each weight. That was with the best step for each weight,
# and here all weights share one. Also, our search for the step and the prior ended at the finest values that we
# tried, so a more careful two-part code may be shorter.
#
# The prequential codes are far below. That variational codes are long and prequential ones short is a finding of
# Blier and Ollivier (2018); the open marks are their numbers. Why is it so? With the same model, the same prior and
# exact posteriors both codes would have the same length, the evidence: $p(y)$ is also the product of $p(y_1)$, $p(y_2
# \mid y_1)$ and so on. But our $q$ has one Gaussian for each weight, which is far from exact. The prequential
# perceptron has no $q$ at all, and it needs half the bits. The other two bars are of convolutional networks, which
# know something about images from the beginning.

# %%
order_prediction = Prediction(
    "Now all labels of MNIST become random, and a network learns them while they are sent. It is "
    "trained as usual, and its own probabilities are the code. What do the labels cost?",
    options=("Less than the uniform code", "About the uniform code", "Much more than the uniform code"),
)
order_prediction

# %%
plotting.show(figures.draw_curves(record))
plotting.show(figures.draw_ratios(record))

# %%
order_prediction.reveal(
    answer="Much more than the uniform code",
    because="The network has learned by heart what it has seen, and is sure of what it says next. "
    "Each of these mistakes costs many bits. Calibrated on the past, it learns not to be sure.",
)

# %% [markdown]
# In the upper pictures the first labels cost more than a bit each, and the last ones next to nothing: the network has
# learned. A network that goes on learning beats one that begins anew with each block. It also trains longer in all.
# Both convolutional networks see their images moved a little in training, and that is knowledge which we put in by
# hand.
#
# Below, a part of the labels is random, and one perceptron goes on learning. If the code is calibrated, it ends at
# the uniform code and is never more than one percent above it. If the network's own probabilities are used, random
# labels cost *twice* the uniform code: it has learned noise by heart, and believes it. The distance between the blue
# line and the green one is what this learner pays above a code that knows the true labels.

# %%
plotting.show(figures.draw_small_nets(record))

# %% [markdown]
# On the digits the bars tell the same story for two networks. The dots are real messages, each with a seed of its
# own. They scatter around their mean, and they hold a checksum of 64 bits as well. The larger network costs more bits
# for the same labels. The shortest code in this picture needs no network at all: the mean image of each class, used
# prequentially.

# %% [markdown]
# ### Your own run
#
# The next cell runs the small version here, on the digits of scikit-learn. The full one is a command: `course run
# bits_back --preset full --out DIR`. It takes less than an hour without a GPU, and leaves the files and the models
# beside its record. With the model that comes with the course you can make such a file at once: `python -m
# course.bits_back encode mnist.bits` writes it, and `python -m course.bits_back decode mnist.bits` reads it back.

# %%
yours = experiment.run_here()
plotting.show(figures.draw_beside({"your run": yours, "recorded": record}))

# %% [markdown]
# ## 5.11 What people get wrong
#
# You will meet these sentences. Each of them has been refuted on this page. Read the left side of the table, and say
# what is wrong before you read the right side.

# %%
answers = {
    "Bits-back is free": "the first image needs a seed; it is free if somebody wants the seed (5.9)",
    "The sender picks a good weight": "the bits of the message pick it (5.4)",
    "The negative ELBO is the length of the message": "it is the mean over the seeds (5.4)",
    "A finer grid always costs more": "not with the refund (5.5)",
    "A wider posterior is always cheaper": "the data become dearer; the best q is the posterior (5.6)",
    "A floor is always safe": "under the posterior it costs bits (5.6)",
    "The receiver can always take the refund": "it must be able to compute the posterior (5.7)",
    "More lanes are only faster": "each lane wants a seed (5.9)",
    "A wrong file looks wrong": "it decodes to plausible digits (5.9)",
    "Floating point is the same everywhere": "another batch size changes many images (5.9)",
    "A small norm is a short code": "with a fitted prior the norm term stays (5.3)",
}
rows = [{"what is said": said, "what we found": found} for said, found in answers.items()]
plotting.table(rows, "What people say about codes")

# %% [markdown]
# ## 5.12 In your own words

# %% [markdown]
# ### Exercise 5.8: who paid? (15 minutes, difficulty 3, 3 points, graded by a person)
#
# You have sent a weight that cost 24 bits under the prior, and the message grew by much less. Answer in six to ten
# sentences. Which bits chose the weight, and where are they in the end? The first image of a chain needs about 250
# bits that are in the message already: who pays for them, and when does it matter? And what must the receiver own, so
# that it gets the refund, and what does it get without it?
#
# <details><summary>I can't see where they come from</summary>
#
# Which bits chose the weight? Does the receiver know these bits in the end? Follow the message of exercise 5.4 step
# by step, and count.
# </details>

# %% [markdown] nbgrader={"grade": true, "grade_id": "where_the_bits_come_from", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# *Write your answer here.*

# %% [markdown] tags=["demo"]
# ## Recap
#
# 1. A message is a stack. A symbol costs $-\log_2 p$ bits, and popping works on any bits: it draws a random symbol.
# 2. Penalties are code lengths: L2 is a Gaussian prior, L1 a Laplace prior. With a fitted prior L2 saves through the
#    width of the weights, not through their norm.
# 3. Bits-back pops the weight under $q$, pushes the data, and pushes the weight under $p$. What is left to pay is
#    $\log_2 q(w)/p(w)$ and the data. With the exact posterior it is the evidence, for every seed. The bits come back
#    when the receiver pushes the weight under $q$ again.
# 4. A wide posterior costs little. That is the answer to the question of this page, and it is lesson 4's Occam
#    factor, in a file.
# 5. Somebody pays for the seed, once. The receiver must be able to compute $q$, to the last bit.

# %% [markdown]
# ## Limits
#
# This lesson measures how many bits a network and its data take. A short code is evidence that the network has found
# something regular, and lesson 2's random labels show the other side. It is no bound on the test error: such bounds
# exist, and they are a subject of their own. The divergence $\mathrm{KL}(q \,\|\, p)$ that we paid stands in some of
# them.
#
# On our digits the larger network costs *more* bits. This does not say that it has learned less: a $q$ with one
# Gaussian for each weight is a poor posterior, and it is poorer the more weights there are.
#
# Prequential codes are the shortest here, and nobody can say from them how many bits *one* network holds. The images
# are small, and better models exist. And none of this makes sending networks practical: who needs the weights for use
# sends them rounded.
#
# ## Sources
#
# - G. Hinton, D. van Camp, *Keeping neural networks simple by minimizing the description length of the weights*, COLT
#   1993.
# - B. Frey, G. Hinton, *Efficient stochastic source coding and an application to a Bayesian network source model*,
#   The Computer Journal 1997.
# - D. MacKay, *Information theory, inference, and learning algorithms*, 2003, chapter 28.
# - A. P. Dawid, *Present position and potential developments: the prequential approach*, JRSS A 1984.
# - J. Duda, *Asymmetric numeral systems*, 2009, and *Asymmetric numeral systems: entropy coding combining speed of
#   Huffman coding with compression rate of arithmetic coding*, 2013, whose range variant this is.
# - D. Kingma, M. Welling, *Auto-encoding variational Bayes*, ICLR 2014.
# - J. Townsend, T. Bird, D. Barber, *Practical lossless compression with latent variables using bits back coding*,
#   ICLR 2019.
# - J. Townsend, T. Bird, J. Kunze, D. Barber, *HiLLoC: lossless image compression with hierarchical latent variable
#   models*, ICLR 2020.
# - J. Ballé, N. Johnston, D. Minnen, *Integer networks for data compression with latent-variable models*, ICLR 2019.
# - L. Blier, Y. Ollivier, *The description length of deep learning models*, NeurIPS 2018.
# - J. Bornschein, Y. Li, M. Hutter, *Sequential learning of neural networks for prequential MDL*, ICLR 2023.
# - S. Han, H. Mao, W. Dally, *Deep compression*, ICLR 2016.
# - The digits are from scikit-learn (UCI, E. Alpaydin and C. Kaynak); MNIST is by Y. LeCun, C. Cortes and C. Burges.
