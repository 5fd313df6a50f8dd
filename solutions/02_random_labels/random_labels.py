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
# # 2. Fitting random labels
#
# **If a network can fit any labels, what did fitting ever tell us?**
#
# Replace the labels of a training set by random ones and train the same network in the same way. Nothing is left to
# learn: the labels say nothing about the images. What does the training error do, and what does the answer say about the run
# with true labels?

# %% [markdown]
# **You will be able to**
#
# - corrupt labels by either of the two definitions in use, and convert between them;
# - build a network that memorises any labels, and count its weights;
# - measure how long a network takes to fit its labels, without measuring a learning-rate schedule instead;
# - compute a Rademacher complexity, and say why bounds made of it are empty here;
# - say what a network that can memorise learns first, and what last.
#
# **You need** PyTorch and what cross-entropy and stochastic gradient descent are; lesson 1 helps and is not required.
# **Time**: about two and a half hours, an hour and a half of them for the exercises. **Machine**: the notebook runs from top to bottom in under a
# minute and 1 GB on 2 CPU cores; no GPU, no network.

# %% tags=["demo"]
from course.random_labels import explorers

# %%
import torch

from course.random_labels import exercises, experiment, figures, nets, theory
from utils import data, plotting
from utils.experiment import columns, load_record, select
from utils.prediction import Prediction
from utils.training import Member, Recipe, perceptron, train

# %% [markdown]
# ## 2.1 Predict
#
# Commit to an answer before you run anything. You meet both again below.

# %%
time_prediction = Prediction(
    "A network with one hidden layer of 128 units fits 500 handwritten digits in about 10 epochs. Now "
    "all labels are drawn at random; network and training stay as they are. Its training error reaches "
    "zero ...",
    options=("never", "after 100 times as many epochs", "after a few times as many epochs"),
)
time_prediction

# %%
regulariser_prediction = Prediction(
    "Which of these does most to keep that network from fitting random labels?",
    options=(
        "Weight decay",
        "Dropout",
        "Moving each image by up to a pixel",
        "None of them hinders it",
    ),
)
regulariser_prediction

# %% [markdown]
# ## 2.2 The smallest case
#
# Three inputs on a line, $z = 0, 1, 2$, with any labels, say $1, -1, 2$. A ReLU unit $\max(z - b, 0)$ is 0 up to its bias
# $b$ and a rising line after it. Let one begin before the first point, and one at each point but the last: $b = -1, 0, 1$. Now
# fix the output weights one at a time, from left to right.
#
# - At $z = 0$ only the first unit is on, with the value 1. The label is 1, so $w_1 = 1$.
# - At $z = 1$ the first gives 2, the second 1. The label is $-1 = 2 w_1 + w_2$, so $w_2 = -3$.
# - At $z = 2$ they give 3, 2, 1. The label is $2 = 3 w_1 + 2 w_2 + w_3$, so $w_3 = 5$.
#
# Each new point brings one new unknown, whose coefficient is not 0. So it always works, whatever the labels: the system
# is triangular. Images are not numbers, but $z = a^\top x$ is, and for almost every direction $a$ no two images share one.
# That makes $d$ weights for $a$, $n$ biases and $n$ outputs:
#
# **Theorem 1** (Zhang et al.). A two-layer ReLU network with $2n + d$ weights gives any $n$ distinct inputs in $d$ dimensions
# any labels.
#
# Before you run the next cell: what is the fourth weight for a fourth point with label 0 at $z = 3$, at 2.1, at 2.001?

# %%
z = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
y = torch.tensor([1.0, -1.0, 2.0], dtype=torch.float64)
biases, outputs = theory.memorising_weights(z, y)
print("b =", biases.tolist(), " w =", outputs.tolist())
print("the network gives", ((z[:, None] - biases).relu() @ outputs).tolist())
for fourth in (3.0, 2.1, 2.001):
    four, targets = torch.cat([z, z.new_tensor([fourth])]), torch.cat([y, y.new_tensor([0.0])])
    _, outputs = theory.memorising_weights(four, targets)
    print(f"with a fourth point at {fourth}: w =", [round(each, 2) for each in outputs.tolist()])

# %% [markdown]
# Exact, every time. The number of weights grows with $n$ alone; their size with how close points with different labels lie.
#
# ## 2.3 Explore

# %% [markdown] tags=["demo"]
# ### The network that memorises
#
# Six points on a line, a label for each, and the network of theorem 1 through all of them. The dotted lines are its biases.
# On the right its six output weights, on an axis that is logarithmic away from 0.
#
# **Try**: press *Label 4 up* and watch how many weights change, then *Two points close*. Then *Play* moves the bends from
# the point before (0) towards the next one (1), past *Bends half-way*; the theorem asks only that they lie between.
# **Look for**: which weights change when label 4 moves, and what the network does between the points.

