# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["demo"]
# # 3. Double descent
#
# **Why does the error fall again after the model is large enough to fit everything, and when does it not?**

# %% tags=["demo"]
from course.double_descent import explorers

# %% tags=["demo"]
explorers.curve

# %% [markdown] tags=["demo"]
# The dots are twelve points on a step, measured with some noise. The model is a sum of $N$ waves whose frequencies
# were drawn at random, and least squares chooses how much of each wave to take. Such a wave is called a *feature*.
#
# Statistics courses draw the error of a growing model as a U. At first it falls, because the model can say more. Then
# it rises, because the model fits the noise. From $N = 12$ on, this model can pass through all twelve points, noise
# included.
#
# **Where will the error be smallest?** With few features, with just enough, or with far too many? Decide. Then press
# *Play*, which adds one feature after the other. At the end compare *6 features*, *12 features* and *120 features*.

# %% [markdown]
# ## 3.1 Your guess first

# %%
import torch

from course.double_descent import exercises, experiment, figures, theory
from utils import data, plotting
from utils.experiment import load_record
from utils.prediction import Prediction

# %%
best_prediction = Prediction(
    "The model has N random features, and there are 12 noisy points. With which N is the error, the "
    "distance from the true step, smallest?",
    options=("With few: N about 6", "With just enough: N = 12", "With far too many: N = 120"),
)
best_prediction

# %%
best_prediction.reveal(
    answer="With far too many: N = 120",
    because="It is so in most draws of the features, and in the median of all draws. At N = 12 the fit "
    "is wild. After that it becomes calmer, though it still passes through every point. Why this is "
    "so, and when it is not, is the subject of this lesson.",
)

# %% [markdown]
# An error that falls, rises and falls again shows *double descent*. This lesson takes it apart: where the peak is,
# what makes it, what removes it, and whether the second fall brings you anywhere.
#
# **You will be able to**
#
# - fit random features on both sides of the peak, and compute the fits of all widths (numbers of features) below it
#   with one factorisation;
# - say where the peak comes from, and compute what theory predicts beside it;
# - remove it, by a *ridge* (a penalty on the squared weights) or by stopping early, and say what is left;
# - split an error into bias and variance, and say which of the two a larger model cures;
# - count where the peak of a network should be, and say why it need not be there.
#
# **You need** least squares, singular values and PyTorch, the shortest solution of lesson 1, and the label noise of
# lesson 2 (both are repeated in a sentence here). **Time**: about three hours, nearly two of them for the exercises.
# **Machine**: any laptop. The notebook runs from top to bottom in under a minute; it needs no GPU and no network.

# %% [markdown]
# ## 3.2 One feature meets the noise alone, many features share it
#
# The smallest case has one example. (Where theory is quoted, the number of features is called $p$, and not $N$.) Its
# input $x$ has $p$ features, which are independent standard normal numbers. Its label is $y = x^\top \beta +
# \varepsilon$, where the noise $\varepsilon$ has mean 0 and variance $\sigma^2$. Of all weights with $x^\top
# \hat\beta = y$, the shortest are $\hat\beta = x\, y / \|x\|^2$ (lesson 1). Put in $y$:
#
# $$\hat\beta = \underbrace{\frac{x x^\top}{\|x\|^2}\,\beta}_{\text{the part of } \beta \text{ along } x} + \underbrace{\frac{x}{\|x\|^2}\,\varepsilon}_{\text{the noise}}$$
#
# **The noise** adds $\varepsilon^2 / \|x\|^2$ to the squared error $\|\hat\beta - \beta\|^2$. With one feature, $x$
# is a single number. It is often near zero, and then the quotient is huge; its mean is infinite. With $p$ features,
# $\|x\|^2$ is a sum of $p$ squares, and the mean of $1 / \|x\|^2$ is $1 / (p - 2)$ from $p = 3$ on. It is the same
# noise, but now $p$ features share it.
#
# **The signal**, which is $\beta$, is seen in one of $p$ directions. The rest of it is lost: $\|\beta\|^2 (1 - 1/p)$
# on average.
#
# So the mean error is $\|\beta\|^2 (1 - 1/p) + \sigma^2 / (p - 2)$. The second term falls and the first one rises.
# Before you run the cell: let signal and noise be equally strong, $\|\beta\|^2 = \sigma^2 = 1$. Does the error ever
# get below 1, which is the error of the answer $\hat\beta = 0$?

# %%
generator = torch.Generator().manual_seed(0)
counts, means, formula = (1, 2, 3, 4, 6, 10, 30, 100), [], []
for p in counts:
    # 40,000 problems of one example each
    x = torch.randn(40_000, p, generator=generator, dtype=torch.float64)
    beta = torch.zeros(p, dtype=torch.float64)
    beta[0] = 1
    y = x @ beta + torch.randn(40_000, generator=generator, dtype=torch.float64)
    beta_hat = x * (y / x.square().sum(1))[:, None]
    means.append(float((beta_hat - beta).square().sum(1).mean()))
    formula.append(1 - 1 / p + 1 / (p - 2) if p > 2 else torch.inf)
plotting.show(figures.draw_one_example(counts, means, formula))

# %% [markdown]
# It does not. The error comes down from a peak at the left end, where $p$ equals the number of examples. It ends at
# the error of no answer at all. When signal and noise are equally strong, it is not worth fitting one example
# exactly. So the second descent is a descent from a peak. Where it ends is another question.
#
# (With one or two features the mean is infinite. The rings there are means of forty thousand problems, and one
# unlucky problem decides each of them. Another seed gives another number.)
#
# **The same with $n$ examples.** Let $X$ be the $n \times p$ matrix of the inputs. Add up the examples with
# coefficients $u$ of length 1. When $p$ is a little above $n$, one of these sums, $X^\top u$, is nearly zero, as $x$
# often was with one feature. The fit must give this short sum the same sum of the labels, and for this it needs huge
# weights. When $p$ is a little below $n$, a sum $Xv$ of the features is nearly zero, and this does the same harm. The
# length of the shortest such sum is the smallest *singular value* of $X$:

# %%
generator, n = torch.Generator().manual_seed(0), 100
features = torch.tensor([20, 40, 60, 75, 85, 92, 97, 100, 103, 108, 115, 130, 160, 200, 300, 500])
smallest = torch.stack([
    torch.linalg.svdvals(torch.randn(20, n, p, generator=generator, dtype=torch.float64))[:, -1]
    for p in features.tolist()
])  # (16, 20)
expected = (features.sqrt() - n**0.5).abs()  # for large matrices
plotting.show(figures.draw_mechanism(features / n, smallest, expected))

# %% [markdown]
# At $p = n$ the smallest singular value nearly vanishes, and one over it has the peak. One over it is the factor by
# which a fit may enlarge the noise. With many more features than examples, no such sum is short any more.
#
# ## 3.3 Make the peak, and take it away

# %% [markdown] tags=["demo"]
# ### What is large at the peak is the weights
#
# The same kind of points and waves as in the first picture, drawn anew, with more to change: the noise in the labels,
# and a ridge. The *threshold* is where there are as many features as points, $N = n$. The two small panels show forty
# draws of the features and the noise. One has the test error, which is the mean squared distance from the true step.
# The other has the norm of the fit, a measure of how large its weights are. The blue dot is the draw whose fit you
# see.
#
# **Try**: press *Play*, then *At the threshold*, then *Ten times as many*. Then take the noise away with *Threshold,
# no noise*, raise it with *Threshold, much noise*, and add *Threshold, a ridge*.
#
# **Look for**: what the fit does between the points, and which of the two curves you could draw without knowing the
# truth.

# %% tags=["demo"]
explorers.line

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: with 12 and with 120 features the fit passes through every point. Why is one wild
# and the other not?</summary>
#
# With twelve features there is exactly one way to pass through twelve points, and it takes the weights that it needs,
# however large. With more features there are many ways, and you are given the shortest one. So what is large at the
# peak is not the number of weights, but the weights themselves. Around the peak their norm rises and falls with the
# error, and you can compute it without knowing the truth.
# </details>
#
# <details><summary><b>Question</b>: the noise is taken away. Why is most of the peak still there?</summary>
#
# Look at the median of the forty draws. A step is not a sum of twelve waves, and what the waves cannot express acts
# on the fit as noise does. So noise makes the peak higher, but it is not needed.
# </details>
#
# <details><summary><b>Question</b>: what does the ridge do at the threshold?</summary>
#
# It takes most of the peak away, because huge weights cost more than the misfit that they avoid. A small bump stays.
# How strong a ridge should be depends on the data: exercise 3.4 chooses one.
# </details>
#
# ### Theory, and problems drawn at random
#
# Now $n = 100$ examples with $p$ standard normal features each, and a signal $\beta$ in a random direction. The
# picture shows the *excess risk*, the mean of $\|\hat\beta - \beta\|^2$. This is the error on new examples beyond
# their own noise. The lines are what theory says when $n$ and $p$ grow and $p / n = \gamma$ stays. The dots are
# problems drawn at random. Each $\gamma$ is a problem of its own: with more features there are more true weights too,
# and the same signal is spread over all of them.
#
# The risk is the sum of two parts, which the second panel shows. The *squared bias* is what the fit has lost of the
# signal. The *variance* is what the noise has added. The ridge is $\lambda$ in $\|y - X\hat\beta\|^2 / n + \lambda
# \|\hat\beta\|^2$, and the best one is known here: $\gamma\, \sigma^2 / \|\beta\|^2$.
#
# **Try**: *No noise*, then *No signal*, then *Strong signal*, each with *Play* to move $\gamma$. Then *A tenth of the
# best ridge* and *The best ridge*. (A risk of zero has no place on a logarithmic axis, so it is not drawn.)
#
# **Look for**: which of the two parts makes the peak, whether the risk has a second minimum above $\gamma = 1$ and is
# lower there than at the left, and what the green line, the best ridge, does at 1.

# %% tags=["demo"]
explorers.risk

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: what is left of the peak without noise? So is label noise its cause?</summary>
#
# Nothing is left, and in this setting noise is the cause. Without noise the labels are an exact linear function of
# the features. For the twelve points of the picture before, something was left over that the features could not
# express. With real labels something always is. (With the best ridge, the green line, there is no peak at 1 in any of
# the settings.)
# </details>
#
# <details><summary><b>Question</b>: with <i>Strong signal</i>, where above 1 is the second minimum, and is the risk
# lower at the left?</summary>
#
# A little above 1 the falling variance and the rising bias balance. But most of the left branch is lower still. Here
# each feature carries an equal part of the signal, and a model with few examples for many features cannot know them
# all. There is a second descent, but a model with fewer features than examples is better here.
# </details>
#
# <details><summary><b>Question</b>: why does the best ridge help so little at the far right?</summary>
#
# There the error is bias: most of the signal lies in directions that no example has. A ridge trades bias against
# variance, and hardly any variance is left to trade. This belongs to the setting of this picture. On the digits
# below, a ridge helps far beyond the threshold too.
# </details>

# %% [markdown]
# ## 3.4 Exercises: the curve, and what flattens it
#
# From here on the data are small images of handwritten digits: three hundred to train, and five hundred to test. A
# feature is $\sqrt 2 \cos(v^\top x + b)$, where $v$ is a random normal vector and $b$ a random phase. The standard
# deviation of $v$ is one over the *bandwidth*. Infinitely many such features are the Gaussian kernel of that
# bandwidth (lesson 1). There is one target for each of the ten classes, a 1 for the right one, and the answer is the
# class with the largest output. Wrong labels are drawn from the nine other classes ("incorrect" noise, lesson 2).
#
# Each exercise says how many minutes it should take, and how difficult it is, from 1 to 5. A check tells you what
# went wrong. It never takes points away, and every later cell runs even if you skip an exercise. A loop over examples
# or widths calls torch too often, and the check stops it.

# %%
digits = data.load("digits")
images = torch.from_numpy(digits.train_images).double().flatten(1) / 16
test_images = torch.from_numpy(digits.test_images).double().flatten(1) / 16
labels, test_labels = torch.from_numpy(digits.train_labels), torch.from_numpy(digits.test_labels)
one_hot, n = experiment.one_hot, 300
noisy = {
    noise: experiment.wrong_labels(labels, noise, torch.Generator().manual_seed(0))
    for noise in (0.0, 0.2)
}
test_targets = one_hot(test_labels)


