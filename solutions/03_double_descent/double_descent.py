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
# Statistics courses draw a U: with more parameters the test error falls, and then it rises, because the model fits
# the noise. Go on past the point where everything is fitted, and it often falls a second time. This lesson takes that
# curve apart: where its peak is, what makes it, what removes it, and whether the second fall gets you anywhere.

# %% [markdown]
# **You will be able to**
#
# - fit random features on both sides of the threshold, at every width below it for the price of one;
# - say where the peak comes from, and compute what theory predicts beside it;
# - remove it, by a ridge or by stopping early, and say what is left;
# - split an error into bias and variance, and say which of the two a larger model cures;
# - count where the threshold of a network lies, and say why its peak need not be there.
#
# **You need** least squares, singular values and PyTorch; lesson 1 for the shortest solution, lesson 2 for label
# noise (both in brief below). Two words used throughout: a *feature* is a number computed from an input, and a model
# here is a weighted sum of $N$ or $p$ features; a *ridge* is a penalty on the squared weights.
#
# **Time**: about three hours, nearly two of them for the exercises. **Machine**: the notebook runs from top to bottom
# in under a minute and 1 GB on 2 CPU cores; no GPU, no network.

# %% tags=["demo"]
from course.double_descent import explorers

# %%
import torch

from course.double_descent import exercises, experiment, figures, nets, theory
from utils import data, plotting
from utils.experiment import columns, load_record, select
from utils.prediction import Prediction

# %% [markdown]
# ## 3.1 Predict
#
# Commit to an answer before you run anything. You meet all three again below.

# %%
peak_prediction = Prediction(
    "300 images of digits, no wrong labels. Each image is turned into N numbers by functions drawn at "
    "random, and least squares fits the labels with them. At which N is the error on new images "
    "largest?",
    options=("N = 10", "N = 300", "N = 1,800", "N = infinity"),
)
peak_prediction

# %%
noise_prediction = Prediction(
    "Now two fifths of the labels are wrong, and nothing restrains the fit. Which is better on new "
    "images?",
    options=("The best N below 300", "N = infinity", "That depends on the functions"),
)
noise_prediction

# %%
data_prediction = Prediction(
    "You have N = 300 features and 150 labelled images. Somebody gives you 150 more. The error on new "
    "images ...",
    options=("falls a little", "falls a lot", "rises"),
)
data_prediction

# %% [markdown]
# ## 3.2 The smallest case
#
# One example. A vector $x$ of $p$ features, standard normal and independent; a label $y = x^\top\beta + \varepsilon$
# with noise of mean 0 and variance $\sigma^2$. Of all weights with $x^\top\hat\beta = y$ the shortest are $\hat\beta
# = x\,y / |x|^2$ (lesson 1). Put in $y$:
#
# $$\hat\beta = \underbrace{\frac{x x^\top}{|x|^2}\beta}_{\text{the part of }\beta\text{ along }x} + \underbrace{\frac{x}{|x|^2}\,\varepsilon}_{\text{the noise}}$$
#
# - **The noise** adds $\varepsilon^2 / |x|^2$ to the squared error $|\hat\beta - \beta|^2$. With one feature $x$ is a
#   single number, often near 0, and the quotient is huge: its mean is infinite. With $p$ features $|x|^2$ is a sum of
#   $p$ squares, and the mean of $1 / |x|^2$ is $1 / (p - 2)$, finite from $p = 3$ on. The same noise has to be
#   fitted, but $p$ features share it.
# - **The signal** is seen in one of $p$ directions. The rest of it, $|\beta|^2 (1 - 1/p)$ on average, is lost.
#
# So for $p \ge 3$ the mean error is $|\beta|^2 (1 - 1/p) + \sigma^2 / (p - 2)$: a second term that falls, and a first
# that rises. Before you run the cell: with $|\beta|^2 = 1$ and $\sigma^2 = 1$, is the error at $p = 100$ below 1, the
# error of the answer $\hat\beta = 0$?

# %%
generator = torch.Generator().manual_seed(0)
for p in (1, 2, 3, 4, 6, 10, 100):
    # 40,000 problems of one example each
    x = torch.randn(40_000, p, generator=generator, dtype=torch.float64)
    beta = torch.zeros(p, dtype=torch.float64)
    beta[0] = 1
    y = x @ beta + torch.randn(40_000, generator=generator, dtype=torch.float64)
    errors = (x * (y / x.square().sum(1))[:, None] - beta).square().sum(1)
    formula = f"{1 - 1 / p + 1 / (p - 2):.4f}" if p > 2 else "infinite"
    print(f"p = {p:3}: mean error {errors.mean():12.4f}, formula {formula}")

# %% [markdown]
# With one or two features the mean is whatever the worst of 40,000 problems made it: another seed, another number.
# (With three and four there is a mean, but not yet a variance: the printed one is still rough.) Then it falls. But
# not below 1: with as much noise as signal, fitting one example exactly is worth nothing. The second descent is a
# descent from a peak; where it ends is another question.
#
# With $n$ examples it is the same in $n$ directions instead of one. When $p$ is near $n$, some combination of the
# examples is nearly 0, as $x$ was, and to fit its label takes huge weights. With many more features no combination
# is. The third exercise has the formula.
#
# ## 3.3 Explore