# %% tags=["demo"]
explorers.memory

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: move label 4. Which weights change, and why not the first three?</summary>
#
# The fourth, fifth and sixth. The first three were fixed at points 1 to 3, where unit 4 is off. Unit 4 reaches label 4, and as it
# is a line that never ends, the later ones have to take back what it does further right.
# </details>
#
# <details><summary><b>Question</b>: move the bends. The network fits the labels as exactly as before. What has changed?</summary>
#
# What it says between the points, where nobody asked. With bends at the points it is straight from one to the next. With
# bends half-way it overshoots, makes up for it by a larger weight, and overshoots more: soon it leaves the picture. The labels do not
# choose between the two, nor does the number of weights; who built the network did. For trained networks that choice is
# made by the training, and what it prefers is the question of this course.
# </details>
#
# ### Noise, with nothing else changed
#
# 500 handwritten digits and a network with 128 hidden units, trained in the same way whatever the data: same learning rate,
# same batches, same start. Choose what fraction of the labels is drawn anew from all ten classes, and what is done to the
# pixels: *shuffled*, one permutation for all images; *random*, another for each image; *Gaussian*, no picture at all. All
# labels drawn anew on unchanged pixels are the "random labels" of the title. The test labels are the true ones. Three seeds
# each: 72 networks, trained when you run the cell; each stops when its training error is zero.
#
# **Try**: *True labels*, *All drawn anew* and *Two fifths anew*, each with *Play* to go through the epochs. Then the other
# inputs: *Shuffled pixels*, *Random pixels* and *Gaussian pixels*.
# **Look for**: whether any training curve fails to reach zero, when the test error turns, and which inputs are fitted as fast
# as true labels.

# %% tags=["demo"]
explorers.noise

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: with 40 % drawn anew the test error is lowest after about five epochs. What does the network
# know then, and what does it do afterwards?</summary>
#
# Then it is wrong on about one new digit in eight, although more than a third of the labels it was given are wrong: it knows the
# digits, and not yet the noise. In the forty epochs after that it learns the wrong labels one by one, and the test error rises
# to about 30 %, nearly the share of wrong labels. It learns what is common first and what is singular later.
# </details>
#
# <details><summary><b>Question</b>: random and Gaussian pixels hold next to nothing to learn either. Why are they fitted as fast
# as true labels, and random labels not?</summary>
#
# Digits lie near each other, random images do not: a cell below measures it. To give two near images different labels a
# network must be steep between them, as in the explorer before this one, and steepness takes large weights. That may be
# what takes the time: labels that contradict their neighbours, not that there is nothing to learn. Zhang et al. suggest
# the same. These runs do not prove it.
# </details>
#
# <details><summary><b>Question</b>: why do the curves of unchanged and of shuffled pixels nearly coincide?</summary>
#
# To a network whose first layer connects every pixel with every unit, no pixel has neighbours. The same permutation applied to all
# images is a renaming of its weights; only the draw of the start differs. A convolutional network would notice.
# </details>
#
# <details><summary><b>Question</b>: with all labels drawn anew, why is the test error not 90 % in each run?</summary>
#
# By chance 7 to 13 % of the 500 random labels are right, and digits come in clusters of similar ones: where the training
# labels of a cluster happen to lean to the true class, many test images follow. Over many draws it averages to 90 %.
# </details>

# %%
time_prediction.reveal(
    answer="after a few times as many epochs",
    because="Nothing about the network or its training has to change. What grows is the time, by a "
    "factor of about five here, and a fifth of the labels drawn anew is enough for most of it. "
    "Exercise 2.4 measures it.",
)

# %% [markdown]
# So a small training error is no evidence that something was learned; and the network's size, its training and the number of
# examples, which are equal in all these runs, are not what tells learning from memorising. For the rest of the page, the
# digits: each image less its mean, over its standard deviation ("whitened", the paper says).

# %%
digits = data.load("digits")
images = experiment.whitened(digits.train_images, "digits").flatten(1).double()  # (1297, 64)
test_images = experiment.whitened(digits.test_images, "digits").flatten(1).double()  # (500, 64)
labels, test_labels = torch.from_numpy(digits.train_labels), torch.from_numpy(digits.test_labels)

pictures = images[:500].view(500, 8, 8)
neighbours = {"digits": images[:500]}
for kind in ("random_pixels", "gaussian"):
    draw = torch.Generator().manual_seed(0)
    neighbours[kind] = theory.corrupt_inputs(pictures, kind, draw).flatten(1)
for name, inputs in neighbours.items():
    directions = torch.nn.functional.normalize(inputs)
    cosines = directions @ directions.T - 2 * torch.eye(500)  # an image is not its own neighbour
    print(f"{name:13} cosine of an image and its nearest neighbour: "
          f"{cosines.amax(1).mean():.2f} on average")

# %% [markdown]
# ## 2.4 Exercises: noise, and a network that memorises it
#
# Each exercise gives the minutes it should take and a difficulty from 1 to 5. Write your answer, run its cell, then run
# the check below it. A check tells you what went wrong; it never takes points away, and no later cell needs an exercise
# solved. Write on whole tensors: an answer that calls torch more than 1,000 times, as a loop over examples does, is stopped.
#
# ### Exercise 2.1: two definitions of label noise (10 minutes, difficulty 2, 2 points)
#
# "20 % label noise" means two things. Zhang et al. draw each chosen label anew from *all* classes: call that `"uniform"`.
# Nakkiran et al. draw it from the classes that are *wrong*: `"incorrect"`. Write both. Which labels to replace is given,
# and so are random numbers in [0, 1), one a label: turn each into a class.