def random_features(seed: int, count: int = 1800) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of all training and of all test images, (1297, count) and (500, count)."""
    source = theory.fourier_features(images, count, 2.0, torch.Generator().manual_seed(seed))
    return source.columns(0, count), source.of(test_images).columns(0, count)


def error(predictions: torch.Tensor) -> float:
    """Wrong answers on the test images in per cent, from outputs (500, 10)."""
    return 100 * float((predictions.argmax(1) != test_labels).double().mean())


Phi, Psi = random_features(seed=0)

# %% [markdown]
# ### Exercise 3.1: the fit on both sides (10 minutes, difficulty 2, 2 points)
#
# Return the weights of least squares where $p \le n$, and the shortest weights that fit where $p > n$. You may use
# `torch.linalg.solve` or a decomposition; `lstsq` and `pinv` would do the thinking for you, so they are switched off.

# %% nbgrader={"grade": false, "grade_id": "fit_features", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_features(Phi: torch.Tensor, Y: torch.Tensor) -> torch.Tensor:
    """The shortest of the weights that bring Phi W nearest to Y.

    Args:
        Phi: features, (n, p), of full rank; p may be less than n, equal, or more.
        Y: targets, (n, k).

    Returns:
        Weights, (p, k).
    """
    ### BEGIN SOLUTION
    n, p = Phi.shape
    if p <= n:
        return torch.linalg.solve(Phi.T @ Phi, Phi.T @ Y)
    return Phi.T @ torch.linalg.solve(Phi @ Phi.T, Y)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "fit_features_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.fit_features.check(fit_features)

# %% [markdown]
# <details><summary>I can't see which system to solve</summary>
#
# Below the threshold set the gradient of $\|\Phi W - Y\|^2$ to zero. Above it $W$ is a combination of the rows, $W =
# \Phi^\top A$ (lesson 1): put that into $\Phi W = Y$. Each way has a square matrix, and it is invertible on its own
# side only.
# </details>
#
# Your function fits digits, at a few numbers of features. Blue: all labels are true. Orange: a fifth of them is
# wrong. (The kernel of lesson 1 is the *mean* over the features, $\Phi\Phi^\top / N$. Measured with it, the norm is
# $\sqrt N$ times the length of the weights, and can be compared across $N$.)

# %%
fit = exercises.fit_features.use(fit_features)
widths = (10, 20, 30, 50, 100, 150, 200, 250, 280, 300, 320, 350, 450, 600, 900, 1800)
errors, norms = {}, {}
for noise, given in noisy.items():
    weights = [fit(Phi[:n, :width], one_hot(given[:n])) for width in widths]
    errors[noise] = [error(Psi[:, :len(each)] @ each) for each in weights]
    norms[noise] = [len(each) ** 0.5 * float(each.norm()) for each in weights]
plotting.show(figures.draw_few_widths(widths, errors, norms, n))

# %% [markdown]
# With as many features as images, most answers are wrong, even when no label is. The norm has its peak at the same
# place.
#
# ### Exercise 3.2: every width from one factorisation (20 minutes, difficulty 4, 3 points)
#
# There are three hundred widths up to the peak, and it seems that least squares at each of them needs a factorisation
# of its own. One is enough for all.
#
# Write $\Phi = QR$, with orthonormal columns in $Q$ and a triangular $R$. The first $k$ columns of $Q$ span the first
# $k$ columns of $\Phi$. So the fit with $k$ features is the sum of the first $k$ terms of one sum, $\sum_{j \le k}
# q_j (q_j^\top y)$. Predictions for new examples are the same sum, with new rows in the place of the rows of $Q$.
# Which rows? (The check asks for many widths at once: no loop.)

# %% nbgrader={"grade": false, "grade_id": "every_width", "locked": false, "schema_version": 3, "solution": true, "task": false}
def every_width(Phi: torch.Tensor, y: torch.Tensor, Psi: torch.Tensor) -> torch.Tensor:
    """What least squares on the first k features predicts, for every k from 1 to p.

    Args:
        Phi: features of the training examples, (n, p), p <= n, of full rank.
        y: targets, (n,).
        Psi: the same features of new examples, (m, p).

    Returns:
        Predictions, (p, m): row k - 1 from the first k features.
    """
    ### BEGIN SOLUTION
    Q, R = torch.linalg.qr(Phi)
    new = torch.linalg.solve_triangular(R, Psi, upper=True, left=False)  # Psi R^-1
    return (new * (Q.T @ y)).cumsum(1).T
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "every_width_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.every_width.check(every_width)

# %% [markdown]
# <details><summary>I can't see what becomes of the new examples</summary>
#
# $Q = \Phi R^{-1}$: the columns of $Q$ are combinations of features, and $R^{-1}$ says which. The new examples'
# values of the same combinations are $\Psi R^{-1}$. `torch.linalg.solve_triangular(R, Psi, upper=True, left=False)`
# computes it.
# </details>
#
# Here is your first whole curve. Up to the peak it has all three hundred widths, from your function. Beyond the peak,
# and for the norm, a function of the course goes on.

# %%
predict = exercises.every_width.use(every_width)
wide = [301, 303, 306, 310, 320, 335, 350, 400, 500, 700, 1000, 1400, 1800]
every = [*range(10, 250, 10), *range(250, 301, 5), *wide]
below, beyond, norms = {}, {}, {}
for noise, given in noisy.items():
    targets = one_hot(given[:n])
    outputs = torch.stack([predict(Phi[:n, :n], y, Psi[:, :n]) for y in targets.T], 2)  # (300, 500, 10)
    below[noise] = [error(each) for each in outputs]
    sweep = theory.random_feature_sweep(Phi[:n], targets, Psi, test_targets, every)
    beyond[noise] = (wide, 100 * sweep.test_error[-len(wide):])
    norms[noise] = (every, sweep.widths.sqrt() * sweep.norm)
plotting.show(figures.draw_curve(n, below, beyond, norms))

# %% [markdown]
# How much does it save? The next cell takes the time of your function, and of one call of `lstsq` for each width.

# %%
import time

begun = time.perf_counter()
predict(Phi[:n, :n], targets[:, 0], Psi[:, :n])
once = time.perf_counter() - begun
begun = time.perf_counter()
for width in range(20, n + 1, 20):
    Psi[:, :width] @ torch.linalg.lstsq(Phi[:n, :width], targets[:, :1]).solution
loop = (time.perf_counter() - begun) * n / 15
print(f"300 widths: {1000 * once:.0f} ms; one lstsq for each: about {1000 * loop:.0f} ms (15 timed)")

# %% [markdown]
# Above the threshold there is no such sum. But the $n \times n$ matrix $\Phi\Phi^\top$ only gains one term with each
# new feature. `theory.random_feature_sweep`, the *sweep* of the picture, uses both facts, so section 3.6 can go on to
# sixty thousand features.
#
# ### Exercise 3.3: the risk in the limit (15 minutes, difficulty 3, 2 points)
#
# Where do the lines of *Theory, and problems drawn at random* come from? From one fact about an $n \times p$ matrix
# $X$ of standard normal numbers. For $p < n - 1$,
#
# $$\mathrm{E}\,\mathrm{tr}\,(X^\top X)^{-1} = \frac{p}{n - p - 1}.$$
#
# **For $p < n$** the fit is $\beta + (X^\top X)^{-1} X^\top \varepsilon$. Nothing of the signal is lost, and the
# noise adds $\sigma^2\,\mathrm{tr}\,(X^\top X)^{-1}$.
#
# **For $p > n$** the fit is the part of $\beta$ along the $n$ rows of $X$, plus $X^\top (X X^\top)^{-1} \varepsilon$.
# What lies in the other directions is lost. The noise adds a trace again, of $(X X^\top)^{-1}$: rows and columns have
# changed places.
#
# Let $n \to \infty$ with $p / n = \gamma$. What is the mean of $\|\hat\beta - \beta\|^2$ on either side of 1? (For
# one example it must agree with section 3.2, except for a term that vanishes when $n$ is large.)

# %% nbgrader={"grade": false, "grade_id": "ridgeless_risk", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ridgeless_risk(gamma: torch.Tensor, signal: float, noise: float) -> torch.Tensor:
    """The limiting excess risk of the shortest least-squares fit.

    Args:
        gamma: features over examples, above 0, (m,).
        signal: ||beta||^2.
        noise: variance of the labels' noise, above 0.

    Returns:
        Risks, (m,); torch.inf at gamma = 1.
    """
    ### BEGIN SOLUTION
    below = noise * gamma / (1 - gamma)
    above = signal * (1 - 1 / gamma) + noise / (gamma - 1)
    return torch.where(gamma < 1, below, above)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ridgeless_risk_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.ridgeless_risk.check(ridgeless_risk)

# %% [markdown]
# Your limit is the line. The dots are problems with a hundred examples, drawn at random, and the rings are the exact
# mean for a hundred examples, which follows from the same fact.

# %%
limit = exercises.ridgeless_risk.use(ridgeless_risk)
gamma = torch.logspace(-0.7, 0.8, 301, dtype=torch.float64)
at, exact, drawn, standard_errors = (0.3, 0.5, 0.7, 0.8, 0.9, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0), [], [], []
for each in at:
    p, draw = round(100 * each), torch.Generator().manual_seed(1)
    mean, standard_error = theory.simulated_risk(100, p, 1.0, 0.25, 50, draw)
    drawn.append(mean)
    standard_errors.append(standard_error)
    exact.append(theory.ridgeless_risk_exact(100, p, 1.0, 0.25))
plotting.show(figures.draw_limit(gamma, limit(gamma, 1.0, 0.25), at, exact, drawn, standard_errors))

# %% [markdown]
# Next to the threshold the exact mean for a hundred examples is a tenth larger than the limit, which is hard to see
# on this axis. The drawn problems follow the exact mean. When you simulate, compare with the exact formula.
#
# ### Exercise 3.4: every ridge from one decomposition (20 minutes, difficulty 3, 3 points)
#
# Now a ridge adds $\lambda \|w\|^2$ to the *sum* of squared errors (in section 3.3 it was the mean). Take the
# singular value decomposition $\Phi = U S V^\top$ and set the gradient to zero. In the coordinates of $V$ the weights
# are the entries of $U^\top y$, each multiplied by a function of its singular value and of $\lambda$. So one
# decomposition serves every $\lambda$.
#
# To choose among them you need examples that were held out of the fit. (The check asks for many ridges at once: no
# loop.)

# %% nbgrader={"grade": false, "grade_id": "held_out_losses", "locked": false, "schema_version": 3, "solution": true, "task": false}
def held_out_losses(
    Phi: torch.Tensor, y: torch.Tensor, Psi: torch.Tensor, z: torch.Tensor, ridges: torch.Tensor
) -> torch.Tensor:
    """The mean squared error on held-out examples, for every ridge.

    The weights minimise ||Phi w - y||^2 + ridge ||w||^2.

    Args:
        Phi: features of the training examples, (n, p).
        y: their targets, (n,).
        Psi: the same features of the held-out examples, (m, p).
        z: their targets, (m,).
        ridges: above 0, (r,).

    Returns:
        Losses, (r,).
    """
    ### BEGIN SOLUTION
    U, s, Vt = torch.linalg.svd(Phi, full_matrices=False)
    weights = s / (s**2 + ridges[:, None]) * (U.T @ y)  # (r, min(n, p)), in the coordinates of V
    predictions = weights @ (Psi @ Vt.T).T
    return (predictions - z).square().mean(1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "held_out_losses_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.held_out_losses.check(held_out_losses)

# %% [markdown]
# <details><summary>I can't see which function</summary>
#
# In these coordinates $(\Phi^\top \Phi + \lambda I) w = \Phi^\top y$ becomes $(s_j^2 + \lambda)\, w_j = s_j\, (U^\top
# y)_j$. There is one row of weights for each ridge: `ridges[:, None]` makes the shapes fit.
# </details>
#
# At every width, choose the ridge on two hundred other training images, with wrong labels like the rest. Then look at
# the test images.

# %%
losses = exercises.held_out_losses.use(held_out_losses)
targets, held = one_hot(noisy[0.2][:n]), slice(n, n + 200)
ridges, held_targets = torch.logspace(-2, 4, 25, dtype=torch.float64), one_hot(noisy[0.2][held])
widths = [10, 30, 60, 100, 150, 200, 250, 280, 300, 320, 350, 450, 500, 600, 900, 1800]
plain, tuned, chosen = [], [], []
for width in widths:
    total = sum(losses(Phi[:n, :width], targets[:, k], Phi[held, :width], held_targets[:, k], ridges)
                for k in range(10))
    chosen.append(float(ridges[total.argmin()]))
    sweep = theory.random_feature_sweep(Phi[:n], targets, Psi, test_targets, [width],
                                        ridge=[0.0, chosen[-1]])
    plain.append(100 * float(sweep.test_error[0, 0]))
    tuned.append(100 * float(sweep.test_error[1, 0]))
all_500 = theory.random_feature_sweep(Phi[:500], one_hot(noisy[0.2][:500]), Psi, test_targets, widths)
plotting.show(figures.draw_tuned(widths, plain, tuned, chosen, 100 * all_500.test_error))

# %% [markdown]
# The peak is gone, and larger models do hardly any harm. (The ridge had two hundred more images to be chosen with.
# The grey line shows a plain fit that is trained on those images too. It has a peak of its own, at its own 500
# images, and its lowest error is above that of the tuned ridge at every $N$ from 150 on.)
#
# ### Exercise 3.5: bias and variance (15 minutes, difficulty 3, 2 points)
#
# The features are drawn at random, and another draw gives another prediction. Keep the images and the labels. The
# mean squared error over the draws then has two parts. The *squared bias* is the error of the mean over *all* draws
# that there could be. The *variance* is the spread of the draws around that mean. (In section 3.3 the noise was drawn
# anew each time, so it was variance. Here the labels stay as they are. What is wrong in them is a part of the bias.)
#
# You do not have all draws, but $R$ of them. Two things follow. The mean of your draws differs from the mean over all
# draws by an error of its own. And your draws lie nearer to their own mean than to the mean over all. Correct both
# parts, so that each is right on average.

# %% nbgrader={"grade": false, "grade_id": "bias_and_variance", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bias_and_variance(
    predictions: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Unbiased estimates of the squared bias and of the variance of a predictor drawn at random.

    Args:
        predictions: of several draws for the same inputs, (draws, m, k).
        targets: (m, k).

    Returns:
        Squared bias and variance, each a tensor of shape (): mean over the m inputs, summed over the k
        targets.
    """
    ### BEGIN SOLUTION
    draws, m = len(predictions), len(targets)
    mean = predictions.mean(0)
    variance = (predictions - mean).square().sum() / (draws - 1) / m
    return (mean - targets).square().sum() / m - variance / draws, variance
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "bias_and_variance_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.bias_and_variance.check(bias_and_variance)

