# %% [markdown] tags=["demo"]
# # 2. Fitting random labels
#
# **If a network can fit any labels, what did fitting ever tell us?**

# %% tags=["demo"]
from course.random_labels import explorers

# %% tags=["demo"]
explorers.fitting

# %% [markdown] tags=["demo"]
# Here is one network, and five hundred handwritten digits. The network is trained twice, in the same way. The first
# time, each digit has its true label. The second time, every label is drawn at random. Press *Play*, or go to the end
# with *Both trained*. A label turns bold when the network gives it. (Before training, one is right by chance.)
#
# Both curves come down to zero. In the end the second network calls a two a seven, because it was told so. It takes
# longer, and nothing else about the training is different.
#
# **What did fitting tell you?** Suppose that you see only these two curves, at zero. How many *new* digits does each
# network get wrong? Decide, before you press *Ask about new images*.

# %% [markdown]
# ## 2.1 Your guess first

# %%
import torch

from course.random_labels import exercises, experiment, figures, theory
from utils import data, plotting
from utils.experiment import load_record
from utils.prediction import Prediction
from utils.training import Member, Recipe, perceptron, train

# %%
fit_prediction = Prediction(
    "Both networks give all of their 500 training images the labels that they were told. Now each is "
    "asked about 500 new digits. How many does it get wrong?",
    options=(
        "Both few: a network that fits has learned something",
        "True labels: few. Random labels: about half",
        "True labels: few. Random labels: nine in ten",
    ),
)
fit_prediction

# %% [markdown]
# Now press the button *Ask about new images* above. The next cell compares with your guess.

# %%
fit_prediction.reveal(
    answer="True labels: few. Random labels: nine in ten",
    because="There is nothing to learn from random labels that would help with a new digit, so the "
    "second network is as wrong as a guess. Both have a training error of zero. So that number alone "
    "says nothing about new images.",
)

# %% [markdown]
# This is the argument of a paper that surprised many people (Zhang and others, 2017). The size of the network, its
# training and the number of images are the same in both runs. So none of these alone can be the reason why the first
# network is good.
#
# **You will be able to**
#
# - replace labels by wrong ones by either of the two definitions in use, and convert between them;
# - build a network that memorises any labels, and count its weights;
# - measure fairly how long a network takes to fit its labels;
# - compute how rich a class of functions is (its Rademacher complexity), and say why bounds made of this number say
#   nothing here;
# - say what a network that can memorise learns first, and what last.
#
# **You need** PyTorch, and you should know what cross-entropy and stochastic gradient descent are. Lesson 1 helps,
# but you do not need it. **Time**: about two and a half hours, an hour and a half of them for the exercises.
# **Machine**: any laptop. The notebook runs from top to bottom in about half a minute; it needs no GPU and no
# internet connection.

# %% [markdown]
# ## 2.2 Two weights for each label are enough
#
# How can a network store labels that follow no rule? In the smallest case you can do it by hand. Take three inputs on
# a line, $z = 0, 1, 2$, with any labels, say $1, -1, 2$.
#
# A ReLU unit $\max(z - b, 0)$ is zero up to its *bias* $b$, and a rising line after it. Let the first unit begin
# before the first point, and each other unit at the point before its own: $b = -1, 0, 1$. Now choose the output
# weights from left to right.
#
# - At $z = 0$ only the first unit is on, with the value 1. The label is 1, so $w_1 = 1$.
# - At $z = 1$ the first unit gives 2, and the second gives 1. The label is $-1 = 2 w_1 + w_2$, so $w_2 = -3$.
# - At $z = 2$ the units give 3, 2 and 1. The label is $2 = 3 w_1 + 2 w_2 + w_3$, so $w_3 = 5$.
#
# Each new point brings one new unknown, and its coefficient is not zero. So this works for any labels: the system of
# equations is triangular.
#
# Images are not numbers on a line. But $z = a^\top x$ is a number, and for almost every direction $a$ no two images
# share it. All units can use the same direction. So $n$ images of $d$ pixels need $d$ weights for $a$, then $n$
# biases and $n$ output weights:
#
# **Theorem 1** (Zhang and others). A ReLU network with one hidden layer and $2n + d$ weights can give any $n$
# different inputs in $d$ dimensions any labels.