# %% nbgrader={"grade": false, "grade_id": "noisy_labels", "locked": false, "schema_version": 3, "solution": true, "task": false}
def noisy_labels(
    labels: torch.Tensor, replaced: torch.Tensor, draws: torch.Tensor, classes: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both kinds of label noise.

    Args:
        labels: whole numbers from 0 to classes - 1, (n,), int64.
        replaced: which labels to replace, (n,), bool.
        draws: random numbers, uniform in [0, 1), (n,).
        classes: how many there are.

    Returns:
        The labels with "uniform" and the labels with "incorrect" noise, each (n,), int64.
    """
    ### BEGIN SOLUTION
    anyone = (draws * classes).long()
    # A step of 1 to classes - 1 around the circle of classes never ends where it began.
    another = (labels + 1 + (draws * (classes - 1)).long()) % classes
    return torch.where(replaced, anyone, labels), torch.where(replaced, another, labels)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "noisy_labels_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.noisy_labels.check(noisy_labels)

# %% [markdown]
# <details><summary>I can't see how to leave one class out</summary>
#
# `(draws * m).long()` is a uniform whole number from 0 to m - 1. Draw a *step* from 1 to classes - 1, add it to the label,
# and take the remainder by `classes`.
# </details>
#
# ### Exercise 2.2: from one definition to the other (5 minutes, difficulty 1, 1 point)
#
# A paper reports noise of a fraction $p$ in the incorrect sense; you have code for the uniform kind. Which fraction do you
# set, so that as many labels change? With few classes there may be none.

# %% nbgrader={"grade": false, "grade_id": "same_noise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def same_noise(incorrect: torch.Tensor, classes: int) -> torch.Tensor:
    """The fraction of uniform noise that changes as many labels, on average, as incorrect noise does.

    Args:
        incorrect: fractions between 0 and 1, (m,).
        classes: how many there are.

    Returns:
        Fractions, (m,); torch.inf where no uniform noise changes so many.
    """
    ### BEGIN SOLUTION
    uniform = incorrect * classes / (classes - 1)
    return torch.where(uniform > 1, torch.inf, uniform)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "same_noise_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.same_noise.check(same_noise)

# %% [markdown]
# From here on noise is uniform, as in the paper: "20 %" of ten classes changes 18 % of the labels, and "random labels" are
# right for one image in ten.
#
# ### Exercise 2.3: the network of theorem 1 (20 minutes, difficulty 4, 3 points)
#
# Write what section 2.2 did by hand, for any number of points: biases and output weights. The check asks whether your
# network gives every point its label.

# %% nbgrader={"grade": false, "grade_id": "memorising_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def memorising_weights(z: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Biases b and outputs w with sum_j w_j max(z_i - b_j, 0) = y_i for every i.

    Args:
        z: numbers that rise, (n,).
        y: their labels, (n,).

    Returns:
        b and w, each (n,).
    """
    ### BEGIN SOLUTION
    biases = torch.cat([z[:1] - 1, z[:-1]])
    units = (z[:, None] - biases).relu()  # row i: the units at point i
    return biases, torch.linalg.solve_triangular(units, y[:, None], upper=False)[:, 0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "memorising_weights_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.memorising_weights.check(memorising_weights)

# %% [markdown]
# <details><summary>I can't see where the biases go</summary>
#
# $b_1 < z_1 \le b_2 < z_2 \le \dots$: the first before all points, every other one at the point before its own. Then put the
# values of all units at all points into an $n \times n$ matrix and look at its shape.
# </details>
#
# Now on real images: 500 digits with random labels, and of 64 random directions the one on which the two closest images lie
# farthest apart. The network is built in a moment. It is right on every image it was built from; and on others? And how large
# are its weights, by what you saw in 2.2?

# %%
random_labels, _ = theory.corrupt_labels(labels, 1.0, 10, "uniform", torch.Generator().manual_seed(0))
for name, given in (("random", random_labels), ("true", labels)):
    for bend in (0.0, 0.5):
        memory = theory.memorising_network(images[:500], given[:500], bend=bend)
        with torch.no_grad():
            train_miss = (memory(images[:500]) - given[:500]).abs().max()
            right = (memory(test_images).round() == test_labels).double().mean()
            typical = memory(test_images).abs().median()
        print(f"{name:6} labels, bends at {bend}: training error {train_miss:.0e}, largest weight "
              f"{memory.outputs.abs().max():.0e};\n"
              f"    on new images {right:5.1%} right, typical size of the answer {typical:.0f}")
print(f"weights: {memory.weights} = 2 x 500 + 64")

# %% [markdown]
# Every training label is reproduced to many digits. On new images the network with bends at the points is right one time in
# ten, as a guess is, and with bends half-way it answers in the hundreds where a class from 0 to 9 was asked for. True labels
# hardly help: this network takes labels as they come. On each of 64 directions some two of 500 images are close, so the
# weights are large. A fit, with two weights an example, is no evidence of knowledge.
#
# ## 2.5 Exercises: what fitting takes, and what it tells
#
# ### Exercise 2.4: time to fit (12 minutes, difficulty 3, 2 points)
#
# How much longer does noise take? Count epochs until every training example is right. One trap: many schedules cut the
# learning rate at some epoch, and every run that was nearly there fits at the cut. Two runs that fit at epochs 151 and 154,
# after a cut at 150, do not show that noise is no harder; they show the schedule. So: an epoch is a *step* when its rate is
# half or less of that of the epoch before, and a fit counts only in an epoch before the first step.

# %% nbgrader={"grade": false, "grade_id": "time_to_fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def time_to_fit(accuracy: torch.Tensor, rates: torch.Tensor) -> torch.Tensor:
    """The first epoch after which every example is right, before any step of the learning rate.

    Args:
        accuracy: training accuracy after each epoch, one row a run, (runs, epochs).
        rates: the learning rate of each epoch, (epochs,).

    Returns:
        Epochs counted from 1, (runs,), float64; torch.inf where a run does not fit before the first
        step.
    """
    ### BEGIN SOLUTION
    epochs = torch.arange(1, accuracy.shape[1] + 1, dtype=accuracy.dtype)
    steps = torch.cat([torch.tensor([False]), rates[1:] <= rates[:-1] / 2])
    before = steps.cumsum(0) == 0
    return torch.where((accuracy == 1) & before, epochs, torch.inf).amin(1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "time_to_fit_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.time_to_fit.check(time_to_fit)

# %% [markdown]
# <details><summary>I can't see how to say "never"</summary>
#
# Put the number of the epoch where a run fits and `torch.inf` elsewhere, then take the smallest number of each row.
# </details>
#
# Use it: six noise levels, five seeds, on the digits. The 30 networks train together: their weights are stacked, so that one
# batched product serves them all, and each takes exactly the steps that it would take alone (`utils/training.py`).

# %%
NOISES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
recipe = Recipe(epochs=200, batch_size=64, learning_rate=0.1, momentum=0.9)
members = []
for noise in NOISES:
    for seed in range(5):
        draw = torch.Generator().manual_seed(seed)
        given, _ = theory.corrupt_labels(labels[:500], noise, 10, "uniform", draw)
        members.append(Member(perceptron(64, [128], 10, seed), images[:500].float(), given, seed))
histories = train(members, recipe)

# Training stops at the fit; the accuracy is 1 from there on.
curves = torch.ones(len(histories), recipe.epochs, dtype=torch.float64)
for row, history in zip(curves, histories):
    row[: len(history.train_accuracy)] = history.train_accuracy
rates = torch.full((recipe.epochs,), recipe.learning_rate)
epochs = exercises.time_to_fit.use(time_to_fit)(curves, rates).view(6, 5)
for noise, mine in zip(NOISES, epochs):
    print(f"noise {noise:4.0%}: {mine.min():.0f} to {mine.max():.0f} epochs, "
          f"{mine.mean() / epochs[0].mean():.1f} times true labels")

# %% [markdown]
# Five to six times; the factor is unsteady, since true labels take only 7 to 11 epochs here. What else differs between the
# networks that fitted true labels and those that fitted noise? Measure how far training has taken their weights:

# %%
for noise, first in zip(NOISES, range(0, 30, 5)):
    moved = []
    for seed, member in enumerate(members[first : first + 5]):
        pairs = zip(member.net.parameters(), perceptron(64, [128], 10, seed).parameters())
        moved.append(sum(float((now - start).detach().square().sum()) for now, start in pairs) ** 0.5)
    print(f"noise {noise:4.0%}: the weights have moved by {min(moved):.1f} to {max(moved):.1f}")

# %% [markdown]
# ### Exercise 2.5: the complexity of a class (15 minutes, difficulty 3, 3 points)
#
# Learning theory has a name for "can fit any labels". Give the $n$ inputs random signs $\sigma_i = \pm 1$, and let a class of
# functions choose the one that agrees best. The mean over all sign vectors,
#
# $$\hat{\mathfrak R}(H) = \mathbb E_\sigma \max_{h \in H} \frac1n \sum_{i=1}^n \sigma_i\, h(x_i),$$
#
# is the class's *empirical Rademacher complexity*. For $h$ with values $\pm 1$ it lies between 0 and 1, and with probability $1 -
# \delta$ every $h$ of the class has (Mohri et al., theorem 3.5)
#
# $$\text{error} \le \text{training error} + \hat{\mathfrak R}(H) + 3 \sqrt{\ln(2 / \delta) / 2n}.$$
#
# A finite class is a matrix: one row a function, its values at the inputs. Take the mean over all $2^n$ sign vectors
# (`itertools.product((-1.0, 1.0), repeat=n)` lists them; make one matrix of them, $2^n \times n$).

# %% nbgrader={"grade": false, "grade_id": "rademacher", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rademacher(values: torch.Tensor) -> torch.Tensor:
    """The empirical Rademacher complexity of a finite class, over all 2^n sign vectors.

    Args:
        values: row h holds h(x_1) ... h(x_n), (functions, n); n is small.

    Returns:
        The complexity, a tensor of shape ().
    """
    ### BEGIN SOLUTION
    from itertools import product

    n = values.shape[1]
    signs = torch.tensor(list(product((-1.0, 1.0), repeat=n)), dtype=values.dtype)  # (2^n, n)
    return (signs @ values.T).amax(1).mean() / n
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "rademacher_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.rademacher.check(rademacher)

# %% [markdown]
# Two classes on ten points of a line: all thresholds (−1 up to some point, +1 after it), and all labellings. Then a
# network: its class cannot be listed, but training it on random signs gives a lower bound, since the best function of the class
# agrees at least as well as the one that training finds.

# %%
from itertools import product

complexity = exercises.rademacher.use(rademacher)
thresholds = 1 - 2 * torch.ones(11, 10, dtype=torch.float64).tril(-1)
labellings = torch.tensor(list(product((-1.0, 1.0), repeat=10)), dtype=torch.float64)
print(f"11 thresholds on 10 points: {complexity(thresholds):.2f}; "
      f"all 1,024 labellings: {complexity(labellings):.2f}")

network = theory.trained_rademacher_complexity(
    lambda seed: perceptron(64, [128], 2, seed), images[:500].float(), recipe, range(5))
print(f"128 hidden units on 500 digits: at least {network.value:.2f} "
      f"(standard error {network.error:.2f})")
bound = theory.risk_bound(0.0, network.value, 500)
print(f"so, with probability 0.95, a network that fits is wrong at most {bound:.0%} of the time")

# %% [markdown]
# All five draws of signs were fitted, so the estimate is 1, the largest there is. (Five draws out of $2^{500}$, but of a maximum
# that cannot be larger.) A bound above 1 says nothing: no network errs more often than always. Could a better bound say more?
# Exercise 2.7 asks.
#
# ### Exercise 2.6: simple examples first (12 minutes, difficulty 3, 2 points)
#
# If fitting says nothing, look at *how* a network fits. Arpit et al. ask which examples are easy for it. A definition for this
# page: an example is learned at the epoch from which it is right to the end.

# %% nbgrader={"grade": false, "grade_id": "learned_at", "locked": false, "schema_version": 3, "solution": true, "task": false}
def learned_at(correct: torch.Tensor) -> torch.Tensor:
    """The epoch from which each example is right to the end.

    Args:
        correct: whether each example is right after each epoch, (epochs, n), bool.

    Returns:
        Epochs counted from 1, (n,), float64; torch.inf where an example is wrong at the end.
    """
    ### BEGIN SOLUTION
    epochs = torch.arange(1, len(correct) + 1)[:, None]
    last_wrong = torch.where(correct, 0, epochs).amax(0)
    return torch.where(correct[-1], last_wrong + 1.0, torch.inf).double()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "learned_at_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.learned_at.check(learned_at)

# %% [markdown]
# Use it on 500 digits of which a fifth have labels drawn anew, trained one epoch at a time so that each example can be
# looked at. Then rank the examples by when they were learned.

# %%
def follow(given: torch.Tensor, seed: int, epochs: int = 60) -> torch.Tensor:
    """Whether each of 500 digits is right after each epoch, (epochs, 500)."""
    net = perceptron(64, [128], 10, seed)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    order, inputs = torch.Generator().manual_seed(seed), images[:500].float()
    correct = []
    for _ in range(epochs):
        for rows in torch.randperm(500, generator=order).split(64):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[rows]), given[rows]).backward()
            optimiser.step()
        with torch.no_grad():
            correct.append(net(inputs).argmax(1) == given)
    return torch.stack(correct)


learned = exercises.learned_at.use(learned_at)
noisy, wrong = theory.corrupt_labels(labels[:500], 0.2, 10, "uniform", torch.Generator().manual_seed(0))
when = torch.stack([learned(follow(noisy, seed)) for seed in range(5)]).mean(0)
latest = when.argsort()[-int(wrong.sum()) :]  # as many as there are wrong labels
print(f"epoch of learning, median: {when[~wrong].median():.0f} for the {(~wrong).sum()} right labels, "
      f"{when[wrong].median():.0f} for the {wrong.sum()} wrong ones")
print(f"of the {len(latest)} examples learned last, {wrong[latest].double().mean():.0%} "
      "have wrong labels")

with plotting.style():
    figure, axes = plotting.subplots(2, 10, height=2.3)
    right = (~wrong).nonzero().flatten()
    order = right[when[right].argsort(stable=True)]
    for row, chosen in zip(axes, (order[:10], order[-10:])):
        for panel, index in zip(row, chosen):
            panel.imshow(digits.train_images[index], cmap="gray_r")
            panel.set_title(f"{labels[index]}, {when[index]:.0f}", fontsize=9)
            panel.axis("off")
    figure.suptitle("Label and epoch of rightly labelled digits: the ten learned first, "
                    "the ten learned last", fontsize=10)
    plotting.show(figure)

# %% [markdown]
# Nearly all wrong labels come late. Among the right ones too there are early and late. Some of those learned last look odd, others
# do not: such an image may have a neighbour with a wrong label, which this does not test. Nobody told the network which labels
# to trust.
#
# ## 2.6 What people get wrong
#
# ### "Random labels need a bigger network, or far more time"
#
# You measured the time above: the same network, the same training, a small factor. What about size? Make the network smaller
# until random labels no longer go in, and compare it with true ones:

# %%
WIDTHS = (8, 16, 32, 64, 128, 256)
members = []
for width in WIDTHS:
    for given in (labels[:500], random_labels[:500]):
        for seed in range(3):
            members.append(Member(perceptron(64, [width], 10, seed), images[:500].float(), given, seed))
histories = train(members, Recipe(epochs=300, batch_size=64, learning_rate=0.1, momentum=0.9))
error = torch.tensor([1 - float(history.train_accuracy[-1]) for history in histories])
error = error.view(len(WIDTHS), 2, 3)
for width, (true, random) in zip(WIDTHS, error):
    size = (64 + 1) * width + (width + 1) * 10
    print(f"{width:4} units, {size:6,} weights: training error {true.max():.1%} on true, "
          f"{random.min():.1%} to {random.max():.1%} on random")

# %% [markdown]
# So there is some truth in it. With 8 and with 16 hidden units true labels fit and random ones do not, at least not in 300
# epochs; with 64 and more both do. (How few weights could hold them is another question: theorem 1 needs 1,064.) But the
# networks that people train are far above that line. Those of the paper have 24 weights and more for each of CIFAR-10's 50,000
# labels.
#
# ### "A network that can memorise noise memorises real data in the same way"
#
# If it stored true labels one by one, as it must random ones, then early in training it would know those it has stored and no
# others. So compare the examples it has seen with those it has not, while it learns:

# %%
def early(given: torch.Tensor, unseen_labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Training and test accuracy after each epoch, mean over five seeds, (10,) each."""
    started = [perceptron(64, [128], 10, seed) for seed in range(5)]
    members = [Member(net, images[:500].float(), given, seed, test_images.float(), unseen_labels)
               for seed, net in enumerate(started)]
    histories = train(members, Recipe(10, 64, 0.1, momentum=0.9, stop_at_fit=False))
    accuracies = [torch.stack([getattr(each, name) for each in histories]).mean(0)
                  for name in ("train_accuracy", "test_accuracy")]
    return accuracies[0], accuracies[1]


draw = torch.Generator().manual_seed(1)
random_test_labels, _ = theory.corrupt_labels(test_labels, 1.0, 10, "uniform", draw)
for name, given, unseen_labels in (("true", labels[:500], test_labels),
                                   ("random", random_labels[:500], random_test_labels)):
    seen, unseen = early(given, unseen_labels)
    for epoch in (1, 3, 10):
        print(f"{name:6} labels, epoch {epoch:2}: right on {seen[epoch - 1]:.0%} of the training "
              f"images and on {unseen[epoch - 1]:.0%} of new ones")

# %% [markdown]
# After one epoch each image has been seen once, and the network is nearly as often right on new images as on those: what it has
# learned then is not the examples but what they have in common. On random labels, where new images have random labels too, the
# two part within a few epochs. (At the end a network that has fitted true labels may have memorised some of them too: this run does not say.)

# %% [markdown] tags=["demo"]
# ### "Networks generalise because regularisation keeps them from memorising"
#
# The same network and digits, with three switches: weight decay (0.005, ten times the usual), dropout (half of the hidden units) and
# augmentation (each image moved by up to one pixel either way, anew in each batch), and a slider for early stopping. On the
# left the true labels, on the right random ones; the test labels are as true or as random as the training labels.
# 16 networks, one for each setting and labelling, trained when you run the cell.
#
# **Try**: *Nothing*, then each switch alone with *Weight decay*, *Dropout* and *Augmentation*, then *All three*. Then
# *Stop early*, and from there *Play*.
# **Look for**: which of them holds the blue line on the right up, and what it gains or costs on the left.

# %% tags=["demo"]
explorers.regularisers

# %% [markdown]
# <details><summary><b>Question</b>: which switch holds back random labels, and is it what makes the network good on true
# ones?</summary>
#
# With every switch off the training error on random labels reaches zero after some 50 epochs. (It may leave zero again: steps at a
# constant rate go on moving the network.) After 80 epochs weight decay leaves about a tenth wrong, up and down, and dropout
# about a fifth; moved images leave seven in ten: what is stored for one image must hold for nine. With all three hardly more than chance
# is fitted, and some of the true labels are not fitted either. So regularisation can prevent memorising.
#
# But look at the left with every switch off: 4 %. Nothing kept this network from memorising, and it is right on 96 of 100 new
# digits. No switch improves on that by more than the noise of 500 test images (their standard error is 0.9 points), and some
# settings cost several points. One network each: a point up or down means nothing here.
# </details>

# %%
regulariser_prediction.reveal(
    answer="Moving each image by up to a pixel",
    because="It leaves most random labels unfitted; dropout about a fifth of them, weight decay a "
    "tenth. But none of them is why the network is good on true labels: without any it is wrong on 4 % "
    "of new digits.",
)

# %% [markdown]
# ## 2.7 The experiment
#
# The paper's table 1 and figure 1: which networks fit which labels of CIFAR-10, how long it takes, and what the test error is.
# The training is the paper's as far as it is printed: the middle 28 x 28 pixels, each image less its mean and over its
# standard deviation, stochastic gradient descent with momentum 0.9, a learning rate of 0.01 (0.1 for the small Inception) times
# 0.95 after each epoch, no regulariser, the same for all inputs. The paper prints no batch size; ours is 128. Our images are a lossy copy (JPEG).
#
# A run has a size, its *preset*. The recorded run, of the preset `perceptrons`, was made on two CPU cores. It holds the paper's
# two multi-layer perceptrons (MLP 3 x 512: three hidden layers of 512 units), and 2,000 images of MNIST, five draws each, at a
# constant rate, so that no schedule is measured. A band is the range of the draws. The paper's two convolutional networks, a
# small Inception and a small AlexNet, are in the preset `full`, which is for a GPU. It has not been run.

# %%
record = load_record(experiment.RECORD)
plotting.show(figures.draw_record(record))
print("The recorded run:", record.provenance())

# %%
rows = experiment.ends(record.rows)
print("CIFAR-10: training / test accuracy (%)              paper          this run\n"
      "net          weights")
for (net, noise, crop), (train_accuracy, test_accuracy) in experiment.PAPER.items():
    setting = "random labels" if noise else "crop, weight decay" if crop else "no regulariser"
    ours = select(rows, study="table", net=net, noise=noise, crop=crop)
    here = "not run"
    if ours:
        here = f"{100 * ours[0]['train_accuracy']:.2f} / {100 * ours[0]['test_accuracy']:5.2f}"
    weights = sum(each.numel() for each in nets.make(net, 0).parameters() if each.requires_grad)
    print(f"{net:10} {weights:9,}  {setting:19} {train_accuracy:6.2f} / {test_accuracy:5.2f} "
          f"{here:>17}")

mnist = select(rows, dataset="mnist")
fits = [columns(select(mnist, noise=noise), "epochs_to_fit")[0] for noise in NOISES]
fits = torch.stack([torch.from_numpy(each) for each in fits])
print("\nMNIST, 2,000 images, MLP 1 x 512: epochs to no training error, times true labels")
for noise, mine in zip(NOISES, fits):
    ratio = mine / fits[0]
    print(f"noise {noise:4.0%}: {mine.min():.0f} to {mine.max():.0f} epochs, "
          f"{ratio.mean():.2f} times ({ratio.min():.2f} to {ratio.max():.2f} over five draws)")

print("\nCIFAR-10, MLP 3 x 512: epochs to no training error, test accuracy at the end, at best")
for (inputs, noise), (shown, *_) in figures.CELL_LOOKS.items():
    curve = select(record.rows, dataset="cifar10", net="mlp_3x512", inputs=inputs, noise=noise)
    best = max(curve, key=lambda row: row["test_accuracy"])
    print(f"{shown:24} {curve[-1]['epochs_to_fit'] or '-':>4} epochs {curve[-1]['test_accuracy']:8.1%} "
          f"{best['test_accuracy']:8.1%} after epoch {best['epoch']}")

# %% [markdown]
# **What agrees with the paper.** Three hidden layers fit true and random labels alike to the last of 50,000 images, with the test
# accuracies of the paper within two points. All six inputs are fitted; random and Gaussian pixels sooner than random labels, as
# the paper finds. The test error rises steadily with the noise. With half of the labels drawn anew the network is at its best
# after a few epochs, before it has fitted most of them. And what of regularisers? In the paper crop and weight decay take the
# small Inception from 85.75 to 89.05 % and the small AlexNet from 76.07 to 81.22 %: some points, not the whole. Those rows are
# theirs alone; we have not run them.
#
# **What does not, or not quite.**
#
# - *One hidden layer* is left with 2 % of the random labels and 0.05 % of the true ones after 100 epochs, the paper's with 0.66 %
#   and none. We do not know how long theirs trained, nor its batch size. More epochs would change little: at 0.95 an epoch all
#   rates together are worth 20 epochs at the first one, and those after the hundredth a tenth of one.
# - *The time.* For the same reason times on CIFAR-10 measure the schedule too, and the middle panel shows MNIST at a constant
#   rate. There random labels take about twice the time of true ones, on the digits about five times: the factor is small,
#   and it is no constant of nature. Nor does it grow steadily with the noise. A fifth of the labels is enough for all of it, in
#   every one of the five draws. The last wrong label decides when everything is fitted, and any amount of noise has a last one.
# - *Random pixels* leave more than chance on CIFAR-10: an image keeps its colours when its pixels are permuted. So they
#   are not inputs without anything to learn; Gaussian pixels are.
# - *Test accuracies* one or two points above the paper's, on a lossy copy of the images and from one draw: we do not know why.

# %% [markdown]
# Now the preset `fast`, on your machine: digits, a few seconds. Before you run it: in which of the three panels will the curves
# differ most from the record's?

# %%
yours = experiment.run_here()
plotting.show(figures.draw_record(yours))
print("Your run:", yours.provenance())

# %% [markdown]
# The time: on the digits it rises with the noise more steeply, and goes on rising. The two others look alike, and they are what
# the paper's argument needs.
#
# The other presets, in a terminal (CIFAR-10 is fetched once, 170 MB):
#
# ```
# course run random_labels --preset perceptrons --device auto --out results    # about an hour on two CPU cores
# course run random_labels --preset full --device cuda --out results
# ```

# %% [markdown]
# ## 2.8 In your own words
#
# ### Exercise 2.7: what bounds can say (15 minutes, difficulty 3, 3 points, graded by a person)
#
# A colleague says: "This network generalises on true labels because its class is not too rich: there is a theorem that bounds
# the test error by the training error plus the complexity of the class." Answer in five to ten sentences, with what you have
# measured. What does the bound say for this network on true labels, and what on random ones? Could a better bound of the
# same kind do better: one that looks only at the class and at $n$? What would a bound have to look at to tell the two apart?

# %% [markdown] nbgrader={"grade": true, "grade_id": "what_bounds_can_say", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# Training fits every random labelling of these inputs that we tried, so the class's empirical Rademacher complexity is about 1, the
# largest there is. The bound is then training error + 1 + something: above 1, and no error is. It says this on true labels,
# where the test error is a few per cent, and on random ones, where it is 90 %, in the same words.
#
# No better bound of this kind can help. The class, the inputs, $n$ and the training error are the same in both runs; whatever
# is computed from them is the same too, and has to be true of random labels as well, where the network is wrong nine times
# in ten. So it is 0.9 or more.
#
# To tell the two apart a bound has to look at something that differs: the labels (how well a simple function already
# predicts them), the function that training found (its norm, its margin, how far it can be compressed), or the algorithm
# that chose it among all that fit (how long it took, which solutions it prefers).
# ### END SOLUTION

# %% [markdown]
# <details><summary>When you have written yours: one answer</summary>
#
# Such a bound is made of the class, the inputs, $n$ and the training error. With random labels all four are the same, a
# training error of 0 included, and the network is then wrong nine times in ten (with two classes, every other time). A bound
# that holds for both cannot be lower, however well it is derived. What differs is the labels, and the network that was found: its
# weights have moved two to three times as far, for one thing. Bounds made of such quantities (norms, margins, how far a network can be
# compressed, what the algorithm prefers) are not refuted by this argument. Later lessons look at some.
# </details>

# %% [markdown] tags=["demo"]
# ## Recap
#
# 1. The same network, trained in the same way, fits true labels, random labels and pure noise. Fitting is no evidence of
#    learning.
# 2. $2n + d$ weights suffice to give $n$ inputs any labels, by construction; how large the weights must be is another matter.
# 3. Wrong labels on images that lie near each other took two to six times as many epochs as true ones; on Gaussian images, no
#    more. Measure it at a rate without steps.
# 4. A class that fits everything has Rademacher complexity 1, and a bound made of it is empty, on true labels too.
# 5. Networks that can memorise do not begin with it: what examples have in common is learned first, most wrong labels late.

# %% [markdown]
# ## Limits
#
# This lesson shows what does not explain generalisation, and offers no explanation. Random labels are one test of a class;
# that it passes them does not mean that training on true labels uses that freedom. "Small factor" is a measurement on small
# images and networks. The networks trained on this page have one or three hidden layers and no normalisation or attention, and
# the optimiser is stochastic gradient descent with momentum.
#
# ## Sources
#
# - C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals, *Understanding deep learning requires rethinking generalization*,
#   ICLR 2017, sections 2 and 3, theorem 1.
# - D. Arpit and others, *A closer look at memorization in deep networks*, ICML 2017.
# - P. Nakkiran and others, *Deep double descent*, ICLR 2020 (the other definition of label noise).
# - P. Bartlett, S. Mendelson, *Rademacher and Gaussian complexities*, JMLR 2002.
# - M. Mohri, A. Rostamizadeh, A. Talwalkar, *Foundations of Machine Learning*, 2nd edition, 2018, theorem 3.5.
# - The digits are from scikit-learn (UCI, E. Alpaydin and C. Kaynak); MNIST is by Y. LeCun, C. Cortes and C. Burges,
#   CIFAR-10 by A. Krizhevsky.