# %% [markdown] tags=["demo"]
# ### Random features on a line
#
# A step, seen at twelve points, and cosines of random frequency and phase as features (their kernel is the Laplacian
# of lesson 1). On the left the shortest least-squares fit with the first $N$ of 120 features. On the right its mean
# squared distance from the truth, and its norm, for every $N$ and 40 draws of features and noise; the blue dot is the
# draw whose fit you see.
#
# **Try**: press *Play* to add one feature after the other, past *At the threshold* to *Ten times as many*. Then take the
# noise away with *Threshold, no noise*, raise it with *Threshold, much noise*, and add *Threshold, a ridge*. **Look for**:
# where the fit passes through all points; what it does between them there, and at 120; which of the two right-hand
# curves you could draw without knowing the truth.

# %% tags=["demo"]
explorers.line

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: at N = 12 and at N = 120 the fit passes through every point. Why is one wild and the other not?</summary>
#
# With twelve features there is exactly one way to pass through twelve points, however large the weights it takes.
# With 120 there are many ways, and you are given the shortest. Near the threshold and beyond it the norm rises and
# falls with the error, and you can compute it without the truth. What is large at the peak is not the number of
# parameters but the weights.
# </details>
#
# <details><summary><b>Question</b>: take the noise away. What is left of the peak, and where does it come from?</summary>
#
# In the median, most of it (3.9 becomes 2.8). A step is not a sum of twelve cosines, and what they cannot express acts on the fit as noise
# would. Noise makes the peak higher; it is not needed.
# </details>
#
# <details><summary><b>Question</b>: what does a ridge of 0.1 do at N = 12, and what at N = 120?</summary>
#
# At 12 it takes most of the peak away: huge weights cost more than the misfit they avoid. At 120 it does hardly
# anything: the weights are small already. (A ridge is compared with $\Phi\Phi^\top$, which grows with every feature:
# twice as many make the same ridge half as strong.)
# </details>
#
# ### Theory against simulation
#
# Standard normal features, $p$ of them for $n = 100$ examples, a signal $\beta$ in a random direction. Drawn is the
# *excess risk*, the mean of $|\hat\beta - \beta|^2$: the error on new examples beyond their own noise. The lines are
# what theory says for $n, p \to \infty$ with $p / n = \gamma$ fixed; the dots are problems drawn with $n = 100$, 30
# for each $\gamma$ (next to 1 they lie above the line: $n$ is not infinite). The risk is the sum of a squared *bias*,
# what is lost of the signal, and a *variance*, what the noise adds; both are on the right.
#
# A ridge $\lambda$ minimises $|y - X\hat\beta|^2 / n + \lambda |\hat\beta|^2$. The best one is known here,
# $\gamma\,\sigma^2 / |\beta|^2$, and a button sets it at every $\gamma$.
#
# **Try**: *No noise*, then *No signal*, then *Strong signal*, each with *Play* to move $\gamma$. Then *A tenth of the best
# ridge* and *The best ridge*. (A risk of 0 has no place on a logarithmic axis and is not drawn.) **Look for**: what makes the peak; whether there is a $\gamma$ above 1 at
# which the risk is least; what the green line does at 1.

# %% tags=["demo"]
explorers.risk

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: what is left of the peak without noise? Is label noise its cause, then?</summary>
#
# Nothing; and in this setting it is the cause. Without noise the labels are an exact linear function of the features,
# and nothing is left to act as noise. On the line above something was, and with real labels something always is.
# </details>
#
# <details><summary><b>Question</b>: no ridge, signal 4, noise 0.25. Where above 1 is the risk least, and is the left branch below that?</summary>
#
# Between $\gamma = 1.26$ and 1.41 the falling variance and the rising bias balance, at a risk of about 1.75. The left
# branch is below that up to $\gamma = 0.87$. In this setting every feature carries an equal part of the signal, and
# with $p \ll n$ all of them are known. A second descent, and no reason to go there.
# </details>
#
# <details><summary><b>Question</b>: with signal 1 and noise 0.25, why is the best ridge of so little help at the far right?</summary>
#
# There the error is bias: most of the signal lies in directions that no example has. A ridge trades bias against
# variance, and there is next to no variance left to trade.
# </details>

# %% [markdown]
# ## 3.4 Exercises: the curve, and what flattens it
#
# The digits from here on: 8 x 8 pixels, divided by 16; 300 to train, 500 to test. A feature is $\sqrt 2 \cos(v^\top x
# + b)$ with a normal $v$ and a uniform $b$. The deviation of $v$ is 1 over the *bandwidth*, here 2: infinitely many
# such features are the Gaussian kernel of that bandwidth (lesson 1). Targets are one-hot, the answer is the largest
# of the ten outputs, and wrong labels are drawn from the nine other classes ("incorrect" noise, lesson 2).
#
# Each exercise gives the minutes it should take and a difficulty from 1 to 5. A check tells you what went wrong; it
# never takes points away, and no later cell needs an exercise solved. An answer that calls torch more than 1,000
# times, as a loop does, is stopped.

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
# Weights of least squares where $p \le n$; the shortest of those that fit where $p > n$. Your answer may use
# `torch.linalg.solve`, or a decomposition; `lstsq` and `pinv` are closed.

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
# Below the threshold set the gradient of $|\Phi W - Y|^2$ to zero. Above it $W$ is a combination of the rows, $W =
# \Phi^\top A$ (lesson 1): put that into $\Phi W = Y$. Each has a square matrix that is invertible on its side alone.
# </details>