# %% [markdown] tags=["demo"]
# ### Unit after unit, the line bends through the next label
#
# Here are six points with six labels; open circles are labels still to come. The blue line is the network with the
# units that it has so far. The dashed line is the network without the newest unit. The dotted lines are the biases,
# where the line bends. The other panel shows the output weights, on an axis that is logarithmic away from zero.
#
# **Try**: press *Play*, and the network is built. Then press *Label 4 up*, and watch how many weights change. Then
# compare *Two points close* with *All six units*. At last press *Bends half-way*: the theorem only asks that each
# bend after the first lies between two points.
#
# **Look for**: which weights change when one label moves, how large they become, and what the network does between
# the points.

# %% tags=["demo"]
explorers.memory

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: label 4 moves. Which weights change, and why do the first three not
# change?</summary>
#
# The fourth, fifth and sixth change. The first three were fixed at the first three points, where unit 4 is still
# zero. Unit 4 brings the line to label 4. But a unit is a line that never ends, so the next two units must take back
# what it does further to the right.
# </details>
#
# <details><summary><b>Question</b>: the bends move half-way. The network still fits all six labels exactly. What has
# changed?</summary>
#
# Only what happens between the points, where there are no labels. With a bend at each point, the line is straight
# from one point to the next. With the bends half-way it shoots too far, makes up for it with a larger weight, and
# shoots further still.
#
# The labels do not choose between the two, and the number of weights does not choose either. Whoever built the
# network chose. For a trained network, the training chooses. What it prefers is the question of this course.
# </details>

# %% [markdown]
# How large must the weights be? Add a fourth point with label 0 to the three above, and let it move towards the third
# one, at $z = 2$. Before you run the cell: what does the fourth weight do when the distance becomes ten times
# smaller?

# %%
y = torch.tensor([1.0, -1.0, 2.0, 0.0], dtype=torch.float64)
gaps = torch.logspace(-3, 0, 13, dtype=torch.float64)
largest = []
for gap in gaps:
    z = torch.tensor([0.0, 1.0, 2.0, 2.0 + float(gap)], dtype=torch.float64)
    biases, outputs = theory.memorising_weights(z, y)
    assert torch.allclose((z[:, None] - biases).relu() @ outputs, y)  # an exact fit, every time
    largest.append(float(outputs.abs().max()))
plotting.show(figures.draw_gaps(gaps, largest))

# %% [markdown]
# It becomes ten times larger, once the points are close. The *number* of weights depends only on how many labels
# there are. Their *size* depends on how close two points with different labels lie.
#
# ## 2.3 Wrong labels take time, where images are alike

# %%
time_prediction = Prediction(
    "In the first picture true labels took about 10 epochs, and random labels about 50. (An epoch is "
    "one pass over the data.) Now only a fifth of the labels is drawn at random. How many epochs until "
    "every training image has the label that it was given?",
    options=(
        "About 20: a fifth of the way",
        "About 40: most of the way",
        "More than 60: contradictions are hardest to learn",
    ),
)
time_prediction

# %% [markdown] tags=["demo"]
# ### Any labels, any pixels: all of it is fitted
#
# The same five hundred digits and the same kind of network. You choose which part of the labels is *drawn anew*, at
# random from all ten classes. You also choose the pixels. *Shuffled* moves the pixels by one permutation for all
# images. *Random* takes a new permutation for each image. *Gaussian* replaces the pixels by noise. New digits are
# treated in the same way, and always have their true labels.
#
# Each setting is trained from three random starts (*seeds*), until its training error is zero.
#
# **Try**: *True labels*, *All drawn anew* and *Two fifths anew*, and press *Play* in each to go through the epochs.
# Then the other inputs: *Shuffled pixels*, *Random pixels* and *Gaussian pixels*.
#
# **Look for**: whether any training curve stays above zero, when the error on new digits turns upwards, and which
# inputs are fitted as fast as true labels.

# %% tags=["demo"]
explorers.noise

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: with two fifths drawn anew, the error on new digits is smallest after about five
# epochs. What does the network know then, and what does it do afterwards?</summary>
#
# At that time it gets only about one new digit in eight wrong, although more than a third of its labels are wrong. So
# it knows the digits, and not yet the noise. In the following forty epochs it learns the wrong labels, and the error
# on new digits rises to nearly the share of wrong labels. It learns first what many images have in common, and later
# what is special about one.
# </details>
#
# <details><summary><b>Question</b>: random and Gaussian pixels contain next to nothing to learn. Why are they fitted
# as fast as true labels, when random labels on real digits are not?</summary>
#
# Digits lie near each other, and random images do not: the next picture of the lesson measures it. To give two near
# images different labels, a network must be steep between them, and this takes large weights. So it may be the
# contradictions between neighbours that take the time, and not the missing rule. Zhang and others suggest the same.
# These runs do not prove it.
# </details>
#
# <details><summary><b>Question</b>: why do the curves of unchanged and of shuffled pixels nearly coincide?</summary>
#
# In this network every pixel is connected with every hidden unit, so it does not know which pixels are neighbours.
# One permutation for all images only gives its weights other names. A convolutional network would notice the
# difference.
# </details>
#
# <details><summary><b>Question</b>: all labels are drawn anew. Why is the error on new digits not 90 % in each
# run?</summary>
#
# Some random labels are right by chance. Digits also come in groups of similar ones: where the labels of a group
# happen to lean to the true class, many new digits follow. Over many draws the average is 90 %.
# </details>

