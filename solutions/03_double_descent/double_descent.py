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
#
# Statistics courses draw a U: with more parameters the test error falls, and then it rises, because the model fits the noise.
# Go on past the point where everything is fitted, and it often falls a second time. This lesson takes that curve apart:
# where its peak is, what makes it, what removes it, and whether the second fall gets you anywhere.

# %% [markdown]
# **You will be able to**
#
# - fit random features on both sides of the threshold, at every width for the price of one;
# - derive where the peak comes from, and predict its height from two numbers;
# - remove it, by a ridge or by stopping early, and say what is left;
# - split an error into bias and variance, and say which of the two a larger model cures;
# - say where the threshold of a network lies, and why its peak need not be there.
#
# **You need** least squares, singular values and PyTorch; lesson 1 for the shortest solution, lesson 2 for label noise (both in
# brief below). **Time**: about two and a half hours, an hour and a half of them for the exercises. **Machine**: the notebook
# runs from top to bottom in under a minute and 1 GB on 2 CPU cores; no GPU, no network.

# %% tags=["demo"]
from course.double_descent import explorers

# %%
from concurrent.futures import ThreadPoolExecutor

import torch

from course.double_descent import exercises, experiment, nets, theory
from utils import data, plotting, runner
from utils.experiment import columns, load_record, select
from utils.prediction import Prediction

# %% [markdown]
# ## 3.1 Predict
#
# Commit to an answer before you run anything. You meet all three again below.

# %%
peak_prediction = Prediction(
    "300 images of digits, no wrong labels. Each image is turned into N random features, and least squares fits the labels "
    "with them. At which N is the error on new images largest?",
    options=("N = 10", "N = 300", "N = 1,800", "N = infinity"),
)
peak_prediction

# %%
noise_prediction = Prediction(
    "Now two fifths of the labels are wrong, and nothing restrains the fit. Which is better on new images?",
    options=("The best N below 300", "N = infinity", "No difference"),
)
noise_prediction

# %%
data_prediction = Prediction(
    "You have N = 300 features and 150 labelled images. Somebody gives you 150 more. The error on new images ...",
    options=("falls a little", "falls a lot", "rises"),
)
data_prediction

# %% [markdown]
# ## 3.2 The smallest case
#
# One example. A vector $x$ of $p$ features, normal and independent; a label $y = x^\top\beta + \varepsilon$ with noise of variance
# $\sigma^2$. Of all weights with $x^\top\hat\beta = y$ the shortest are $\hat\beta = x\,y / |x|^2$ (lesson 1). Put in $y$:
#
# $$\hat\beta = \underbrace{\frac{x x^\top}{|x|^2}\beta}_{\text{the part of }\beta\text{ along }x} + \underbrace{\frac{x}{|x|^2}\,\varepsilon}_{\text{the noise}}$$
#
# - **The noise** adds $\varepsilon^2 / |x|^2$ to the squared error $|\hat\beta - \beta|^2$. With one feature $x$ is a single number, often near 0, and the
#   quotient is huge: its mean is infinite. With $p$ features $|x|^2$ is a sum of $p$ squares, and the mean of $1 / |x|^2$ is
#   $1 / (p - 2)$, finite from $p = 3$ on. The same noise has to be fitted, but $p$ features share it.
# - **The signal** is seen in one of $p$ directions. The rest of it, $|\beta|^2 (1 - 1/p)$ on average, is lost.
#
# So for $p \ge 3$ the mean error is $|\beta|^2 (1 - 1/p) + \sigma^2 / (p - 2)$: a second term that falls, and a first that rises. Before you run the
# cell: with $|\beta|^2 = 1$ and $\sigma^2 = 1$, is the error at $p = 100$ below 1, the error of the answer $\hat\beta = 0$?

# %%
generator = torch.Generator().manual_seed(0)
for p in (1, 2, 3, 4, 6, 10, 100):
    x = torch.randn(200_000, p, generator=generator, dtype=torch.float64)  # 200,000 problems of one example each
    beta = torch.zeros(p, dtype=torch.float64)
    beta[0] = 1
    y = x @ beta + torch.randn(200_000, generator=generator, dtype=torch.float64)
    error = (x * (y / x.square().sum(1))[:, None] - beta).square().sum(1)
    formula = f"{1 - 1 / p + 1 / (p - 2):.3f}" if p > 2 else "infinite"
    print(f"p = {p:3}: mean error {error.mean():12.3f}, formula {formula}; median {error.median():.3f}")