# %%
fit = exercises.fit_features.use(fit_features)
print("wrong answers on new images (%), and sqrt(N) times the norm of the weights")
for width in (10, 30, 100, 250, 300, 350, 600, 1800):
    row = []
    for noise, given in noisy.items():
        weights = fit(Phi[:n, :width], one_hot(given[:n]))
        norm = width**0.5 * float(weights.norm())  # of the function, whatever the number of features
        row.append(f"{100 * noise:2.0f} % noise: {error(Psi[:, :width] @ weights):4.1f} {norm:8.1f}")
    print(f"N = {width:5,}    {'    '.join(row)}")

# %%
peak_prediction.reveal(
    answer="N = 300",
    because="With as many features as images the fit is exact and has no choice: its norm is ten to "
    "many hundred times that at N = 1,800, by the draw of the features, and about four of five answers "
    "are wrong, though no label is.",
)

# %% [markdown]
# ### Exercise 3.2: every width from one factorisation (20 minutes, difficulty 4, 3 points)
#
# The curve has 300 points below the threshold, and least squares at each of them seems to take 300 factorisations. It
# takes one. Write $\Phi = QR$ with orthonormal columns in $Q$ and a triangular $R$. The first $k$ columns of $Q$ span
# the first $k$ columns of $\Phi$. So the fit with $k$ features is the sum of the first $k$ terms of one sum, $\sum_{j
# \le k} q_j (q_j^\top y)$. Predictions for new examples are the same sum with new rows in the place of the rows of
# $Q$. Which? (The check asks for 520 widths at once: no loop.)

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
# Time it for one target, against one `lstsq` a width; then use it for all ten:

# %%
import time

predict = exercises.every_width.use(every_width)
targets = one_hot(noisy[0.2][:n])
begun = time.perf_counter()
predict(Phi[:n, :n], targets[:, 0], Psi[:, :n])
once = time.perf_counter() - begun
begun = time.perf_counter()
for width in range(20, n + 1, 20):
    Psi[:, :width] @ torch.linalg.lstsq(Phi[:n, :width], targets[:, :1]).solution
loop = (time.perf_counter() - begun) * n / 15
print(f"300 widths: {1000 * once:.0f} ms; one lstsq a width: about {1000 * loop:.0f} ms "
      "(15 of them timed)")

# (300, 500, 10)
curve = torch.stack([predict(Phi[:n, :n], target, Psi[:, :n]) for target in targets.T], 2)
errors = [error(each) for each in curve]
best = min(range(n), key=errors.__getitem__)
print(f"20 % noise: least at N = {best + 1} ({errors[best]:.1f} %), {errors[-1]:.1f} % at N = 300")

# %% [markdown]
# The gain grows with $n$. Above the threshold there is no such sum, but the $n \times n$ matrix $\Phi\Phi^\top$ only
# grows by a term with each new feature. `theory.random_feature_sweep` does both, for all targets at once, and never
# holds more than 2,048 columns above the threshold: so section 3.6 gets to 60,000 features.
#
# ### Exercise 3.3: the risk in the limit (15 minutes, difficulty 3, 2 points)
#
# The lines of the second explorer, from one fact about an $n \times p$ matrix $X$ of standard normal numbers: for $p
# < n - 1$
#
# $$E\,\mathrm{tr}\,(X^\top X)^{-1} = \frac{p}{n - p - 1}.$$
#
# - For $p < n$ the fit is $\beta + (X^\top X)^{-1} X^\top \varepsilon$: nothing of the signal is lost, and the noise
#   adds $\sigma^2\,\mathrm{tr}\,(X^\top X)^{-1}$.
# - For $p > n$ the fit is the part of $\beta$ along the $n$ rows of $X$, plus $X^\top (X X^\top)^{-1} \varepsilon$.
#   What is lost of the signal is what lies in the other directions; what the noise adds is a trace again, of $(X
#   X^\top)^{-1}$, where rows and columns have changed roles.
#
# Take $n \to \infty$ with $p / n = \gamma$. What is the mean of $|\hat\beta - \beta|^2$ on either side of 1? (With $n
# = 1$ it must be section 3.2, but for a term that large $n$ makes small.)

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
    p, draw = round(100 * gamma), torch.Generator().manual_seed(1)
    mean, standard_error = theory.simulated_risk(100, p, 1.0, 0.25, 100, draw)
    exact = theory.ridgeless_risk_exact(100, p, 1.0, 0.25)
    line = float(limit(torch.tensor([gamma], dtype=torch.float64), 1.0, 0.25))
    print(f"{gamma:5.1f} {line:7.3f} {exact:12.3f} {mean:18.3f} +- {standard_error:.3f}")