# %% [markdown]
# <details><summary>I can't see what to correct</summary>
#
# The squared deviations of $R$ numbers from their own mean add up to $R - 1$ variances, on average. And the mean of
# $R$ draws misses the mean over all by a variance of its own, the variance divided by $R$. This is a part of its
# squared error, beside the squared bias.
# </details>
#
# Take twenty draws of the features, for the same images and labels. An *ensemble* answers with the mean of all
# twenty.

# %%
split = exercises.bias_and_variance.use(bias_and_variance)
counts = [30, 60, 150, 250, 280, 320, 350, 400, 600, 1800]
parts, limits = {}, {}
for noise, given in noisy.items():
    draws = []
    for seed in range(20):
        source = theory.fourier_features(images[:n], 1800, 2.0, torch.Generator().manual_seed(seed))
        sweep = theory.random_feature_sweep(source, one_hot(given[:n]), source.of(test_images),
                                            test_targets, counts, keep_predictions=True)
        draws.append(sweep.predictions)
    by_width = torch.stack(draws).unbind(1)  # for each width (20, 500, 10)
    bias, variance = zip(*(split(each, test_targets) for each in by_width))
    parts[noise] = {
        "squared bias": bias,
        "variance": variance,
        "error of one": [sum(map(error, each)) / 20 for each in by_width],
        "error of 20": [error(each.mean(0)) for each in by_width],
    }
    kernel = theory.kernel_limit(images[:n], one_hot(given[:n]), test_images, test_targets, 2.0)
    limits[noise] = 100 * float(kernel.test_error[0])