# %% [markdown]
# With one or two features the mean is whatever the worst of 200,000 problems made it: run it with another seed and it is another
# number. From there on it falls. But not below 1: with as much noise as signal, one example is worth nothing. The second
# descent is a descent from a peak; where it ends is another question.
#
# With $n$ examples it is the same, in $n$ directions instead of one. When $p$ is near $n$ some combination of the examples is nearly 0, as
# $x$ was; to fit its label takes huge weights. With more features no combination is. Exercise 3.3 has the formula.
#
# ## 3.3 Explore

# %% [markdown] tags=["demo"]
# ### Random features on a line
#
# Twelve points, and cosines of random frequency and phase as features (their kernel is the Laplacian of lesson 1). On the left the shortest
# least-squares fit with the first $N$ of 120. On the right its mean squared distance from the truth and its norm, for every $N$: the median of
# twelve draws of the features, with quartiles; the blue dot is the draw whose fit you see.
#
# **Try**: move $N$ from 1 to 120 with noise 0.3. Then take the noise away. Then choose a ridge.
# **Look for**: where the fit passes through all points; what it does between them there, and at 120; which of the two right-hand curves
# tells you the trouble without knowing the truth.

# %% tags=["demo"]
explorers.line

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: at N = 12 and at N = 120 the fit passes through every point. Why is one wild and the other
# not?</summary>
#
# With twelve features there is exactly one way to pass through twelve points, however large the weights it takes. With 120 there are many ways,
# and you are given the shortest. The norm says so: it falls by a large factor, and the error with it. So the number of parameters
# does not measure what grows at the peak; the norm does.
# </details>
#
# <details><summary><b>Question</b>: what does a ridge of 0.1 do at N = 12, and what at N = 120?</summary>
#
# At 12 it removes the peak: the huge weights cost more than the small misfit they avoid. At 120 hardly anything: there the weights are
# small already. (Its effect is relative to the features: twice as many make the same ridge half as strong.)
# </details>
#
# ### Theory against simulation
#
# Normal features, $p$ of them for $n = 100$ examples, a signal $\beta$ in a random direction. The lines are what theory says for
# $n, p \to \infty$ with $p / n = \gamma$ fixed; the dots are problems drawn with $n = 100$, 30 for each $\gamma$. The best ridge is known in this
# setting, $\gamma\,\sigma^2 / |\beta|^2$: a button sets it at every $\gamma$.
#
# **Try**: take the noise to 0, then the signal to 0. Then set the ridge.
# **Look for**: what makes the peak; whether there is a $\gamma$ above 1 at which the risk is least; what the green line does at 1.

# %% tags=["demo"]
explorers.risk

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: with the noise at 0 there is no peak. So is label noise its cause?</summary>
#
# In this setting, yes: the labels are otherwise an exact linear function of the features. Real labels are not. What the features cannot express
# acts on the fit as noise does, and gives a peak without any wrong label, as the digits below show.
# </details>
#
# <details><summary><b>Question</b>: raise the signal to 4 with noise 0.25. Where above 1 is the risk least, and is it below the left branch?</summary>
#
# Near $\gamma = 1.3$ the falling variance and the rising bias balance, at a risk of about 1.8. The left branch is far below that: in this setting every
# feature carries an equal part of the signal, and with $p \ll n$ all of them are known. A second descent, and no reason to go there.
# </details>
#
# <details><summary><b>Question</b>: why is the best ridge no help at the far right?</summary>
#
# There the error is bias: most of the signal lies in directions that no example has. A ridge trades bias against variance, and there is next
# to no variance left to trade.
# </details>

# %% [markdown]
# ## 3.4 Exercises: the curve, and what flattens it
#
# The digits from here on: 8 x 8 pixels, divided by 16; 300 to train, 500 to test. A feature is $\sqrt 2 \cos(v^\top x + b)$ with a normal $v$
# (deviation 1/2) and a uniform $b$; the targets are one-hot, and the answer is the largest of the ten outputs. Wrong labels are drawn
# from the nine other classes ("incorrect" noise, lesson 2).
#
# Each exercise gives the minutes it should take and a difficulty from 1 to 5. A check tells you what went wrong; it never takes points
# away, and no later cell needs an exercise solved. An answer that calls torch more than 1,000 times, as a loop does, is stopped.