# %%
time_prediction.reveal(
    answer="About 40: most of the way",
    because="Every setting is fitted. A fifth of the labels brings most of the extra time. From there "
    "on, more wrong labels add little.",
)

# %% [markdown]
# How near are images to each other? The next cell takes five hundred digits, and the same number of images with
# random and with Gaussian pixels. For each image it finds the one whose direction is most similar, and measures the
# cosine of the angle between the two. (From here on, each image has its mean subtracted and is divided by its
# standard deviation. The paper calls this *whitened*.)

# %%
digits = data.load("digits")
images = experiment.whitened(digits.train_images, "digits").flatten(1).double()  # (1297, 64)
test_images = experiment.whitened(digits.test_images, "digits").flatten(1).double()  # (500, 64)
labels, test_labels = torch.from_numpy(digits.train_labels), torch.from_numpy(digits.test_labels)

neighbours = {"digits": images[:500]}
for name, kind in (("random pixels", "random_pixels"), ("Gaussian pixels", "gaussian")):
    pictures, draw = images[:500].view(500, 8, 8), torch.Generator().manual_seed(0)
    neighbours[name] = theory.corrupt_inputs(pictures, kind, draw).flatten(1)

cosines = {}
for name, inputs in neighbours.items():
    directions = torch.nn.functional.normalize(inputs)
    similar = directions @ directions.T - 2 * torch.eye(500)  # an image is not its own neighbour
    cosines[name] = similar.amax(1)
plotting.show(figures.draw_neighbours(cosines))


# %% [markdown]
# Almost every digit has a close neighbour, and hardly any random image has one. This fits the guess above: where no
# two inputs are close, any labels are fitted fast.
#
# ## 2.4 Exercises: noise, and a network that memorises it
#
# Each exercise says how many minutes it should take, and how difficult it is, from 1 to 5. Write your answer, run its
# cell, then run the check below it. A check tells you what went wrong. It never takes points away, and every later
# cell runs even if you skip an exercise. Do not loop over examples: the check stops a function that calls torch more
# than 1,000 times.
#
# ### Exercise 2.1: two definitions of label noise (10 minutes, difficulty 2, 2 points)
#
# "A fifth of the labels is noise" can mean two things. Zhang and others draw each chosen label anew from *all*
# classes: call this `"uniform"`. Nakkiran and others draw it from the classes that are *wrong*: call this
# `"incorrect"`. Write both. You are given which labels to replace, and for each label a random number from 0 up to 1:
# turn it into a class.

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
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "noisy_labels_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.noisy_labels.check(noisy_labels)

# %% [markdown]
# <details><summary>I can't see how to leave one class out</summary>
#
# `(draws * m).long()` is a uniform whole number from 0 to m - 1. Draw a *step* from 1 to classes - 1, add it to the
# label, and take the remainder after division by `classes`.
# </details>
#
# The next picture is drawn with your function. It replaces every label of a hundred thousand, and counts which class
# became which.

# %%
both_kinds = exercises.noisy_labels.use(noisy_labels)
draw = torch.Generator().manual_seed(0)
before = torch.randint(10, (100_000,), generator=draw)
draws = torch.rand(100_000, generator=draw, dtype=torch.float64)
kinds = {}
for name, after in zip(("uniform", "incorrect"), both_kinds(before, draws < 1, draws, 10)):
    kinds[name] = torch.bincount(10 * before + after, minlength=100).view(10, 10)
plotting.show(figures.draw_noise_kinds(kinds))


# %% [markdown]
# Look at the diagonal. With uniform noise a tenth of the replaced labels are right by chance. With incorrect noise
# none is.
#
# ### Exercise 2.2: from one definition to the other (5 minutes, difficulty 1, 1 point)
#
# A paper reports incorrect noise of a fraction $p$. Your code makes uniform noise. Which fraction do you choose, so
# that as many labels change? With few classes there may be none.