plotting.show(figures.draw_parts(counts, parts, limits))

# %% [markdown]
# **Without noise** (left) the squared bias falls and settles, and the variance has the peak. Past the peak the
# variance falls to nearly nothing. So in the second descent the variance of the features goes away. An ensemble takes
# most of this variance away at once.
#
# **With wrong labels** (right) the squared bias falls at first, and then it *rises*. The labels are the same in all
# draws. Each draw fits more and more of the wrong ones, and so does their mean. Here a fitted wrong label spoils the
# answers around it, and neither more features nor more draws repair that. An ensemble of small fits does far better
# than infinitely many features: none of its members could fit all the wrong labels.
#
# (As many features as images are left out: there the mean of twenty draws depends on the wildest one.)
#
# ## 3.5 What people get wrong
#
# Two common beliefs have fallen already: that it takes label noise to make the peak, and that the peak is there
# whatever one does. Here are four more.
#
# ### "It always happens"
#
# Instead of solving for the weights, one can go down to them by gradient descent from zero. After $t$ steps, descent
# has hardly begun in the directions in which the features have small singular values. A ridge shrinks the same
# directions. Here are the same fits, stopped after some number of steps. (The step size is one over the largest
# eigenvalue of $\Phi\Phi^\top$.)

# %%
widths = [30, 60, 120, 210, 270, 300, 330, 450, 900, 1800]
steps = [10, 100, 1_000, 10_000, 1_000_000]
stopped = theory.random_feature_sweep(Phi[:n], targets, Psi, test_targets, widths, steps=steps)
finished = theory.random_feature_sweep(Phi[:n], targets, Psi, test_targets, widths)
errors = {f"{count:,} steps": 100 * stopped.test_error[:, place] for place, count in enumerate(steps)}
errors["to the end"] = 100 * finished.test_error
plotting.show(figures.draw_stopped(widths, errors))