# %%
digits = data.load("digits")
images, test_images = (torch.from_numpy(each).double().flatten(1) / 16 for each in (digits.train_images, digits.test_images))
labels, test_labels = torch.from_numpy(digits.train_labels), torch.from_numpy(digits.test_labels)
one_hot, n = experiment.one_hot, 300
noisy = {noise: experiment.wrong_labels(labels, noise, torch.Generator().manual_seed(0)) for noise in (0.0, 0.2)}


def random_features(seed: int, count: int = 1800) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of all training and of all test images, (1297, count) and (500, count)."""
    source = theory.fourier_features(images, count, 2.0, torch.Generator().manual_seed(seed))
    return source.columns(0, count), source.of(test_images).columns(0, count)


def error(predictions: torch.Tensor) -> float:
    """Wrong answers on the test images in per cent, from outputs (500, 10)."""
    return 100 * float((predictions.argmax(1) != test_labels).double().mean())


Phi, Psi = random_features(seed=0)
print(f"{int((noisy[0.2][:n] != labels[:n]).sum())} of {n} labels are wrong at 20 % noise")

# %% [markdown]
# ### Exercise 3.1: the fit on both sides (10 minutes, difficulty 2, 2 points)
#
# Weights of least squares where $p \le n$; the shortest of those that fit where $p > n$. Your answer may use `torch.linalg.solve`, or a decomposition;
# `lstsq` and `pinv` are closed.

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
# Below the threshold set the gradient of $|\Phi W - Y|^2$ to zero. Above it $W$ is a combination of the rows, $W = \Phi^\top A$ (lesson 1): put that into
# $\Phi W = Y$. Each has a square matrix that is invertible on its side alone.
# </details>

# %%
fit = exercises.fit_features.use(fit_features)
print("wrong answers on new images (%), norm of the weights")
for width in (10, 30, 100, 250, 300, 350, 600, 1800):
    row = []
    for noise, given in noisy.items():
        weights = fit(Phi[:n, :width], one_hot(given[:n]))
        row.append(f"{100 * noise:2.0f} % noise: {error(Psi[:, :width] @ weights):4.1f} {float(weights.norm()):9.2f}")
    print(f"N = {width:5,}    {'    '.join(row)}")

# %%
peak_prediction.reveal(
    answer="N = 300",
    because="With as many features as images the fit is exact and has no choice: the weights are 200 times longer than at "
    "N = 1,800, and more than four of five answers are wrong, though no label is. At N = 1,800 hardly any answer is.",
)

# %% [markdown]
# ### Exercise 3.2: every width from one factorisation (20 minutes, difficulty 4, 3 points)
#
# The curve has 300 points below the threshold, and least squares at each of them seems to take 300 factorisations. It takes one. Write $\Phi = QR$
# with orthonormal columns in $Q$ and a triangular $R$. The first $k$ columns of $Q$ span the first $k$ columns of $\Phi$. So the fit
# with $k$ features is the sum of the first $k$ terms of one sum: $\sum_{j \le k} q_j (q_j^\top y)$. Predictions for new examples are the same
# sum with new rows in the place of the rows of $Q$. Which?

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
# $Q = \Phi R^{-1}$: the columns of $Q$ are combinations of features, and $R^{-1}$ says which. The new examples' values of the same combinations are
# $\Psi R^{-1}$. `torch.linalg.solve_triangular(R, Psi, upper=True, left=False)` computes it.
# </details>
#
# Use it for all ten targets, and compare the time with one `lstsq` a width:

# %%
import time

predict = exercises.every_width.use(every_width)
begun = time.perf_counter()
curve = torch.stack([predict(Phi[:n, :n], target, Psi[:, :n]) for target in one_hot(noisy[0.2][:n]).T], 2)  # (300, 500, 10)
once = time.perf_counter() - begun
begun = time.perf_counter()
for width in range(20, n + 1, 20):
    alone = Psi[:, :width] @ torch.linalg.lstsq(Phi[:n, :width], one_hot(noisy[0.2][:n])).solution
loop = (time.perf_counter() - begun) * n / 15
errors = [error(each) for each in curve]
best = min(range(n), key=errors.__getitem__)
print(f"300 widths: {once:.2f} s; one lstsq a width: about {loop:.1f} s (15 of them timed)")
print(f"20 % noise: least at N = {best + 1} ({errors[best]:.1f} %), {errors[-1]:.1f} % at N = 300")

# %% [markdown]
# Ten targets took ten factorisations here, one would do. Above the threshold there is no such sum, but the $n \times n$ matrix $\Phi\Phi^\top$
# only grows by a term with each new feature. `theory.random_feature_sweep` does both, for all targets at once, and never holds more than
# 2,048 columns: so section 3.6 gets to 60,000 features.
#
# ### Exercise 3.3: the risk in the limit (12 minutes, difficulty 2, 2 points)
#
# The lines of the second explorer. With $\gamma = p / n$ and $n \to \infty$ the excess risk $|\hat\beta - \beta|^2$ of the shortest least-squares fit is
#
# - for $\gamma < 1$: no bias. Each of $p$ weights has its share of the noise, and $n - p$ degrees of freedom are left:
#   $\sigma^2\,\gamma / (1 - \gamma)$.
# - for $\gamma > 1$: the examples see $n$ of $p$ directions, so that a part $1 - 1/\gamma$ of $|\beta|^2$ is lost; the noise is shared by ever more
#   weights, $\sigma^2 / (\gamma - 1)$.
#
# At $\gamma = 1$ it is infinite. (Compare section 3.2: $n = 1$, $p = \gamma$, but for a 2 that large $n$ makes small.)

# %% nbgrader={"grade": false, "grade_id": "ridgeless_risk", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ridgeless_risk(gamma: torch.Tensor, signal: float, noise: float) -> torch.Tensor:
    """The limiting excess risk of the shortest least-squares fit.

    Args:
        gamma: features over examples, above 0, (m,).
        signal: |beta|^2.
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