# %% [markdown]
# The limit is a limit: at $n = 100$ and $\gamma = 1.1$ the expectation ("exact", from the same fact) is larger by a
# tenth, and the drawn problems follow it, as far as their standard error says anything: near the threshold a few wild
# draws carry the mean. When you simulate, compare with the exact formula, not with the limit.
#
# ### Exercise 3.4: every ridge from one decomposition (20 minutes, difficulty 3, 3 points)
#
# A ridge adds $\lambda |w|^2$ to the sum of squared errors (the sum: in 3.3 it was the mean). Take the singular value decomposition $\Phi = U S V^\top$
# and set the gradient to zero: in the coordinates of $V$ the weights are $U^\top y$, each entry times a function of
# its singular value and of $\lambda$. So one decomposition serves every $\lambda$. To choose among them you need
# held-out examples. (The check asks for 600 ridges at once: no loop.)

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
# <details><summary>I can't see which function</summary>
#
# $(\Phi^\top \Phi + \lambda) w = \Phi^\top y$ becomes $(s^2 + \lambda)\,w_j = s\,(U^\top y)_j$ in those coordinates.
# One row of weights for each ridge: `ridges[:, None]` makes the shapes fit.
# </details>
#
# Choose the ridge at every width by 200 other training images, with wrong labels like the rest; then look at the test
# images.

# %%
losses = exercises.held_out_losses.use(held_out_losses)
ridges, held = torch.logspace(-2, 4, 25, dtype=torch.float64), slice(n, n + 200)
widths = [10, 30, 60, 100, 150, 200, 250, 280, 300, 320, 350, 450, 600, 900, 1800]
held_targets, plain, tuned, chosen = one_hot(noisy[0.2][held]), [], [], []
for width in widths:
    total = sum(losses(Phi[:n, :width], targets[:, k], Phi[held, :width], held_targets[:, k], ridges)
                for k in range(10))
    chosen.append(float(ridges[total.argmin()]))
    sweep = theory.random_feature_sweep(Phi[:n], targets, Psi, one_hot(test_labels), [width],
                                        ridge=[0.0, chosen[-1]])
    plain.append(100 * float(sweep.test_error[0, 0]))
    tuned.append(100 * float(sweep.test_error[1, 0]))

with plotting.style():
    figure, (left, right) = plotting.subplots(1, 2, height=3.4)
    left.plot(widths, plain, color=plotting.ORANGE, marker="o", markersize=4, label="no ridge")
    left.plot(widths, tuned, color=plotting.GREEN, marker="o", markersize=4,
              label="ridge chosen on held-out images")
    left.set(xscale="log", xlabel="features N", ylabel="test error (%)", ylim=(0, 125),
             yticks=range(0, 101, 20))
    left.set_title("A tuned ridge has no peak")
    left.legend(loc="upper left")
    right.plot(widths, chosen, color=plotting.GREEN, marker="o", markersize=4)
    right.set(xscale="log", yscale="log", xlabel="features N", ylabel="ridge",
              title="The ridge that was chosen")
    plotting.show(figure)
all_500 = theory.random_feature_sweep(Phi[:500], one_hot(noisy[0.2][:500]), Psi, one_hot(test_labels),
                                      widths).test_error
print(f"no ridge:     {min(plain):.1f} % at best, {max(plain):.1f} % at the peak, "
      f"{plain[-1]:.1f} % at N = 1,800")
print(f"chosen ridge: {max(tuned[4:]):.1f} % at most from N = 150 on, {tuned[-1]:.1f} % at N = 1,800")
print(f"no ridge, trained on the 200 held-out images too: {100 * float(all_500.min()):.1f} % at best")

# %% [markdown]
# The peak is gone. (The ridge was chosen with 200 more images. But given to the fit instead, they bring none of these
# widths to what the tuned ridge has from 150 features on.)
#
# ### Exercise 3.5: bias and variance (15 minutes, difficulty 3, 2 points)
#
# The features are drawn at random: another draw, another prediction. For the same images and labels, the mean squared
# error over draws splits into a squared bias, the error of the mean over *all* draws there could be, and a variance,
# the spread of the draws around that mean. (This is the variance of the features. In the second explorer the noise
# was drawn anew each time and was variance; here the labels stay as they are, and what is wrong in them is in the
# bias.)
#
# You have $R$ draws, not all. Their mean is not the mean over all: it varies, and it lies too near to the very draws
# it was made of. Correct both parts, so that each is right on average.

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
# Squared deviations of $R$ numbers from their own mean add up to $R - 1$ variances, on average. And the mean of $R$
# draws misses the mean over all by a variance of its own, variance $/ R$, which sits in its squared error beside the
# squared bias.
# </details>
#
# Twenty draws of the features, the same 300 images and labels. An ensemble answers with the mean of all twenty:

# %%
split = exercises.bias_and_variance.use(bias_and_variance)
counts = [30, 60, 150, 250, 280, 320, 350, 400, 600, 1800]
for noise, given in noisy.items():
    draws = []
    for seed in range(20):
        source = theory.fourier_features(images[:n], 1800, 2.0, torch.Generator().manual_seed(seed))
        sweep = theory.random_feature_sweep(source, one_hot(given[:n]), source.of(test_images),
                                            one_hot(test_labels), counts, keep_predictions=True)
        draws.append(sweep.predictions)
    draws = torch.stack(draws).unbind(1)  # for each width (20, 500, 10)
    bias, variance = zip(*(split(each, one_hot(test_labels)) for each in draws))
    limit = theory.kernel_limit(images[:n], one_hot(given[:n]), test_images, one_hot(test_labels), 2.0)
    for name, row, form in (
        (f"{100 * noise:2.0f} % noise; N =", counts, "6,"),
        ("squared bias", bias, "6.2f"),
        ("variance", variance, "6.2f"),
        ("error of one (%)", [sum(map(error, each)) / 20 for each in draws], "6.1f"),
        ("error of 20 (%)", [error(each.mean(0)) for each in draws], "6.1f"),
    ):
        print(f"{name:17}",
              *(f"{each if isinstance(each, int) else float(each):{form}}" for each in row))
    print(f"N = infinity: {100 * float(limit.test_error[0]):.1f} %\n")