# %% [markdown]
# The peak comes with the training. After a hundred steps there is none, and almost every fit is better than the best
# one that was trained to the end. Whoever stops early may never see a peak.
#
# ### "Many small models are as good as one large one"
#
# An ensemble takes variance away, and so does width. Is the mean of twenty fits with $N$ features as good as one fit
# with $20 N$?

# %%
widths, ensembles, singles = (60, 150, 300, 350, 600), [], []
for width in widths:
    for found, count, size in ((ensembles, 20, width), (singles, 1, 20 * width)):
        total = 0
        for seed in range(count):
            source = theory.fourier_features(images[:n], size, 2.0, torch.Generator().manual_seed(seed))
            sweep = theory.random_feature_sweep(source, targets, source.of(test_images), test_targets,
                                                [size], keep_predictions=True)
            total = total + sweep.predictions[0] / count
        found.append(error(total))
plotting.show(figures.draw_ensembles(widths, ensembles, singles))

# %% [markdown]
# Well past the threshold it nearly is. At the threshold the ensemble is as wild as its members. Below the threshold
# the ensemble wins: none of its members could fit all the wrong labels. So what an ensemble is worth depends on what
# its members have fitted.
#
# ### "More data cannot hurt"
#
# The threshold is where there are as many features as examples, so it can be reached from the other side too. Keep
# three hundred features, and add images. A guess first.

# %%
data_prediction = Prediction(
    "You have N = 300 features and 150 labelled images. Somebody gives you 150 more. The error on new "
    "images ...",
    options=("falls a little", "falls a lot", "rises"),
)
data_prediction

# %%
sizes = [50, 100, 150, 200, 250, 280, 300, 320, 350, 500, 1_000, 1_297]
errors = {}
for noise, given in noisy.items():
    rows = []
    for seed in range(5):
        mine, new = random_features(seed, 300)
        rows.append([error(new @ fit(mine[:size], one_hot(given[:size]))) for size in sizes])
    errors[noise] = torch.tensor(rows).mean(0)
plotting.show(figures.draw_images(sizes, errors, 300))

# %%
data_prediction.reveal(
    answer="rises",
    because="150 more images take 300 features to the threshold. The error goes from a tenth to about "
    "four fifths, although all labels are right (the blue line). With 1,000 images the error is far "
    "below where it began. More data hurt near the threshold, for a fixed width and no ridge.",
)

# %% [markdown]
# ### "Bigger always beats the classical optimum"
#
# Take the curves to their end. Infinitely many features are a kernel (lesson 1), so the end can be computed. Compare
# it with the best small $N$, well below the threshold. The *bandwidth* says how far the influence of one image
# reaches.

# %%
noise_prediction = Prediction(
    "Two fifths of the labels are wrong, and nothing restrains the fit. Which is better on new images?",
    options=("The best N below 300", "N = infinity", "That depends on the features"),
)
noise_prediction

# %%
narrow, rows = [10, 20, 30, 40, 60, 80, 100, 130, 160, 200], []
for bandwidth in (1.0, 2.0, 3.0):
    for noise in (0.0, 0.2, 0.4):
        below, beyond = [], []
        for seed in range(5):
            draw = torch.Generator().manual_seed(seed)
            mine = torch.randperm(len(images), generator=draw)[:n]
            given = one_hot(experiment.wrong_labels(labels[mine], noise, draw))
            source = theory.fourier_features(images[mine], 200, bandwidth, draw)
            sweep = theory.random_feature_sweep(source, given, source.of(test_images), test_targets,
                                                narrow)
            kernel = theory.kernel_limit(images[mine], given, test_images, test_targets, bandwidth)
            assert kernel.train_error == 0  # every wrong label is fitted
            below.append(100 * sweep.test_error)
            beyond.append(100 * float(kernel.test_error[0]))
        below = torch.stack(below)
        best = below[:, below.mean(0).argmin()]
        rows.append({"bandwidth": bandwidth, "noise": noise, "below": best, "beyond": beyond})
plotting.show(figures.draw_best_and_infinity(rows))

# %%
noise_prediction.reveal(
    answer="That depends on the features",
    because="With bandwidth 1 infinitely many win by twenty points, with bandwidth 3 they lose by more "
    "than ten. Both fit every wrong label. What differs is how far a wrong label reaches: the narrower "
    "the kernel, the nearer to its image.",
)

# %% [markdown]
# So there is no theorem that the second descent ends below the first: the widest bandwidth is a counterexample, once
# labels are wrong. There is also no theorem that it ends above: look at the smallest bandwidth. If you may choose the
# bandwidth as well, then infinitely many features of the smallest bandwidth are best with a fifth of the labels
# wrong. With two fifths wrong, a few features of the widest one are better, though by less than the draws differ.
# (The best small $N$ was picked on the test images, which is a little in its favour.)
#
# ## 3.6 The experiment: three findings
#
# Belkin and others (2019) measured the curve for random features and for networks on MNIST. Most pictures of this
# section come from recorded runs of the same sizes, which come with the course. Bands show the range of five draws.

# %%
features_record = load_record(experiment.FEATURES_RECORD)
nets_record = load_record(experiment.PERCEPTRONS_RECORD)
print("Random features:", features_record.provenance())
print("Networks:", nets_record.provenance())

# %% [markdown]
# ### Finding 1: the peak is where it must be, and beyond it noise decides

# %%
plotting.show(figures.draw_features(features_record))