# %% nbgrader={"grade": false, "grade_id": "same_noise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def same_noise(incorrect: torch.Tensor, classes: int) -> torch.Tensor:
    """The fraction of uniform noise that changes as many labels, on average, as incorrect noise does.

    Args:
        incorrect: fractions between 0 and 1, (m,).
        classes: how many there are.

    Returns:
        Fractions, (m,); torch.inf where no uniform noise changes so many.
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "same_noise_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.same_noise.check(same_noise)

# %% [markdown]
# Your function, for three numbers of classes:

# %%
uniform_for = exercises.same_noise.use(same_noise)
incorrect = torch.linspace(0, 1, 101, dtype=torch.float64)
plotting.show(figures.draw_same_noise(incorrect, {c: uniform_for(incorrect, c) for c in (2, 4, 10)}))


# %% [markdown]
# With two classes, uniform noise changes at most half of the labels. From here on noise is uniform, as in the paper,
# and "random labels" are right for one image in ten.
#
# ### Exercise 2.3: the network of theorem 1 (20 minutes, difficulty 4, 3 points)
#
# Write what section 2.2 did by hand, for any number of points: the biases and the output weights. The check asks
# whether your network gives every point its label.

# %% nbgrader={"grade": false, "grade_id": "memorising_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def memorising_weights(z: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Biases b and outputs w with sum_j w_j max(z_i - b_j, 0) = y_i for every i.

    Args:
        z: numbers that rise, (n,).
        y: their labels, (n,).

    Returns:
        b and w, each (n,).
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "memorising_weights_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.memorising_weights.check(memorising_weights)

# %% [markdown]
# <details><summary>I can't see where the biases go</summary>
#
# $b_1 < z_1 \le b_2 < z_2 \le \dots$: the first before all points, and every other one at the point before its own.
# Then put the values of all units at all points into an $n \times n$ matrix, and look at its shape.
# </details>
#
# Now on real images. Your function builds a network for five hundred digits, once with random and once with true
# labels. It uses a direction on which no two images lie too close. The third network puts its bends half-way between
# the points. What does each say about new digits?

# %%
memorise = exercises.memorising_weights.use(memorising_weights)
random_labels, _ = theory.corrupt_labels(labels, 1.0, 10, "uniform", torch.Generator().manual_seed(0))

a = theory.memorising_network(images[:500], labels[:500]).direction.detach()
z, order = (images[:500] @ a).sort()
answers = {}
for name, given in (("Random labels", random_labels), ("True labels", labels)):
    b, w = memorise(z, given[order].double())
    assert ((z[:, None] - b).relu() @ w - given[order]).abs().max() < 1e-5  # every training image
    answers[name] = ((test_images @ a)[:, None] - b).relu() @ w

half_way = theory.memorising_network(images[:500], labels[:500], bend=0.5)
answers["True labels, bends half-way"] = half_way(test_images).detach()
plotting.show(figures.draw_answers(test_labels, answers))


# %% [markdown]
# Every training image gets its label, to five decimals, with weights as large as a hundred thousand. On new images
# there is no sign of knowledge: the points should lie on the black steps, and they lie anywhere. (An answer counts as
# right if the class is the nearest whole number.) True labels hardly help, since this network takes labels as they
# come. With the bends half-way, it answers in the hundreds when a class from 0 to 9 was asked for.
#
# So a fit with two weights for each example is no evidence of knowledge. It can be built without any training.
#
# ## 2.5 Exercises: what fitting takes, and what it tells
#
# ### Exercise 2.4: time to fit (12 minutes, difficulty 3, 2 points)
#
# How much longer does noise take? Count the epochs until every training example is right.
#
# There is one trap. Many schedules cut the learning rate at some epoch, and at this cut every run that was nearly
# finished reaches zero error. Suppose that a schedule cuts at epoch 150, and two runs fit at epochs 151 and 154. This
# does not show that noise is no harder. It shows the schedule.
#
# So define: an epoch is a *step* when its learning rate is half or less of the rate of the epoch before. A fit counts
# only in an epoch before the first step.

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
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "time_to_fit_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.time_to_fit.check(time_to_fit)

# %% [markdown]
# <details><summary>I can't see how to say "never"</summary>
#
# Put the number of the epoch where a run fits, and `torch.inf` elsewhere. Then take the smallest number of each row.
# </details>
#
# Use it: six levels of noise, five seeds each, at a constant learning rate. The thirty networks are trained together,
# and each takes exactly the steps that it would take alone (`utils/training.py`). For each network the cell also
# measures how far training has moved its weights: the length of the difference between the last weights and the
# first.

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
moved = []
for row, history, member in zip(curves, histories, members):
    row[: len(history.train_accuracy)] = history.train_accuracy
    first = perceptron(64, [128], 10, member.seed)
    steps = [now - start for now, start in zip(member.net.parameters(), first.parameters())]
    moved.append(torch.cat([step.detach().flatten() for step in steps]).norm())

rates = torch.full((recipe.epochs,), recipe.learning_rate)
epochs = exercises.time_to_fit.use(time_to_fit)(curves, rates)
plotting.show(figures.draw_time_and_distance(NOISES, epochs.view(6, 5), torch.stack(moved).view(6, 5)))


# %% [markdown]
# The time jumps with the first wrong labels, and then hardly grows. The distance grows with every level of noise, at
# first fast and then slowly. It is a second difference between the two networks of the first picture: the one with
# random labels has moved nearly three times as far from its start. (It has also been trained for longer.)
#
# ### Exercise 2.5: the complexity of a class (15 minutes, difficulty 3, 3 points)
#
# Can theory still promise something about new inputs? It asks how rich the set of functions is that a network can
# become. Such a set is called a *class of functions*, $H$. (It has nothing to do with the ten classes of digits.)
# Learning theory has a number for "can fit any labels". Give the $n$ inputs random signs $\sigma_i = \pm 1$, and let
# the class choose the function that agrees best. The mean over all sign vectors is the *empirical Rademacher
# complexity* of the class:
#
# $$\hat{\mathfrak R}(H) = \mathrm{E}_\sigma \max_{h \in H} \frac1n \sum_{i=1}^n \sigma_i\, h(x_i).$$
#
# For functions with the values $\pm 1$ it lies between 0 and 1. A class that agrees with pure chance may agree with
# the training labels by chance too, and then a small training error says little. This is why the number bounds the
# error on new inputs. For two kinds of labels, with probability $1 - \delta$, every $h$ of the class has (Mohri and
# others, theorem 3.5)
#
# $$\text{error} \le \text{training error} + \hat{\mathfrak R}(H) + 3 \sqrt{\log(2 / \delta) / (2n)}.$$
#
# For a finite class, write one row for each function, with its values at the inputs. Take the mean over all $2^n$
# sign vectors: `itertools.product((-1.0, 1.0), repeat=n)` lists them, and you can make one matrix of them, $2^n
# \times n$, with the dtype of the values.

# %% nbgrader={"grade": false, "grade_id": "rademacher", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rademacher(values: torch.Tensor) -> torch.Tensor:
    """The empirical Rademacher complexity of a finite class, over all 2^n sign vectors.

    Args:
        values: row h holds h(x_1) ... h(x_n), (functions, n); n is small.

    Returns:
        The complexity, a tensor of shape ().
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "rademacher_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.rademacher.check(rademacher)