# %% [markdown]
# Read it row by row.
#
# - **Without noise** the squared bias falls and settles; the variance has the peak. Past it the variance falls to
#   nearly nothing: the second descent is the variance of the features going away. An ensemble takes most of it away
#   at once.
# - **With wrong labels** the squared bias falls first and then, past 150, *rises* on the way to infinity. The labels
#   are the same in all draws: each draw fits more and more of the wrong ones, past the threshold all of them, and so
#   does their mean. At this bandwidth a fitted wrong label spoils the answers around it, and neither more features nor more draws undo that.
#   With 60 features no draw can fit them all, and the ensemble has an error of 6 % where infinitely many features
#   have 19 %.
#
# (300 features themselves are left out: there the mean of 20 draws is a matter of the wildest one.)

# %% [markdown]
# ## 3.5 What people get wrong
#
# Two claims have fallen already: that label noise causes the peak (exercise 3.1), and that it survives a tuned ridge
# (exercise 3.4). Four are left here, and one in section 3.6.
#
# ### "It always happens"
#
# Gradient descent that is stopped after $t$ steps has hardly begun in the directions with small eigenvalues, which a
# ridge shrinks too. The same fits, from 0, with a learning rate of 1 over the largest eigenvalue of $\Phi\Phi^\top$:

# %%
widths = [30, 60, 120, 210, 270, 300, 330, 450, 900, 1800]
steps = [10, 100, 1_000, 10_000, 1_000_000]
stopped = theory.random_feature_sweep(Phi[:n], targets, Psi, one_hot(test_labels), widths, steps=steps)
finished = theory.random_feature_sweep(Phi[:n], targets, Psi, one_hot(test_labels), widths)
print("20 % noise, wrong answers on new images (%)")
print(f"{'N:':15}", *(f"{width:6,}" for width in widths))
for place, count in enumerate(steps):
    print(f"{count:9,} steps", *(f"{100 * float(each):6.1f}" for each in stopped.test_error[:, place]))
print(f"{'to the end':15}", *(f"{100 * float(each):6.1f}" for each in finished.test_error))

# %% [markdown]
# After 100 steps there is no peak, and from 60 features on every fit is better than the best one that was trained to
# the end. The peak appears as training goes on: somebody who stops early may never see it.
#
# ### "Many small models are as good as one large one"
#
# An ensemble removes variance, as width does. Is the mean of 20 fits with $N$ features one fit with $20 N$?

# %%
print("20 % noise, wrong answers on new images (%)")
for width in (60, 150, 300, 350, 600):
    pair = []
    for count, size in ((20, width), (1, 20 * width)):
        total = 0
        for seed in range(count):
            source = theory.fourier_features(images[:n], size, 2.0, torch.Generator().manual_seed(seed))
            result = theory.random_feature_sweep(source, targets, source.of(test_images),
                                                 one_hot(test_labels), [size], keep_predictions=True)
            total = total + result.predictions[0] / count
        pair.append(error(total))
    print(f"20 fits with {width:3} features: {pair[0]:5.1f}; one with {20 * width:6,}: {pair[1]:5.1f}")

# %% [markdown]
# Well past the threshold, nearly. At it no, since the mean of wild fits is wild; and below it no, the other way
# round: the mean of small fits, none of which has fitted the wrong labels, is better than any large one. What an
# ensemble is worth depends on what its members have fitted.
#
# ### "More data cannot hurt"
#
# The threshold is where features and examples are equally many, so it can be reached from the side too: keep 300
# features, and add images.

# %%
sizes = [50, 100, 150, 200, 250, 280, 300, 320, 350, 500, 1_000, 1_297]
print("300 features; wrong answers on new images (%), mean of 5 draws of the features")
print("images:   ", *(f"{size:5,}" for size in sizes))
for noise, given in noisy.items():
    row = torch.zeros(len(sizes))
    for seed in range(5):
        mine, new = random_features(seed, 300)
        errors = [error(new @ fit(mine[:size], one_hot(given[:size]))) for size in sizes]
        row += torch.tensor(errors) / 5
    print(f"{100 * noise:3.0f} % noise", *(f"{float(each):5.1f}" for each in row))

# %%
data_prediction.reveal(
    answer="rises",
    because="150 more images take 300 features to the threshold: from a tenth wrong to about four "
    "fifths, without any wrong label. With 1,000 images the error is far below where it began. More "
    "data hurt near the threshold, for a fixed width and no ridge.",
)

# %% [markdown]
# ### "Bigger always beats the classical optimum"
#
# Take the curves to their end. Infinitely many features are a kernel (lesson 1), so that the end is known, not
# guessed. Five draws of images, wrong labels and features, at three bandwidths:

# %%
narrow = [10, 20, 30, 40, 60, 80, 100, 130, 160, 200]
print("wrong answers on new images (%), mean of 5 draws (range)")
for bandwidth in (1.0, 2.0, 3.0):
    for noise in (0.0, 0.2, 0.4):
        below, beyond, unfitted = [], [], 0
        for seed in range(5):
            draw = torch.Generator().manual_seed(seed)
            mine = torch.randperm(len(images), generator=draw)[:n]
            given = one_hot(experiment.wrong_labels(labels[mine], noise, draw))
            source = theory.fourier_features(images[mine], 200, bandwidth, draw)
            sweep = theory.random_feature_sweep(source, given, source.of(test_images),
                                                one_hot(test_labels), narrow)
            limit = theory.kernel_limit(images[mine], given, test_images, one_hot(test_labels),
                                        bandwidth)
            below.append(100 * sweep.test_error)
            beyond.append(100 * limit.test_error)
            unfitted += int(300 * limit.train_error)
        below, beyond = torch.stack(below), torch.cat(beyond)
        best = int(below.mean(0).argmin())
        print(f"bandwidth {bandwidth:.0f}, {100 * noise:2.0f} % noise: "
              f"best small N {below[:, best].mean():4.1f} "
              f"({below[:, best].min():.1f} to {below[:, best].max():.1f}), "
              f"infinity {beyond.mean():4.1f} ({beyond.min():.1f} to {beyond.max():.1f})")
        assert unfitted == 0  # of the labels given, wrong ones included, in all five draws

# %%
noise_prediction.reveal(
    answer="That depends on the functions",
    because="With bandwidth 1 infinitely many win by twenty points, with bandwidth 3 they lose by more "
    "than ten. Both fit every wrong label. What differs is how far a wrong label reaches: the narrower "
    "the kernel, the nearer to its image.",
)

# %% [markdown]
# So there is no theorem that the second descent ends below the first; bandwidth 3 is a counterexample. Nor is there
# one that it does not. (The best $N$ was picked on the test images, a little in its favour.) Somebody free to choose
# the bandwidth as well does best here with infinitely many features of bandwidth 1 at 20 % noise; at 40 % with few
# features of bandwidth 3, though by less than the draws differ.
#
# ## 3.6 The experiment
#
# Belkin et al. drew the curve for random features on MNIST. The recorded run of the preset `features` is at their
# size: 10,000 images, up to 60,000 features of bandwidth 5 (pixels from 0 to 1), three levels of noise, five draws of
# images, noise and features. Bands are the range of the draws; dashed lines are infinitely many features. On the
# right 2,000 images, without a ridge (dotted) and with the best of seven ridges (chosen on the test images, a little
# in its favour).

# %%
features = load_record(experiment.FEATURES_RECORD)
plotting.show(figures.draw_features(features))
print(features.provenance())

# %%
print("MNIST, 10,000 images: test error (%), mean of 5 draws (range)")
for noise in (0.0, 0.1, 0.2):
    curve = {}
    for row in select(features.rows, n=10_000, ridge=0.0, noise=noise):
        curve.setdefault(row["width"], []).append(100 * row["test_error"])
    infinity = curve.pop(None)
    first = min((width for width in curve if width < 10_000), key=lambda width: sum(curve[width]))
    peak = max(curve, key=lambda width: sum(curve[width]))
    for name, values in ((f"best below the peak, N = {first:,}", curve[first]),
                         (f"peak, N = {peak:,}", curve[peak]),
                         ("N = 60,000", curve[60_000]), ("infinity", infinity)):
        print(f"{100 * noise:2.0f} % noise, {name:30} {sum(values) / 5:6.2f} "
              f"({min(values):.2f} to {max(values):.2f})")

# %% [markdown]
# What you measured on 300 digits is here: a peak at $N = n$ in every draw, without noise too; the norm with the same
# peak; a ridge that removes it. And where the second descent ends, at this bandwidth:
#
# - *No noise*: features beyond $n$ pay. The best width below the peak has 4.85 %, 60,000 features 2.67 %, infinitely
#   many 2.45 %.
# - *10 %*: six times as many features as images do *not* reach the best width below the peak. Infinitely many do.
# - *20 %*: nothing reaches it. 60,000 features have twice its error, and infinitely many are still behind.
#
# The paper shows the curve without noise. (Its features are complex exponentials of such frequencies; ours are
# cosines with a phase.)

# %% [markdown]
# ### "The peak is where parameters and examples are equally many"
#
# For least squares on features it is. And for a network?
#
# ### Exercise 3.6: the threshold of a network (8 minutes, difficulty 2, 1 point)
#
# Least squares on features fits everything as soon as there are as many features as examples, whatever the number of
# targets: each target has weights of its own. In a network the targets share the hidden layer. Belkin et al. count
# all parameters against all numbers that are to be fitted; $n$ examples with one-hot targets are $n \times
# \text{classes}$ numbers. Count the parameters of a network with one hidden layer.

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
# Now the preset `fast` on your machine: the digits at 35 numbers of features, with ridges; and networks of 2 to 100
# hidden units, three of each, on 150 digits with 20 % of the labels wrong, trained for 1,000 epochs on the squared
# loss. The threshold is at 20 units. Before you run it: will the test error, the squared loss on new images, both or
# neither have a peak there?

# %%
yours = experiment.run_here()
print(yours.provenance())
plotting.show(figures.draw_features(yours))
plotting.show(figures.draw_nets(yours))