# %%
limit = exercises.ridgeless_risk.use(ridgeless_risk)
print("gamma   limit   exact, n = 100   100 drawn problems, n = 100")
for gamma in (0.5, 0.9, 1.1, 2.0, 5.0):
    mean, standard_error = theory.simulated_risk(100, round(100 * gamma), 1.0, 0.25, 100, torch.Generator().manual_seed(1))
    exact = theory.ridgeless_risk_exact(100, round(100 * gamma), 1.0, 0.25)
    line = float(limit(torch.tensor([gamma], dtype=torch.float64), 1.0, 0.25))
    print(f"{gamma:5.1f} {line:7.3f} {exact:12.3f} {mean:18.3f} +- {standard_error:.3f}")

# %% [markdown]
# The limit is a limit: at $n = 100$ and $\gamma = 1.1$ the expectation is larger by more than a tenth ("exact" is
# known for normal features), and the problems follow it, as far as their standard error says anything: near the threshold a few wild draws
# carry the mean. When you simulate, compare with the exact formula, not with the limit.
#
# ### Exercise 3.4: every ridge from one decomposition (20 minutes, difficulty 3, 3 points)
#
# A ridge adds $\lambda |w|^2$ to the squared error. With $\Phi = U S V^\top$ the weights are $V\,\mathrm{diag}\big(s / (s^2 + \lambda)\big)\,U^\top y$, so that one decomposition serves every $\lambda$.
# To choose among them, held-out examples are needed, whose labels may be noisy too.