# %% [markdown]
# Your function measures two classes on ten points of a line. The first has all thresholds: −1 up to some point, and
# +1 after it. The second has all $2^{10}$ labellings. Then comes the network of this lesson. Nobody can list all its
# functions, but we can train it on random signs. This gives a lower bound, since the best function of the class
# agrees at least as well as the one that training finds.

# %%
from itertools import product

complexity = exercises.rademacher.use(rademacher)
thresholds = 1 - 2 * torch.ones(11, 10, dtype=torch.float64).tril(-1)
labellings = torch.tensor(list(product((-1.0, 1.0), repeat=10)), dtype=torch.float64)
network = theory.trained_rademacher_complexity(
    lambda seed: perceptron(64, [128], 2, seed), images[:500].float(), recipe, range(5))
complexities = {
    "thresholds on 10 points": float(complexity(thresholds)),
    "all labellings of 10 points": float(complexity(labellings)),
    "128 hidden units on 500 digits": network.value,
}
bound = theory.risk_bound(0.0, network.value, 500)  # of a network that fits, with probability 0.95
plotting.show(figures.draw_complexities(complexities, bound))


# %% [markdown]
# The network fitted all five draws of signs, so its complexity is estimated as 1, the largest value there is. The
# bound for a network without training error is then larger than 1. It says nothing, since no network is wrong more
# often than always. Could a better bound say more? Exercise 2.7 asks you.
#
# ### Exercise 2.6: simple examples first (12 minutes, difficulty 3, 2 points)
#
# If *that* a network fits says nothing, look at *how* it fits. Arpit and others ask which examples a network learns
# easily. On this page an example is learned at the epoch from which the network is right about it until the end.