# %% [markdown]
# Ten thousand images, and up to sixty thousand features. The peak is at $N = n$ in every draw, without noise too. In
# the third panel, with two thousand images, a ridge removes it. Where does the second descent end? Without noise it
# ends below the first one. With a tenth of the labels wrong, sixty thousand features do not reach the best small
# model, and infinitely many do (the dashed lines). With a fifth wrong, nothing reaches it.
#
# <details><summary><b>For the curious</b>: what was fixed in advance</summary>
#
# The bandwidth is 5, for pixels from 0 to 1. The best of seven ridges was chosen on the test images, which is a
# little in its favour. The paper shows the curve without noise, and its features are complex exponentials of such
# frequencies; ours are cosines with a phase.
# </details>
#
# ### "The peak is where parameters and examples are equally many"
#
# For least squares on features this is so. And for a network?
#
# ### Exercise 3.6: the threshold of a network (8 minutes, difficulty 2, 1 point)
#
# Least squares on features fits everything as soon as there are as many features as examples. The number of targets
# does not matter, since each target has weights of its own. In a network the targets share the hidden layer. So
# Belkin and others count all parameters against all numbers that must be fitted: $n$ examples with one target for
# each class are $n \times \text{classes}$ numbers. Count the parameters of a network with one hidden layer.

# %% nbgrader={"grade": false, "grade_id": "threshold_units", "locked": false, "schema_version": 3, "solution": true, "task": false}
def threshold_units(n: torch.Tensor, inputs: int, classes: int) -> torch.Tensor:
    """The fewest hidden units with which a net has at least as many parameters as there are targets.

    The net has one hidden layer; both layers have biases.

    Args:
        n: numbers of examples, (m,), whole numbers as float64.
        inputs: numbers in an input.
        classes: outputs; every example has as many targets.

    Returns:
        Units, (m,), whole numbers as float64.
    """
    ### BEGIN SOLUTION
    # (inputs + 1) H + (H + 1) classes >= n classes
    return (classes * (n - 1) / (inputs + 1 + classes)).ceil()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "threshold_units_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.threshold_units.check(threshold_units)

# %%
units = exercises.threshold_units.use(threshold_units)
few, many = torch.tensor([[150.0], [4_000.0]], dtype=torch.float64)
print("150 digits:           ", int(units(few, 64, 10)), "hidden units")
print("4,000 images of MNIST:", int(units(many, 784, 10)), "hidden units")

# %% [markdown]
# Is the peak there? The next cell asks on your machine: 150 digits, of which a fifth have wrong labels, and networks
# of 2 to 100 hidden units. Before you run it: which will have a peak near 20 units, the test error, the squared loss
# on new images, both, or neither? (The test error counts wrong answers. The squared loss is the squared distance of
# the outputs from the targets.)

# %%
yours = experiment.run_here()

# %%
plotting.show(figures.draw_nets(yours))
plotting.show(figures.draw_features(yours))
print("Your run:", yours.provenance())

# %% [markdown]
# The squared loss has a hump between 10 and 40 units, around the dotted vertical line. The test error falls nearly
# all the way. Three networks on 150 images do not say more than that. Training to the end costs a lot: the dotted
# curve shows the best epoch. (An epoch is one pass over the data.) The second picture is the curve of this page once
# more, with the range of five draws.
#
# ### Finding 2: with wrong labels networks have a peak too, but not where the count says
#
# Now the size of Belkin and others: 4,000 images and five networks of each width, from 4 to 1,000 hidden units. Solid
# lines start each network from random weights (*fresh*). Dashed lines, up to the threshold, start it from the trained
# weights of the next smaller one (*reused*), as the paper does. Dotted curves show the best epoch of fresh networks,
# and the dotted vertical line is the threshold that you computed.

# %%
plotting.show(figures.draw_nets(nets_record))

# %% [markdown]
# With a fifth of the labels wrong, the error of fresh networks (solid orange) makes a U, then a broad hump, and then
# it descends to half of the lowest point of the U. The hump has its top left of the dotted line, where the rule of
# counting says the peak should be. Does its place depend on how long the networks are trained?

# %%
plotting.show(figures.draw_humps(nets_record))

# %% [markdown]
# At the end the loss has two humps. *The right one* moves to the left from curve to curve, that is, as training goes
# on. Each time it lies near where the networks come to fit all labels. The networks and the data are the same for the
# three curves. Nakkiran and others (2020) take this for the rule: what counts is how many examples a network *and its
# training* can fit.
#
# *The left one* stays and grows, left of the threshold, where networks leave some of the labels unfitted. The hump of
# the test error, in the picture before, is this one. Neither the count of parameters nor the rule of Nakkiran and
# others predicts it there, and we have no explanation.
#
# ### Finding 3: take the cause away, and the peak goes

# %%
plotting.show(figures.draw_peaks(nets_record))

# %% [markdown]
# *One network or five.* The mean of five networks has no hump: its error hardly changes where single networks have
# theirs. So the hump is variance, as with the features.
#
# *Clean labels.* For fresh networks the loss falls nearly all the way. For reused ones it climbs up to the threshold.
# The curve ends there because reuse ends there, and larger networks start afresh: this is the shape of the figure in
# Belkin and others. So with clean labels that shape comes with the choice to reuse.
#
# *More images* helped at every width, or nearly. They help the widest of these networks least: for those, more images
# also bring the threshold nearer.
#
# <details><summary><b>For the curious</b>: what the runs do not tell apart</summary>
#
# A reused network has been trained for longer, if the smaller ones before it count. Its new units also start with
# larger weights than those of fresh networks, as in the paper. The runs do not show which of these does the harm.
# With wrong labels, reused networks climb further still.
#
# The training error counts against the labels that were given. So with a fifth of them wrong, a network that gets
# every image right has a training error of a fifth.
# </details>

# %% [markdown] tags=["demo"]
# ### Width and epoch: one surface
#
# All networks of the recorded run, after every epoch that was measured. The colour is the test error, and dark is
# low. A cut along the width, at one epoch, is what people call *model-wise* double descent. A cut along the epochs,
# at one width, is called *epoch-wise*.
#
# **Try**: press *50 units, 20 epochs*, and from there *Play*. Then *1,000 units*, and at last *Clean labels, 24
# units*. In the panel along the width, the dotted line is where a network has as many parameters as targets.
#
# **Look for**: where in the map a network is both good and cheap, that is, with few units and few epochs; whether any
# cut along the epochs falls twice; and what more training costs when no label is wrong.