# %% [markdown]
# *Your features*: the curves of this page, with the range of five draws. Compare the right panel with the left: the
# best ridge of five, at every width and noise level.
#
# *Your networks*: the test error falls nearly all the way. The squared loss on new images has a hump between 10 and
# 40 units, with $n \times$ classes in it, and three networks on 150 images say no more than that. What costs most is
# the training to the end: the dotted line is the epoch that is best on the test images.
#
# Now the networks at Belkin's size: 4,000 images of MNIST, 27 widths from 4 to 1,000 hidden units, five networks of
# each, with clean labels and with 20 % wrong ones. The recorded run has the preset `perceptrons`. Solid: every
# network from weights of its own ("fresh"). Dashed, up to the threshold: each network begins with the trained weights
# of the one before it ("reused"), as in the paper. Bands are the range of the five. The training error counts against
# the labels that were given: with 20 % of them wrong, a network that has every image right has 20 %.

# %%
nets_record = load_record(experiment.PERCEPTRONS_RECORD)
plotting.show(figures.draw_nets(nets_record))
print(nets_record.provenance())

# %%
mnist_nets = select(nets_record.rows, study="nets", own_data=False)
print("after 1,000 epochs, units at which the test error has a peak (in the single networks)")
for noise in (0.0, 0.2):
    for start in ("fresh", "reused"):
        mine = select(mnist_nets, noise=noise, start=start, epoch=1_000)
        widest = max(row["width"] for row in mine)
        ends = [100 * columns(select(mine, width=width), "test_error")[0].mean()
                for width in (11, widest)]
        print(f"{100 * noise:2.0f} % wrong, {start:6}: {figures.told_peak(mine, 'test_error'):13} "
              f"({ends[0]:.1f} % at 11, {ends[1]:.1f} % at {widest:,} units)")
print(f"as many parameters as targets: {nets.threshold(4_000, 784, 10):.1f} units")

shown = [4, 8, 11, 17, 24, 36, 50, 64, 100, 1_000]
fresh = select(nets_record.rows, own_data=False, start="fresh", noise=0.2, epoch=1_000)
print("\n20 % wrong, after 1,000 epochs")
print(f"{'units':21}", *(f"{width:6,}" for width in shown))
for name, study, entry, scale in (
    ("training error (%)", "nets", "train_error", 100),
    ("test error (%)", "nets", "test_error", 100),
    ("the 5 as one (%)", "ensemble", "test_error", 100),
    ("test loss", "nets", "test_loss", 1),
    ("the 5 as one", "ensemble", "test_loss", 1),
):
    means = [scale * columns(select(fresh, study=study, width=width), entry)[0].mean()
             for width in shown]
    print(f"{name:21}", *(f"{each:6.{1 if scale > 1 else 2}f}" for each in means))

print("\nclean labels, after 1,000 epochs: test loss")
for start in ("fresh", "reused"):
    mine = select(mnist_nets, start=start, noise=0.0, epoch=1_000)
    losses = [columns(select(mine, width=width), "test_loss")[0] for width in shown]
    print(f"{start:21}", *(f"{each.mean():6.2f}" for each in losses if len(each)))

own = select(nets_record.rows, study="nets", own_data=True, epoch=1_000)
counts = (1_000, 2_000, 4_000, 8_000)
print("\n20 % wrong, images and labels drawn for each of 5 networks: test error (%), test loss")
print("images              ", *(f"{count:12,}" for count in counts))
print("parameters = targets", *(f"{nets.threshold(count, 784, 10):6.0f} units" for count in counts))
for width in (8, 14, 20, 28, 40, 56):
    mine = [select(own, width=width, n=count) for count in counts]
    means = [(100 * columns(each, "test_error")[0].mean(), columns(each, "test_loss")[0].mean())
             for each in mine]
    print(f"{width:2} units            ", *(f"{error:6.1f}, {loss:.2f}" for error, loss in means))

# %% [markdown]
# **With wrong labels there is a peak.** After 1,000 epochs eleven units have 29 % of the answers wrong, 36 units 37 %,
# 1,000 units 15 %: a U, and then a descent to half of its lowest point. (Its left side is steep: fewer than ten hidden
# units are few for ten classes.) The peak is not there for an ensemble, the five networks of a width as one: its error
# is flat, 21 to 22 % from 17 to 36 units, and then falls. So it is variance, as with the features, here of the start
# and of the order of the images.
#
# **It is not at $n \times$ classes.** That would be 50 units. The error is highest at 36, in single networks from 24
# to 36. Does that depend on how long they are trained?

# %%
plotting.show(figures.draw_humps(nets_record))

wrong = select(mnist_nets, start="fresh", noise=0.2)
print("20 % wrong: mean test loss after so many epochs, and from which width on")
print("the training error is below 1 %")
for epoch in (100, 300, 500, 1_000):
    mine = select(wrong, epoch=epoch)
    every = sorted({row["width"] for row in mine})
    loss, misfit = ({width: columns(select(mine, width=width), entry)[0].mean() for width in every}
                    for entry in ("test_loss", "train_error"))
    wide = max((width for width in loss if width >= 80), key=loss.get)
    print(f"{epoch:5,} epochs: {loss[24]:.2f} at 24, {loss[36]:.2f} at 36, {loss[64]:.2f} at 64, "
          f"{loss[wide]:.2f} at {wide}, {loss[1_000]:.2f} at 1,000; "
          f"below 1 % from {min(width for width in misfit if misfit[width] < 0.01)}")