# %% nbgrader={"grade": false, "grade_id": "learned_at", "locked": false, "schema_version": 3, "solution": true, "task": false}
def learned_at(correct: torch.Tensor) -> torch.Tensor:
    """The epoch from which each example is right to the end.

    Args:
        correct: whether each example is right after each epoch, (epochs, n), bool.

    Returns:
        Epochs counted from 1, (n,), float64; torch.inf where an example is wrong at the end.
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "learned_at_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.learned_at.check(learned_at)


# %% [markdown]
# Use it on five hundred digits, of which a fifth have labels drawn anew. The network is trained one epoch at a time,
# so that we can look at every example after each epoch.

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
when = torch.stack([learned(follow(noisy, seed)) for seed in range(5)]).mean(0)  # over five networks
plotting.show(figures.draw_learned(when, wrong))

# %% [markdown]
# Most right labels are learned in the first few epochs, and nearly all wrong ones come late. Nobody told the network
# which labels to trust. (Labels that were drawn anew and are right by chance count as right.) Among the right labels,
# too, some come late. Which ones?

# %%
plotting.show(figures.draw_first_and_last(images[:500].view(500, 8, 8), labels[:500], when, wrong))

# %% [markdown]
# Some of the last ones look odd, and others look plain. Perhaps these have neighbours with wrong labels. The next
# cell looks at the three nearest images of each.

# %%
nearest = torch.cdist(images[:500], images[:500]).topk(4, largest=False).indices[:, 1:]  # not itself
beside_wrong = wrong[nearest].any(1)
right = (~wrong).nonzero().flatten()
latest = right[when[right].argsort(stable=True)[-10:]]
print(f"A wrong label among the three nearest: {int(beside_wrong[latest].sum())} of the last ten, "
      f"and {beside_wrong[right].double().mean():.0%} of all right labels")

# %% [markdown]
# So the right labels that come last are those that wrong labels contradict.
#
# ## 2.6 What people get wrong
#
# ### "Random labels need a bigger network, or far more time"
#
# You measured the time. It was the same network and the same training, and a few times as many epochs. What about the
# size? Make the network smaller until random labels no longer fit, and compare it with true labels.

# %%
WIDTHS = (8, 16, 32, 64, 128, 256)
members = []
for width in WIDTHS:
    for given in (labels[:500], random_labels[:500]):
        for seed in range(3):
            members.append(Member(perceptron(64, [width], 10, seed), images[:500].float(), given, seed))
histories = train(members, Recipe(epochs=300, batch_size=64, learning_rate=0.1, momentum=0.9))
error = torch.tensor([1 - float(history.train_accuracy[-1]) for history in histories])
true, random = error.view(len(WIDTHS), 2, 3).unbind(1)
plotting.show(figures.draw_widths(WIDTHS, true, random))


# %% [markdown]
# So there is some truth in it. The two smallest networks fit true labels and not random ones, at least not in three
# hundred epochs. But all larger ones fit both, or nearly. (Even the network with 16 hidden units has more weights
# than the 1,064 of theorem 1. But the theorem's network has one unit for each image, and it was built, not trained.
# That such weights exist does not mean that training finds them.) And the networks that people train are far above
# this line: those of the paper have at least 24 weights for each label of CIFAR-10.
#
# ### "A network that can memorise noise memorises real data in the same way"
#
# A network must store random labels one by one. Suppose that it stored true labels in the same way. Then, early in
# training, it would know the examples that it has stored, and no others. So compare the examples that it has seen
# with new ones, while it learns. For the network with random labels the new images have random labels too.

# %%
def early(given: torch.Tensor, unseen_labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Accuracy on seen and on new images after each epoch, mean over five seeds, (10,) each."""
    started = [perceptron(64, [128], 10, seed) for seed in range(5)]
    members = [Member(net, images[:500].float(), given, seed, test_images.float(), unseen_labels)
               for seed, net in enumerate(started)]
    histories = train(members, Recipe(10, 64, 0.1, momentum=0.9, stop_at_fit=False))
    seen = torch.stack([history.train_accuracy for history in histories])
    new = torch.stack([history.test_accuracy for history in histories])
    return seen.mean(0), new.mean(0)


draw = torch.Generator().manual_seed(1)
random_test_labels, _ = theory.corrupt_labels(test_labels, 1.0, 10, "uniform", draw)
plotting.show(figures.draw_seen_and_unseen({
    "True labels": early(labels[:500], test_labels),
    "Random labels": early(random_labels[:500], random_test_labels),
}))