# %% tags=["demo"]
explorers.surface

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: with a fifth of the labels wrong, where is a network both good and
# cheap?</summary>
#
# In the dark band between 10 and 50 epochs, from about 20 hidden units on. All the epochs after that bring the
# training error further down, in wide networks to zero, and the test error up to two to four times its lowest value.
# </details>
#
# <details><summary><b>Question</b>: does any cut along the epochs fall twice, as in the paper of Nakkiran and
# others?</summary>
#
# No. With wrong labels every width from eight units on falls, has its best epoch early, and then rises; wide networks
# rise less. Epoch-wise double descent was found in large convolutional networks that were trained for thousands of
# epochs. These small networks do not show it. Our convolutional run has not been made.
# </details>
#
# <details><summary><b>Question</b>: no label is wrong. Does more training cost anything?</summary>
#
# Yes, in small networks: with 24 units the error nearly doubles after its best epoch. Wide networks lose next to
# nothing.
# </details>

# %% [markdown]
# The larger runs, in a terminal (MNIST is fetched once, 12 MB; CIFAR-10, 170 MB, only for `full`):
#
# ```
# course run double_descent --preset features --out results       # 50 minutes on two CPU cores, 6 GB
# course run double_descent --preset perceptrons --out results    # 80 minutes on two CPU cores
# course run double_descent --preset full --device cuda --out results
# course run double_descent --preset perceptrons --cluster tcp://host:8786    # on a Dask cluster, or --cluster local
# ```

# %% [markdown]
# ## 3.7 In your own words
#
# ### Exercise 3.7: bigger is always better? (20 minutes, difficulty 3, 3 points, graded by a person)
#
# A colleague says: "Double descent shows that bigger is always better. Take the largest model that fits on the
# machine." Answer with three plots, and a sentence or two on each: one where your colleague is right, one where not,
# and one that says what else would have helped. Take settings that this page has not shown: another number of images,
# another bandwidth, another level of noise. Name the axes.
#
# What you need is above: `experiment.wrong_labels`, `theory.fourier_features(...).of(...)`, and
# `theory.random_feature_sweep(Phi, Y, Psi, Y_test, widths).test_error`, with one entry for each width. With a list
# `ridge=[...]` its shape is (ridges, widths), and with `steps=[...]` it is (widths, steps). `theory.kernel_limit` is
# $N = \infty$.

# %% [markdown] nbgrader={"grade": true, "grade_id": "is_bigger_always_better", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# Three plots of test error against the number of features, with 600 digits and bandwidth 4, means of five draws:
#
# 1. Clean labels, to 4,800 features, the kernel as a line at the right: 3.4 % at 300 features, 80 % at 600, 1.8 % at
#    4,800 and at infinity. Right, if the model is far larger than the peak, since nothing wrong was there to be
#    fitted; wrong for anybody who goes from 300 to 650.
# 2. 30 % of the labels wrong: 12 % at 50 features, 39 % at 4,800, 37 % at infinity. Wrong: with these features every
#    larger model has fitted the wrong labels too, and is three times worse than one with a twelfth as many features
#    as images.
# 3. The same, stopped after 300 steps of descent: 9 % at 100 features, 7 % from 1,200 on, no peak. Restraint would
#    have helped more than any size without it; with it, larger is a little better, and never worse.
# ### END SOLUTION

# %% [markdown]
# <details><summary>When you have written yours: one answer</summary>
#
# Six hundred digits and bandwidth 4, against the number of features. With clean labels your colleague is right, if
# the model is far larger than the peak: 3.4 % at 300 features, and 1.8 % at 4,800. With 30 % of the labels wrong,
# your colleague is wrong: 12 % at 50 features, and 37 % at infinity.
#
# What would have helped is to stop after 300 steps. That gives 7 to 9 % from a hundred features on, and no peak.
# (With clean labels it would have cost a few points.) So size alone decides nothing. What matters is what the model
# has fitted.
# </details>

# %% [markdown] tags=["demo"]
# ## Recap
#
# 1. The peak is where the data can just be fitted, in one way only. The weights become huge, and so does their
#    variance. Beyond it there are many ways, and the shortest weights shrink again.
# 2. Label noise makes the peak higher. Whatever the features cannot express makes a peak too.
# 3. A tuned ridge or early stopping removes it: the peak belongs to fitting to the end. With either of them, more
#    features did hardly any harm on this page.
# 4. More features or more draws cure the variance of the features. They do not undo what the fit does to wrong
#    labels. So whether the second descent ends below the first depends on the features and on the noise.
# 5. For random features the peak is at $N = n$. For a network, parameters $= n \times$ classes is a guide and no
#    more: where its peak lies depends on the training too.

# %% [markdown]
# ## Limits
#
# Everything exact here is about least squares on fixed features, and where there are formulas, all features have the
# same distribution. The networks have one hidden layer. The convolutional network that stands for Nakkiran's figures
# has not been run, and the ResNets of the paper are not in the course.
#
# The test sets are small: with five hundred digits, a difference of one or two points may be chance. And these pages
# do not say how often double descent is met in practice, where people tune a ridge or stop early.
#
# ## Sources
#
# - M. Belkin, D. Hsu, S. Ma, S. Mandal, *Reconciling modern machine-learning practice and the classical bias-variance
#   trade-off*, PNAS 2019.
# - T. Hastie, A. Montanari, S. Rosset, R. Tibshirani, *Surprises in high-dimensional ridgeless least squares
#   interpolation*, Annals of Statistics 2022.
# - M. Belkin, D. Hsu, J. Xu, *Two models of double descent for weak features*, SIAM J. Mathematics of Data Science
#   2020 (the exact formula).
# - P. Nakkiran and others, *Deep double descent*, ICLR 2020; P. Nakkiran, P. Venkat, S. Kakade, T. Ma, *Optimal
#   regularization can mitigate double descent*, ICLR 2021.
# - A. Rahimi, B. Recht, *Random features for large-scale kernel machines*, NeurIPS 2007.
# - E. Dobriban, S. Wager, *High-dimensional asymptotics of prediction*, Annals of Statistics 2018.
# - The digits are from scikit-learn (UCI, E. Alpaydin and C. Kaynak); MNIST is by Y. LeCun, C. Cortes and C. Burges.