# %% [markdown]
# The test loss has two humps.
#
# - *The wide one moves.* After 100 epochs it is at 256 units, after 300 at 160, after 1,000 at 128, and each time it
#   lies where the networks come to fit nearly all of the labels. Nothing about the networks or the data has changed in
#   between. Nakkiran et al. take this for the rule: what counts is how many examples a network *and its training* can
#   fit.
# - *The narrow one stays*, between 24 and 40 units, and grows until after 1,000 epochs it is the higher of the two. The
#   peak of the error is this one. These networks leave 4 to 9 % of the labels unfitted, and neither rule predicts a
#   peak here. We have no explanation.
#
# **With clean labels there is no peak at all, from fresh weights.** From reused ones there is: follow the dashed line
# to the threshold and the solid one after it. The test loss climbs from 0.46 at 11 units to 1.13 at 50, where fresh
# networks have 0.28, and then drops to the solid line. That is the shape of the figure in Belkin et al., who start
# the small networks in this way and the large ones afresh: the dashed curve ends at $n \times$ classes because reuse
# does. (With 20 % wrong it climbs further still, to 43 % wrong answers.) So with clean labels the peak comes with this
# choice. What in it does the harm the run does not tell apart: a reused network has been trained for longer, counting
# those before it, and its new units start with larger weights (deviation 0.1, as in the paper; 0.02 for fresh ones).
#
# **More data helped at every width** from 1,000 images to 8,000, or nearly. But compare the rows: eight times as much
# takes 8 units from 51 to 24 %, and 56 units from 36 to 33 %, since for those it also brings the peak nearer. To hurt,
# as in exercise 3.5, it would have to be sharper.

# %% [markdown] tags=["demo"]
# ### Width and epoch: one surface
#
# All these networks after every epoch that was measured. Colour is the test error, dark is low. A cut along the
# width, at one epoch, is what people call *model-wise* double descent; a cut along the epochs, at one width,
# *epoch-wise*.
#
# **Try**: 20 % wrong labels with *50 units, 20 epochs*, and from there *Play*. Then *1,000 units*, then *Clean labels, 24
# units*. The dotted line is where a network has as many parameters as targets. **Look for**: where in the map a network is both good and cheap; whether any vertical cut falls twice; what training
# on costs when no label is wrong. (The training error counts against the given labels: a good network has 20 %.)

# %% tags=["demo"]
explorers.surface

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: with 20 % wrong labels, where is a network both good and cheap?</summary>
#
# In the dark band between 10 and 50 epochs, from about 20 units on: 100 units after 20 epochs have 8 %, 1,000 units 7 %. What the
# following 980 epochs bring is a training error of 0 and a test error of 15 to 30 %.
# </details>
#
# <details><summary><b>Question</b>: does any vertical cut fall twice, as in Nakkiran's figures?</summary>
#
# No. With wrong labels every width from eight units on falls, has its best epoch at 20 or 30, and rises; wide
# networks rise less and level off. (Clean labels do not stop it: 24 units go from 8 to 16 %.) Epoch-wise double descent was found in large convolutional networks trained for 4,000 epochs with
# Adam. These networks do not show it, and the preset `full`, which has a convolutional one, has not been run.
# </details>

# %% [markdown]
# The other presets, in a terminal (MNIST is fetched once, 12 MB; CIFAR-10, 170 MB, for `full` alone):
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
# machine." Answer with three plots and a sentence or two on each: one where your colleague is right, one where not,
# and one that says what else would have helped. Take settings that this page has not shown: another number of images,
# another bandwidth, another level of noise. Name the axes.
#
# What you need is above: `experiment.wrong_labels`, `theory.fourier_features(...).of(...)`, and
# `theory.random_feature_sweep(Phi, Y, Psi, Y_test, widths).test_error`, one entry a width; with a list `ridge=[...]`
# it is (ridges, widths), with `steps=[...]` (widths, steps). `theory.kernel_limit` is $N = \infty$.

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
# With 600 digits and bandwidth 4, against the number of features. Right with clean labels and far past the peak: 3.4
# % at 300 features, 1.8 % at 4,800. Wrong with 30 % of the labels wrong: 12 % at 50 features, 37 % at infinity. What
# would have helped: to stop after 300 steps, which gives 7 to 9 % from 100 features on and no peak. What the three
# have in common is that size alone decides nothing: what the model has fitted does.
# </details>

# %% [markdown] tags=["demo"]
# ## Recap
#
# 1. The peak is where the data can just be fitted, in one way only: the weights become huge, and so does their
#    variance. Beyond it there are many ways, and the shortest weights shrink again.
# 2. Label noise makes the peak higher; whatever the features cannot express makes one too.
# 3. A tuned ridge or early stopping removes it: it is a property of fitting to the end. With either, more features
#    did no harm to speak of on this page.
# 4. More features or more draws cure the variance of the features. What the fit does to wrong labels they leave as it
#    is: whether the second descent ends below the first depends on the features and on the noise.
# 5. For random features the peak is at $N = n$. For a network, parameters $= n \times$ classes is a guide, and
#    training decides.

# %% [markdown]
# ## Limits
#
# Everything exact here is about least squares on fixed features, and isotropic ones where there are formulas. The
# networks have one hidden layer; the convolutional proxy for Nakkiran's figures is in the preset `full` and has not
# been run, and the ResNets of the paper are not in the course. Errors are of small test sets (500 digits: a standard
# error of 1 to 2 points). How often double descent is met in practice, where people tune a ridge or stop early, these
# pages do not say.
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