# %% [markdown]
# With true labels the two curves rise together. After one epoch the network is nearly as good on new images as on
# those it has seen. So what it has learned by then is not the single examples, but what they have in common. With
# random labels the curves part from the first epochs on: that is memorising.
#
# (At the end, a network that has fitted true labels may have memorised some of them too. This run does not show
# whether it has.)
#
# ### "Networks generalise because regularisation keeps them from memorising"
#
# *Regularisation* is anything that makes fitting harder, in the hope of a better answer on new data. A guess first.

# %%
regulariser_prediction = Prediction(
    "Which of these does most to keep the network of this lesson from fitting random labels?",
    options=(
        "Weight decay",
        "Dropout",
        "Moving each image by up to a pixel",
        "None of them hinders it",
    ),
)
regulariser_prediction

# %% [markdown] tags=["demo"]
# ### What keeps a network from memorising, and does it help?
#
# The same network and digits, with three switches. *Weight decay* pulls all weights towards zero, with ten times the
# usual strength (0.005). *Dropout* switches off half of the hidden units at random in each step. *Augmentation* moves
# each image by up to one pixel, anew in each batch. A slider stops the training early.
#
# One panel shows the network with true labels, and the other the network with random labels. With random labels, the
# new images have random labels too.
#
# **Try**: *Nothing*, then each switch alone with *Weight decay*, *Dropout* and *Augmentation*, then *All three*.
# Press *Stop early*, and from there *Play*.
#
# **Look for**: which of them keeps the blue curve of the random labels up, and what it gains or costs with true
# labels.

# %% tags=["demo"]
explorers.regularisers

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: which switch keeps the network from fitting random labels, and is it what makes
# the network good with true labels?</summary>
#
# With every switch off, the training error on random labels comes down to zero. (It may rise a little again: at a
# constant learning rate the steps go on moving the network.) At the end, weight decay leaves about a tenth of the
# labels unfitted, and dropout about a fifth. With augmentation most of them stay unfitted, since what is stored for
# one image must hold for nine. So regularisation can prevent memorising.
#
# But look at true labels with every switch off. Nothing kept this network from memorising, and it gets only one new
# digit in twenty-five wrong. No switch improves on that by more than chance, and some settings make it worse. (Each
# setting is a single network, and there are five hundred new digits. A difference of a point or two means nothing
# here.)
# </details>

# %%
regulariser_prediction.reveal(
    answer="Moving each image by up to a pixel",
    because="It leaves most random labels unfitted; dropout about a fifth of them, weight decay a "
    "tenth. But none of them is why the network is good on true labels: without any it is wrong on 4 % "
    "of new digits.",
)

# %% [markdown]
# ## 2.7 The experiment: fifty thousand images
#
# The paper trains networks on CIFAR-10, small colour photographs of ten kinds of things, with true labels, random
# labels and random pixels. So do we. Our recorded run has the paper's two fully connected networks. It also has two
# thousand images of MNIST, with five draws of the noise, at a constant learning rate. (The paper's two convolutional
# networks wait for a GPU. They have not been run.)

# %%
record = load_record(experiment.RECORD)
print("The recorded run:", record.provenance())

# %% [markdown]
# ### Every labelling is fitted, as in the paper

# %%
plotting.show(figures.draw_beside_paper(record))

# %% [markdown]
# The rings are the paper's values, and the dots are ours. *MLP 3 x 512* has three hidden layers of 512 units;
# *Inception* and *AlexNet* are the paper's two convolutional networks. (The left axis begins at 98 %.) The network
# with three hidden layers fits true and random labels to the last of fifty thousand images, and its accuracy on new
# images is within two points of the paper's. Look also at the paper's rows with *crop* (a random part of each image,
# a kind of augmentation) and *weight decay*: regularisation adds some points on new images, and not the whole.
#
# <details><summary><b>For the curious</b>: where we differ from the paper</summary>
#
# *One hidden layer.* Ours leaves 2 % of the random labels unfitted after a hundred epochs, and the paper's 0.7 %. We
# do not know how long theirs was trained, nor its batch size. More epochs would change little: the learning rate
# falls by a twentieth in each epoch, and by then it is almost zero.
#
# *New images.* Our accuracy is one or two points above the paper's, on a compressed copy of the images and from one
# draw. We do not know why.
#
# *Training.* As far as the paper prints it, ours is the same: the middle of each image, whitened; stochastic gradient
# descent with momentum; a learning rate that is multiplied by 0.95 after each epoch; no regulariser. The paper prints
# no batch size; ours is 128.
# </details>
#
# ### Wrong labels take about twice as long, and a fifth of them is enough

# %%
plotting.show(figures.draw_times(record))