# %% nbgrader={"grade": false, "grade_id": "held_out_losses", "locked": false, "schema_version": 3, "solution": true, "task": false}
def held_out_losses(
    Phi: torch.Tensor, y: torch.Tensor, Psi: torch.Tensor, z: torch.Tensor, ridges: torch.Tensor
) -> torch.Tensor:
    """The mean squared error on held-out examples, for every ridge.

    The weights minimise |Phi w - y|^2 + ridge |w|^2.

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
# Choose the ridge at every width by 200 other training images, with wrong labels like the rest; then look at the test images.

# %%
losses = exercises.held_out_losses.use(held_out_losses)
ridges, held = torch.logspace(-2, 4, 25, dtype=torch.float64), slice(n, n + 200)
widths = [10, 30, 60, 100, 150, 200, 250, 280, 300, 320, 350, 450, 600, 900, 1800]
given, rows = noisy[0.2], []
targets, held_targets = one_hot(given[:n]), one_hot(given[held])
tuned, plain = [], []
for width in widths:
    total = sum(losses(Phi[:n, :width], targets[:, k], Phi[held, :width], held_targets[:, k], ridges) for k in range(10))
    ridge = float(ridges[total.argmin()])
    sweep = theory.random_feature_sweep(Phi[:n], targets, Psi, one_hot(test_labels), [width], ridge=[0.0, ridge])
    plain.append(100 * float(sweep.test_error[0, 0]))
    tuned.append(100 * float(sweep.test_error[1, 0]))
    rows.append((width, ridge))

figure, (left, right) = plotting.subplots(1, 2, height=3.4)
left.plot(widths, plain, color=plotting.ORANGE, marker="o", markersize=4, label="no ridge")
left.plot(widths, tuned, color=plotting.GREEN, marker="o", markersize=4, label="ridge chosen on held-out images")
left.set(xscale="log", xlabel="features N", ylabel="test error (%)", ylim=(0, 120), yticks=range(0, 101, 20),
         title="A tuned ridge has no peak")
left.legend(loc="upper right")
right.plot(*zip(*rows), color=plotting.GREEN, marker="o", markersize=4)
right.set(xscale="log", yscale="log", xlabel="features N", ylabel="ridge", title="The ridge that was chosen")
plotting.show(figure)
print(f"no ridge: {min(plain):.1f} % at best, {max(plain):.1f} % at the peak, {plain[-1]:.1f} % at N = 1,800")
print(f"chosen ridge: {max(tuned[4:]):.1f} % at most from N = 150 on, {tuned[-1]:.1f} % at N = 1,800")

# %% [markdown]
# So much for "it survives a tuned ridge". And at every width the tuned fit is better than the best without a ridge: the second descent is a way
# back to what a ridge never left.
#
# ### Exercise 3.5: bias and variance (15 minutes, difficulty 3, 2 points)
#
# The features are drawn at random: another draw, another prediction. Over draws $f_1, \dots, f_R$ for the same training images, the mean squared error
# splits into a squared bias, the error of the mean over *infinitely* many draws, and a variance, the spread of the draws around it. You have $R$ draws and
# not infinitely many. So the variance takes $R - 1$; and the mean of $R$ draws has an error that is too large by variance $/ R$.

# %% nbgrader={"grade": false, "grade_id": "bias_and_variance", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bias_and_variance(predictions: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Squared bias and variance of a predictor that is drawn at random, each without bias itself.

    Args:
        predictions: of several draws for the same inputs, (draws, m, k).
        targets: (m, k).

    Returns:
        Squared bias and variance, each a tensor of shape (): mean over the m inputs, summed over the k targets.
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
# Twenty draws of the features, the same 300 images and labels. An ensemble answers with the mean of several draws:

# %%
split = exercises.bias_and_variance.use(bias_and_variance)
counts = [30, 60, 100, 150, 200, 250, 280, 320, 350, 400, 600, 900, 1800]
for noise, given in noisy.items():
    draws = []
    for seed in range(20):
        source = theory.fourier_features(images[:n], 1800, 2.0, torch.Generator().manual_seed(seed))
        result = theory.random_feature_sweep(source, one_hot(given[:n]), source.of(test_images), one_hot(test_labels), counts,
                                             keep_predictions=True)
        draws.append(result.predictions)
    draws = torch.stack(draws)  # (20, widths, 500, 10)
    limit_error = 100 * float(theory.kernel_limit(images[:n], one_hot(given[:n]), test_images, one_hot(test_labels), 2.0).test_error[0])
    print(f"{100 * noise:.0f} % noise      N:", *(f"{width:6,}" for width in counts))
    parts = [split(draws[:, place], one_hot(test_labels)) for place in range(len(counts))]
    print("squared bias      ", *(f"{float(bias):6.2f}" for bias, _ in parts))
    print("variance          ", *(f"{float(variance):6.2f}" for _, variance in parts))
    print("error of one (%)  ", *(f"{sum(map(error, draws[:, place])) / 20:6.1f}" for place in range(len(counts))))
    print("error of 20 (%)   ", *(f"{error(draws[:, place].mean(0)):6.1f}" for place in range(len(counts))))
    print(f"N = infinity: {limit_error:.1f} %\n")

# %% [markdown]
# Read it row by row.
#
# - **Without noise** the squared bias falls and settles; the variance has the peak. Past it the variance falls to nearly nothing: the second descent is the
#   variance of the features going away. An ensemble of 20 takes it away at once, at every width, and answers with 400 features as
#   well as one fit with infinitely many.
# - **With wrong labels** the squared bias *rises* from 0.27 to 0.42 on the way to infinity. The labels are the same in all draws: past
#   the threshold every draw fits the wrong ones, and so does their mean. Neither more features nor more draws unlearn them. Below the threshold
#   no draw can fit them all, and the ensemble of 60 features has an error of 6 %, where infinitely many have 19 %.

# %% [markdown]
# ### Exercise 3.6: the threshold of a network (8 minutes, difficulty 2, 1 point)
#
# Least squares on features fits everything when there are as many weights a target as there are examples, whatever the number of targets, since each target has
# weights of its own. In a network the targets share the hidden layer. Belkin et al. count all parameters against all numbers that are
# to be fitted: $n$ examples with one-hot targets are $n \times \text{classes}$ numbers. Count the parameters of a network with one hidden layer.

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
for name, count, inputs in (("digits", 150, 64), ("MNIST", 4_000, 784)):
    at = int(units(torch.tensor([float(count)], dtype=torch.float64), inputs, 10))
    print(f"{count:5,} images of {name:6}: {at} units, {nets.parameters(inputs, at, 10):,} parameters")

# %% [markdown]
# ## 3.5 What people get wrong
#
# The claim that it survives a tuned ridge fell in exercise 3.4, that wrong labels cause it in 3.1. Five are left.
#
# ### "It always happens"
#
# Gradient descent that is stopped after $t$ steps shrinks the directions with small eigenvalues, as a ridge does. The same fits, stopped:

# %%
widths = [30, 60, 120, 210, 270, 300, 330, 450, 900, 1800]
steps = [10, 100, 1_000, 10_000, 1_000_000]
stopped = theory.random_feature_sweep(Phi[:n], one_hot(noisy[0.2][:n]), Psi, one_hot(test_labels), widths, steps=steps)
exact = theory.random_feature_sweep(Phi[:n], one_hot(noisy[0.2][:n]), Psi, one_hot(test_labels), widths)
print("20 % noise, wrong answers on new images (%)")
print("N:              ", *(f"{width:6,}" for width in widths))
for place, count in enumerate(steps):
    print(f"{count:9,} steps ", *(f"{100 * float(each):6.1f}" for each in stopped.test_error[:, place]))
print("to the end      ", *(f"{100 * float(each):6.1f}" for each in exact.test_error))

# %% [markdown]
# After 100 steps there is no peak and nothing to descend from: every column from 270 on is better than the best fit to the end. The
# peak appears as training goes on. Whoever stops early, as most people do, may never see it.
#
# ### "A larger ensemble is another way to go past the peak"
#
# Or: "many small models are as good as one large one". Past the threshold that holds, as you saw: one fit with $kN$ features and the mean of $k$ fits with $N$ are
# close. At and below the threshold the two part: with noise, the mean of 20 fits with 60 features beats any single fit. An ensemble removes
# variance, and only that; whether what is left is good depends on what each member has fitted.
#
# ### "More data cannot hurt"
#
# The threshold is where features and examples are equally many. So it can also be reached from the side: keep 300 features, and add images.

# %%
sizes = [50, 100, 150, 200, 250, 280, 300, 320, 350, 400, 500, 700, 1_000, 1_297]
print("N = 300 features; wrong answers on new images (%), mean of 5 draws of the features")
print("images:    ", *(f"{size:6,}" for size in sizes))
for noise, given in noisy.items():
    row = torch.zeros(len(sizes))
    for seed in range(5):
        mine, new = random_features(seed, 300)
        row += torch.tensor([error(new @ fit(mine[:size], one_hot(given[:size]))) for size in sizes]) / 5
    print(f"{100 * noise:3.0f} % noise:", *(f"{float(each):6.1f}" for each in row))

# %%
data_prediction.reveal(
    answer="rises",
    because="150 more images take 300 features to the threshold: from a tenth wrong to more than four fifths, without any wrong "
    "label. With 1,000 images the error is far below where it began. More data hurt near the threshold, at a fixed width, without "
    "a ridge; they do not hurt who chooses the width or the ridge anew.",
)

# %% [markdown]
# ### "Bigger always beats the classical optimum"
#
# Take the curves with noise to their end. Infinitely many features are a kernel (lesson 1), so that the end is known, not guessed:

# %%
narrow = [10, 20, 30, 40, 50, 60, 80, 100, 130, 160, 200]
print("wrong answers on new images (%), mean and range of 5 draws of the features")
for noise in (0.0, 0.1, 0.2, 0.4):
    given = experiment.wrong_labels(labels, noise, torch.Generator().manual_seed(0))
    sweeps = []
    for seed in range(5):
        source = theory.fourier_features(images[:n], 1800, 2.0, torch.Generator().manual_seed(seed))
        sweeps.append(theory.random_feature_sweep(source, one_hot(given[:n]), source.of(test_images), one_hot(test_labels),
                                                  [*narrow, 1800]).test_error)
    sweeps = 100 * torch.stack(sweeps)  # (5, widths)
    place = int(sweeps[:, :-1].mean(0).argmin())
    end = 100 * float(theory.kernel_limit(images[:n], one_hot(given[:n]), test_images, one_hot(test_labels), 2.0).test_error[0])
    first, last = sweeps[:, place], sweeps[:, -1]
    print(f"{100 * noise:2.0f} % noise: best below 300 (N = {narrow[place]:3}) {first.mean():4.1f} ({first.min():.1f} to {first.max():.1f}); "
          f"N = 1,800 {last.mean():4.1f} ({last.min():.1f} to {last.max():.1f}); infinity {end:4.1f}")

# %%
noise_prediction.reveal(
    answer="The best N below 300",
    because="By ten points of a hundred. Infinitely many features fit all the wrong labels; a few dozen cannot. Without noise it is "
    "the other way round by six points, and the two meet at about a fifth of wrong labels.",
)

# %% [markdown]
# (The best $N$ was picked on the test images, which flatters it a little; so would a choice of the largest.) Whether the second descent ends below the
# first is a matter of how much there is to be gained, the bias that more features remove, against how much is lost by fitting every wrong label. A theorem
# that it always does cannot be had: this table is a counterexample.
#
# ## 3.6 The experiment
#
# Belkin et al. drew the curve first for random features on MNIST. The recorded run of the preset `features` is at their size: 10,000 images, up to
# 60,000 features, three levels of noise, five draws of images, noise and features. Bands are the range of the draws; dashed lines are
# infinitely many features; on the right 2,000 images, without a ridge (dotted) and with the best of seven ridges (chosen on the test images, a little in its favour).

# %%
features = load_record(experiment.FEATURES_RECORD)
plotting.show(explorers.draw_features(features))
print("The recorded run:", features.provenance())

# %%
rows = select(features.rows, n=10_000, ridge=0.0)
print("MNIST, 10,000 images: test error (%), mean and range of 5 draws")
for noise in (0.0, 0.1, 0.2):
    mine = select(rows, noise=noise)
    mean = {width: 100 * columns(select(mine, width=width), "test_error")[0] for width in {row["width"] for row in mine}}
    end = mean.pop(None)
    peak, first = max(mean, key=lambda width: mean[width].mean()), min((w for w in mean if w < 10_000), key=lambda w: mean[w].mean())
    for name, values in ((f"least below the peak, N = {first:,}", mean[first]), (f"peak, N = {peak:,}", mean[peak]),
                         ("N = 60,000", mean[60_000]), ("infinity", end)):
        print(f"{100 * noise:2.0f} % noise, {name:32} {values.mean():6.2f} ({values.min():.2f} to {values.max():.2f})")

# %% [markdown]
# Everything you measured on 300 digits is here: a peak at $N = n$, in every draw, without noise too; the norm with the same peak; a ridge
# that removes it. And the end of the second descent depends on the noise:
#
# - *None*: features beyond $n$ pay. The best width below the peak has 4.8 %, 60,000 features 2.7 %, infinitely many 2.5 %.
# - *10 %*: six times as many features as images do *not* reach the best width below the peak, which is a fifth of $n$. Infinitely many do.
# - *20 %*: nothing reaches it. 60,000 features have twice its error, and infinitely many are still behind.
#
# Belkin et al. show the curve without noise, up to 60,000. (Their features are complex exponentials of the same frequencies; ours are cosines.)
#
# ### "The peak is where parameters and examples are equally many"
#
# For least squares on features it is. For a network? Now the preset `fast` on your machine: the digits at every width of features, and
# networks of 2 to 100 hidden units, three of each, on 150 digits of which a fifth are wrong, trained for 1,000 epochs on the squared loss.
# Exercise 3.6 puts the threshold at 20 units. Before you run it: will the test error, the squared loss on new images, both or neither
# have a peak there?

# %%
with ThreadPoolExecutor(max_workers=1) as here:
    path = runner.run(experiment.experiment, "fast", out="results", resume=True, executor=here, progress=False)
yours = load_record(path)
plotting.show(explorers.draw_nets(yours))
print("Your run:", yours.provenance())

# %% [markdown]
# NETS_TEXT
#
# The other presets, in a terminal (MNIST is fetched once, 12 MB; CIFAR-10, 170 MB, for `full` alone):
#
# ```
# course run double_descent --preset features --out results       # FEATURES_TIME on two CPU cores, 5 GB
# course run double_descent --preset perceptrons --out results    # NETS_TIME on two CPU cores
# course run double_descent --preset full --device cuda --out results
# course run double_descent --preset perceptrons --cluster tcp://host:8786    # on a Dask cluster, or --cluster local
# ```

# %% [markdown]
# ## 3.7 In your own words
#
# ### Exercise 3.7: bigger is always better? (20 minutes, difficulty 3, 3 points, graded by a person)
#
# A colleague says: "Double descent shows that bigger is always better. Take the largest model that fits on the machine." Answer with three plots
# of your own (change widths, noise, ridges, steps or numbers of images in any cell of this page) and a sentence or two on each: one where
# your colleague is right, one where not, and one that says what else would have helped. Name the axes.

# %% [markdown] nbgrader={"grade": true, "grade_id": "is_bigger_always_better", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# Three plots, for instance:
#
# 1. Test error against the number of features, 300 digits, no noise, no ridge, with the kernel as a line at the right: 8.8 % at best below the
#    threshold, 3.2 % at 1,800, 2.8 % at infinity. Right: past the peak the variance of the features vanishes, and nothing wrong was there to be fitted.
# 2. The same with 40 % of the labels wrong: 31.5 % at 60 features, 44.8 % at 1,800, 41.4 % at infinity. Wrong: past the threshold every wrong label is
#    fitted, at any size. And at the threshold itself the larger model is worse than one of a fifth of its size, without any noise.
# 3. Test error after 100 steps of descent, or with a ridge chosen on held-out images, 20 % noise: no peak, and at every width from 150 on below 9 %,
#    where the fit to the end has 19 % at best. The larger model needs the restraint as much as the smaller one; with it, size hardly matters.
# ### END SOLUTION

# %% [markdown]
# <details><summary>When you have written yours: one answer</summary>
#
# Right where the labels are clean: error against the number of features without noise, with the kernel as the end of it. Wrong where they are not: the same
# with 40 % noise; or anywhere on the way to the peak. What else would have helped: a ridge chosen on held-out images, or descent stopped early, which at
# 20 % noise are better at every width from 150 on than any width without them. "Largest that fits" is an answer to a question that nobody has to ask
# with an unregularised model.
# </details>

# %% [markdown] tags=["demo"]
# ## Recap
#
# 1. The peak is where the data can just be fitted, in one way only: the weights become huge, and so does their variance. Beyond it there are many ways, and
#    the shortest weights shrink again.
# 2. Label noise makes the peak higher; whatever the features cannot express makes one too.
# 3. A tuned ridge or early stopping removes the peak. It is a property of fitting to the end.
# 4. More features or more draws cure variance. They do not unlearn wrong labels: with enough noise the best small model beats the infinite one.
# 5. For random features the peak is at $N = n$. For a network, parameters $= n 	imes$ classes is a guide, and training decides.

# %% [markdown]
# ## Limits
#
# Everything exact here is about least squares on fixed features, and isotropic ones where there are formulas. The networks have one hidden layer; the convolutional
# proxy for Nakkiran's figures is in the preset `full` and has not been run, and the ResNets of the paper are not in the course. Errors are of small
# test sets (500 digits: a standard error of 1 to 2 points). Where double descent appears in practice, and whether anybody should care, given a tuned ridge,
# is still argued about.
#
# ## Sources
#
# - M. Belkin, D. Hsu, S. Ma, S. Mandal, *Reconciling modern machine-learning practice and the classical bias-variance trade-off*, PNAS 2019.
# - T. Hastie, A. Montanari, S. Rosset, R. Tibshirani, *Surprises in high-dimensional ridgeless least squares interpolation*, Annals of Statistics 2022.
# - M. Belkin, D. Hsu, J. Xu, *Two models of double descent for weak features*, SIAM J. Mathematics of Data Science 2020 (the exact formula).
# - P. Nakkiran and others, *Deep double descent*, ICLR 2020; P. Nakkiran, P. Venkat, S. Kakade, T. Ma, *Optimal regularization can mitigate double
#   descent*, ICLR 2021.
# - A. Rahimi, B. Recht, *Random features for large-scale kernel machines*, NeurIPS 2007.
# - E. Dobriban, S. Wager, *High-dimensional asymptotics of prediction*, Annals of Statistics 2018.
# - The digits are from scikit-learn (UCI, E. Alpaydin and C. Kaynak); MNIST is by Y. LeCun, C. Cortes and C. Burges.