# %% [markdown]
# On MNIST, random labels take about twice the time of true ones. On the digits above it was about five times: the
# factor is small, and it is not the same everywhere. It does not grow steadily with the noise either. In every one of
# the five draws, a fifth of the labels takes even longer than all of them.
#
# (On CIFAR-10 the times would measure the schedule too, since its learning rate falls from epoch to epoch. That is
# why this picture shows MNIST.)
#
# ### With wrong labels, the best epoch comes early

# %%
plotting.show(figures.draw_best_epochs(record))

# %% [markdown]
# Each ring marks the best epoch on new images. With true labels it is at the end. With half of the labels drawn anew
# it comes after a few epochs, before most wrong labels are fitted, and from there the network loses a third of what
# it knew.
#
# Random pixels surprise at first: the network does better than a guess. A photograph whose pixels are moved keeps its
# colours, so there is something to learn. With Gaussian pixels there is nothing.
#
# ### Now on your machine
#
# The next cell makes a small version of the same study, on the digits. It keeps its record in the folder `results`.
# The recorded run comes first, then yours; grey bands show the range of the draws. Before you run it: which of the
# three panels will differ most?

# %%
yours = experiment.run_here()

# %%
plotting.show(figures.draw_record(record))
plotting.show(figures.draw_record(yours))
print("Your run:", yours.provenance())

# %% [markdown]
# The time differs most: on the digits it rises more, and goes on rising. In the other two panels the curves have
# other shapes and say the same: every labelling is fitted, and more noise means more error on new images. This is
# what the paper's argument needs. The larger runs, in a terminal (CIFAR-10 is fetched once, 170 MB):
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
# A colleague says: "This network generalises on true labels because its class of functions is not too rich. There is
# a theorem that bounds the test error by the training error plus the complexity of the class." Answer in five to ten
# sentences, with what you have measured. What does the bound say for this network on true labels, and what on random
# ones? Could a better bound of the same kind do better, one that looks only at the class and at $n$? What would a
# bound have to look at to tell the two apart?

# %% [markdown] nbgrader={"grade": true, "grade_id": "what_bounds_can_say", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# *Write your answer here.*

# %% [markdown]
# <details><summary>When you have written yours: one answer</summary>
#
# Such a bound is made of the class of functions, the inputs, $n$ and the training error. With random labels all four
# are the same as with true labels, and the training error is zero in both cases. But with random labels the network
# is wrong nine times in ten. A bound that holds for both cannot be lower than that, however well it is derived.
#
# Two things do differ: the labels, and the network that was found. Its weights have moved further, for one thing.
# Bounds made of such quantities are not refuted by this argument: norms, margins (how clearly the right answer wins),
# how far a network can be compressed, what the algorithm prefers. Later lessons look at some of them.
# </details>

# %% [markdown] tags=["demo"]
# ## Recap
#
# 1. The same network, trained in the same way, fits true labels, random labels and pure noise. So fitting is no
#    evidence of learning.
# 2. A network with $2n + d$ weights can give $n$ inputs any labels, by construction. How large its weights must be is
#    another matter.
# 3. Wrong labels on images that lie near each other take a few times as many epochs as true ones. On Gaussian images
#    they take no more. Measure this at a constant learning rate.
# 4. A class of functions that fits everything has Rademacher complexity 1. A bound made of it is empty, for true
#    labels too.
# 5. Networks that can memorise do not begin with it. They learn first what examples have in common, and most wrong
#    labels late.

# %% [markdown]
# ## Limits
#
# This lesson shows what does not explain generalisation. It does not offer an explanation. Random labels are one test
# of a class of functions. That the class passes this test does not mean that training on true labels uses all its
# freedom.
#
# "A few times as many epochs" was measured on small images and small networks. The networks that we trained have one
# or three hidden layers, without normalisation or attention, and the optimiser is stochastic gradient descent with
# momentum.
#
# ## Sources
#
# - C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals, *Understanding deep learning requires rethinking
#   generalization*, ICLR 2017, sections 2 and 3, theorem 1.
# - D. Arpit and others, *A closer look at memorization in deep networks*, ICML 2017.
# - P. Nakkiran and others, *Deep double descent*, ICLR 2020 (the other definition of label noise).
# - P. Bartlett, S. Mendelson, *Rademacher and Gaussian complexities*, JMLR 2002.
# - M. Mohri, A. Rostamizadeh, A. Talwalkar, *Foundations of Machine Learning*, 2nd edition, 2018, theorem 3.5.
# - The digits are from scikit-learn (UCI, E. Alpaydin and C. Kaynak); MNIST is by Y. LeCun, C. Cortes and C. Burges,
#   CIFAR-10 by A. Krizhevsky.
