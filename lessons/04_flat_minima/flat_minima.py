# %% [markdown] tags=["demo"]
# # 4. The Laplace approximation of flat minima
#
# **What, exactly, is a flat minimum worth, and in what unit?**

# %% tags=["demo"]
from course.flat_minima import explorers

# %% tags=["demo"]
explorers.peak

# %% [markdown] tags=["demo"]
# A model has one weight. The blue curve is its *likelihood*: it says how well each value of the weight explains the
# data. The dashed curve is the *prior*: it says which values we believed in before we saw the data. Press *Play*. The
# blue peak becomes wider, and its height, which is the best fit, stays the same. A grey curve keeps the place where
# it began.
#
# The *evidence* is the average of the likelihood over the prior. A wide peak has more weights that explain the data,
# so its evidence is higher. The meter counts how much its logarithm gains, in bits.
#
# **What is a peak worth that is twice as wide?** Press *Twice the variance* and *Twice the deviation*. Now imagine a
# prior that is ten times narrower than the grey peak (in standard deviation). What will the meter show if the
# variance of the peak doubles? Decide, and answer the question below. Then come back and press *A prior ten times
# narrower*.

# %% [markdown]
# ## 4.1 Your guess first

# %%
import math

import torch
from torch.distributions import MultivariateNormal

from course.flat_minima import exercises, experiment, figures, nets, rescaling, theory
from utils import plotting
from utils.experiment import load_record
from utils.prediction import Prediction

# %%
width_prediction = Prediction(
    "The variance of the likelihood's peak doubles. The fit stays the same. The prior is ten times "
    "narrower than the peak. What does the log evidence gain?",
    options=("Half a bit", "A whole bit", "Almost nothing"),
)
width_prediction

# %% [markdown]
# The answer comes at the end of section 4.3.
#
# **You will be able to**
#
# - compute what a minimum is worth, in nats or in bits, from its curvature and a prior;
# - say which part of a net's curvature the data decide, and count these directions;
# - change the flatness of a net without changing its function, and say what that proves;
# - tell where the Gaussian picture of a minimum is wrong, and measure what is right there.
#
# **You need** linear algebra (eigenvalues, determinant), Gaussian densities, and a little PyTorch. **Time**: about
# three hours, two of them for the exercises. **Machine**: any laptop. The notebook runs from top to bottom in less
# than a minute; it needs no GPU and no network.

# %% [markdown]
# ## 4.2 One weight, by hand
#
# The smallest case has one weight $w$ and two examples, $y_i = w\,x_i$ plus noise of deviation one. The prior of $w$
# is a Gaussian around zero with variance $1/z$. We call $z$ its *precision*: a narrow prior has a large one.
#
# The negative log likelihood is a parabola in $w$, so its second derivative is the same everywhere. Here it is $h =
# \sum_i x_i^2$. We call it the *curvature*. The likelihood is a Gaussian peak with variance $1/h$: a flat minimum is
# a wide peak.
#
# Multiply it by the prior. The product is a Gaussian again, with curvature $h + z$, and its top is at some weight
# $w^*$. Its area is the evidence, $p(D)$: the probability of the data $D$.
#
# The area is the height of the top times the width. The height is the likelihood at $w^*$ times the prior there,
# $\sqrt{z / 2\pi}\; e^{-z {w^*}^2/2}$. The width, which is the area of a Gaussian divided by its height, is
# $\sqrt{2\pi / (h + z)}$. The two roots together are $\sqrt{z / (h + z)}$. So the logarithm is a sum of three terms:
#
# $$\log p(D) = \underbrace{\log p(D \mid w^*)}_{\text{fit}} \;\underbrace{- \tfrac{z}{2} {w^*}^2}_{\text{prior}}
# \;\underbrace{- \tfrac12 \log (1 + h/z)}_{\text{Occam}}$$
#
# The last one is called the *Occam factor*. It compares the width of the peak with the width of the prior. We pay it
# because the prior gave a part of its probability to weights that do not explain the data. With the natural logarithm
# the unit is called *nat*. Divide nats by $\log 2$ to get *bits*.

# %%
x, y, z = torch.tensor([1.0, 2.0]), torch.tensor([1.2, 2.6]), 1.0
h = float(x @ x)
mode = float(x @ y) / (h + z)

fit = float(-(y - mode * x).square().sum() / 2) - len(y) / 2 * math.log(2 * math.pi)
terms = {"fit": fit, "prior": -z * mode**2 / 2, "Occam": -math.log(1 + h / z) / 2}

# Without Laplace: the targets are normal, with covariance I of the noise plus x x' / z of the weight.
exact = float(MultivariateNormal(torch.zeros(2), torch.eye(2) + torch.outer(x, x) / z).log_prob(y))
assert abs(sum(terms.values()) - exact) < 1e-5

w = torch.linspace(-2, 3, 501)
prior = torch.exp(-z * w**2 / 2)
likelihood = torch.exp(-(y[:, None] - w * x[:, None]).square().sum(0) / 2)
plotting.show(figures.draw_evidence(w, prior, likelihood, terms, exact))

# %% [markdown]
# Added up, the three terms end at the exact value. This is no accident: for a linear model with Gaussian noise the
# peak *is* a Gaussian, and the formula is exact.
#
# The product of prior and likelihood, scaled to area one, is called the *posterior*: what we believe after seeing the
# data. Its top, the *mode*, is what training with weight decay finds.
#
# For other models the formula is an approximation, named after Laplace. You find the mode, measure the curvature
# there, and put a Gaussian in the place of the peak. The next picture shows how good that is.

# %% [markdown] tags=["demo"]
# ### A peak that is no Gaussian
#
# The model is now a logistic regression: each example has one of two labels, and the weights say how probable each
# label is. Green is the posterior, a curve with one weight and a map with two. Orange is Laplace's Gaussian.
#
# **Try**: press *Two examples*, then *Play*, which adds examples. Compare *All examples* and *Two weights*.
#
# **Look for**: how fast the difference between the two evidences shrinks.

# %% tags=["demo"]
explorers.peaks


# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: what makes the Gaussian good?</summary>
#
# Many examples. The posterior becomes narrow, and near its top every smooth peak looks like a Gaussian. With
# many examples the difference falls as one over their number. But the data must curve every direction more and
# more. Section 4.8 shows what happens where they do not.
# </details>

# %% [markdown]
# ## 4.3 Many weights, and half a bit
#
# With $d$ weights the curvature is a matrix: the *Hessian* $H$ of the negative log likelihood. In this lesson it is
# always a **sum** over the examples. The width of the peak becomes its volume, which a determinant measures:
#
# $$\log p(D) \approx \log p(D \mid w^*) - \tfrac{z}{2} \|w^*\|^2 - \tfrac12 \log\det (I + H/z)$$
#
# The determinant is a product over the eigenvalues $h_1, h_2, \dots$ of $H$. So the Occam factor is a sum over
# directions: each one costs $\tfrac12 \log(1 + h_j/z)$ nats.
#
# Each exercise says how many minutes it should take, and how difficult it is, from 1 to 5. Write your answer, run its
# cell, then run the check below it. A check tells you what went wrong. It never takes points away, and every later
# cell runs even if you skip an exercise. All tensors in the checks are float64: if you create a new tensor, give it
# `dtype=w.dtype`.

# %% [markdown]
# ### Exercise 4.1: the evidence from a Hessian (10 minutes, difficulty 2, 2 points)
#
# Write the log evidence of a Gaussian peak: fit, prior and Occam factor. `H` is the Hessian of the negative log
# likelihood, a sum over the examples, and the prior is not in it yet. In one of the cases $H$ has a small negative
# eigenvalue. In another one the determinant is too large for a float64, though its logarithm is not.

# %% nbgrader={"grade": false, "grade_id": "log_evidence", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_evidence(
    log_likelihood: float, w: torch.Tensor, H: torch.Tensor, z: float
) -> torch.Tensor:
    """The Laplace approximation of log p(D), in nats.

    Args:
        log_likelihood: log p(D | w), of all examples.
        w: weights at the mode of the posterior, (d,).
        H: Hessian of the negative log likelihood at w, (d, d); H + z is positive definite.
        z: precision of the prior N(0, 1/z) on every weight.

    Returns:
        The log evidence, ().
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "log_evidence_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.log_evidence.check(log_evidence)

# %% [markdown]
# <details><summary>I can't see where the constants go</summary>
#
# The posterior's curvature is $H + zI$. So the integral over the Gaussian peak adds $\tfrac d2 \log 2\pi - \tfrac12
# \log\det(H + zI)$, and the prior adds $\tfrac d2 \log \tfrac{z}{2\pi} - \tfrac z2 \|w\|^2$. Add the two: the terms
# with $2\pi$ cancel, and $\tfrac d2 \log z$ makes $I + H/z$ of the matrix. `torch.logdet` takes the logarithm without
# the determinant.
# </details>

# %% [markdown]
# The next picture is drawn with your function. A small net has learned the digits: 64 inputs, 12 hidden units, 10
# outputs. For its $H$ we take a matrix that section 4.4 explains. Which prior would have made these data most
# probable? (Strictly, the mode has to be found anew for every $z$. We keep the weights, so this is a sketch.)

# %%
evidence_of = exercises.log_evidence.use(log_evidence)
net, (images, labels) = rescaling.digits_net(), rescaling.digits()
curvature = theory.curvature(net, images, labels, "classification")
w, H = theory.weights_of(net), curvature.value

precisions = torch.logspace(-1.2, 1, 29, dtype=torch.float64)
totals = [evidence_of(curvature.log_likelihood, w, H, float(each)) for each in precisions]
plotting.show(figures.draw_precisions(precisions, torch.tensor(totals)))


# %% [markdown]
# A prior that is too narrow (on the right) makes the weights improbable. One that is too broad (on the left) gives
# them little of its probability, too, and makes them hard to find. The evidence weighs both in one unit, without any
# test data, as David MacKay showed for nets in 1992: training data alone can choose how much weight decay to use.

# %% [markdown]
# ### Exercise 4.2: bits for a width (6 minutes, difficulty 2, 1 point)
#
# The *variance* of the likelihood's peak in a direction is $1/h$. Let it become `factor` times as large, while the
# fit, the weights and the prior stay as they are. How many bits does the evidence gain? Give one number for each
# direction. A factor below 1 makes the peak narrower, and the gain negative.

# %% nbgrader={"grade": false, "grade_id": "bits_for_width", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bits_for_width(h: torch.Tensor, z: float, factor: float) -> torch.Tensor:
    """What the evidence gains in each direction when the variance of the likelihood's peak grows.

    Args:
        h: curvatures of the negative log likelihood, above 0, (d,).
        z: precision of the prior.
        factor: how many times as large the variance 1 / h becomes.

    Returns:
        Bits, (d,).
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "bits_for_width_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.bits_for_width.check(bits_for_width)

# %% [markdown]
# <details><summary>I can't see why it is not half a bit, always</summary>
#
# In one direction the Occam factor is $-\tfrac12 \log(1 + h/z)$. Write it down for the curvature before, $h$, and for
# the one after, and take the difference. Then turn nats into bits. What becomes of the difference if $z$ is much
# larger than $h$?
# </details>

# %% [markdown]
# ### A sentence that is often read
#
# On the web you find this: *if a peak is twice as wide in one direction, its marginal log likelihood is higher by
# half a bit.* (The marginal likelihood is the evidence.) The next picture tests it with your function. Is it true?

# %%
bits_of = exercises.bits_for_width.use(bits_for_width)
ratio = torch.logspace(-3, 5, 161, dtype=torch.float64)
twice_the_variance, twice_the_deviation = bits_of(ratio, 1.0, 2.0), bits_of(ratio, 1.0, 4.0)
plotting.show(figures.draw_bits(ratio, twice_the_variance, twice_the_deviation))

# %% [markdown]
# The sentence needs two conditions. The *variance* must be what doubles: if the deviation does, the gain is a whole
# bit. And the prior must be much broader than the peak. Where it is much narrower, in the grey part, a wider peak
# gains almost nothing: the prior had already decided which weights count.

# %%
width_prediction.reveal(
    answer="Almost nothing",
    because="The gain is half the logarithm of (h + z) / (h/2 + z). With z a hundred times h, this is "
    "nearly the logarithm of one. Flatness is worth something only where the data, and not the "
    "prior, decide.",
)


# %% [markdown]
# ## 4.4 The curvature of a net, and how many of its directions count
#
# The Hessian of a net has two parts. One comes from the curvature of the loss in the *outputs* of the net, the other
# from the curvature of the net itself. The first part is the *generalised Gauss-Newton matrix*, or GGN. It never
# curves down, and where the net fits its examples well the second part is small. Nearly everybody who says "Hessian"
# in this subject computes the GGN, and from here on $H$ is the GGN.

# %% [markdown]
# ### Exercise 4.3: the curvature of a classifier (15 minutes, difficulty 3, 2 points)
#
# A classifier has $k$ outputs, and the softmax makes probabilities $p$ of them. Its generalised Gauss-Newton matrix
# (GGN) is a sum over the examples of $J^\top L J$. Here $J$ is the Jacobian of the outputs with respect to the
# weights, and $L$ is the Hessian of $-\log p_y$ with respect to the outputs. Find $L$, and write the sum. You may not
# need all of what you are given.

# %% nbgrader={"grade": false, "grade_id": "softmax_ggn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def softmax_ggn(J: torch.Tensor, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The generalised Gauss-Newton matrix of the negative log likelihood of a softmax classifier.

    Args:
        J: Jacobians of the outputs by the weights, (n, k, d), one (k, d) matrix for each example.
        outputs: before the softmax, (n, k).
        y: labels, (n,).

    Returns:
        The GGN, (d, d), a sum over the examples.
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "softmax_ggn_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.softmax_ggn.check(softmax_ggn)

# %% [markdown]
# <details><summary>I can't see the matrix in the middle</summary>
#
# With outputs $f$, $-\log p_y = \log \sum_c e^{f_c} - f_y$. Its derivative by $f_a$ is $p_a$, less 1 if $a = y$.
# Differentiate $p_a$ by $f_b$, for $a = b$ and for $a \ne b$. `torch.diag_embed` makes a diagonal matrix for each
# example, and `torch.einsum` or `J.mT @ L @ J` multiplies all of them at once.
# </details>

# %% [markdown]
# The GGN does not contain $y$. A matrix that does contain it is often used in its place. Sum $g g^\top$ over the
# examples, where $g$ is the gradient of one example's log likelihood. If the labels are drawn **from the net**, this
# is the *Fisher matrix*, and on average over the draws it equals the GGN. If the labels of the data are used, it is
# the *empirical* Fisher matrix. Many programs compute it because the gradients are there anyway. Is it the same?

# %%
ggn_of = exercises.softmax_ggn.use(softmax_ggn)
few, few_labels = images[:300], labels[:300]
with torch.no_grad():
    ggn = ggn_of(nets.jacobians(net, few), net(few), few_labels)

generator = torch.Generator().manual_seed(0)
drawn = (
    theory.curvature(net, few, few_labels, "classification", kind="fisher", generator=generator).value
    for _ in range(40)
)
empirical = theory.curvature(net, few, few_labels, "classification", kind="empirical_fisher").value
plotting.show(figures.draw_fishers(ggn, {"Fisher": sum(drawn) / 40, "empirical Fisher": empirical}))


# %% [markdown]
# Each point is one entry on the diagonal, so it belongs to one weight. On the left, forty draws of the labels were
# averaged, and the points lie on the line. With the labels of the data, on the right, they lie far below it: the net
# has learned these labels, so its gradients there are small. The empirical matrix says that the net has hardly any
# curvature, and it says so *because* the net fits.

# %% [markdown]
# ### Exercise 4.4: how many directions do the data determine? (6 minutes, difficulty 1, 2 points)
#
# Where $h_j$ is much larger than $z$, the data decide, and the direction counts as one. Where $h_j$ is much smaller,
# the prior decides, and it counts as nothing. The sum is the *effective dimension*, $N_\mathrm{eff} = \sum_j h_j /
# (h_j + z)$.
#
# Programs usually print the eigenvalues of the *mean* loss over the examples, but $h$ belongs to the sum. Write
# $N_\mathrm{eff}$ from what such a program prints. If it prints those of the true Hessian, some may be a little below
# zero. Do not remove them: they warn that the point is no minimum.

# %% nbgrader={"grade": false, "grade_id": "effective_dimension", "locked": false, "schema_version": 3, "solution": true, "task": false}
def effective_dimension(
    mean_loss_eigenvalues: torch.Tensor, n: int, z: float
) -> torch.Tensor:
    """The number of directions that the data determine.

    Args:
        mean_loss_eigenvalues: of the Hessian of the mean loss over the examples, (d,).
        n: examples.
        z: precision of the prior; every h + z is above 0.

    Returns:
        N_eff, ().
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "effective_dimension_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.effective_dimension.check(effective_dimension)

# %% [markdown]
# <details><summary>I can't see what n has to do with it</summary>
#
# The log posterior is the sum of the log likelihoods of all $n$ examples, plus one log prior. So $z$ stands beside
# the Hessian of the sum, which is $n$ times that of the mean.
# </details>

# %% [markdown]
# Now we can ask again what flatness is worth. Let the variance double in **every** direction of the net.

# %%
h = torch.linalg.eigvalsh(H)
plotting.show(figures.draw_directions(h, 1.0, bits_of(h.clamp(min=1e-9), 1.0, 2.0)))

# %% [markdown]
# Half a bit for each of the weights would be the dotted line. The net gains much less: about half a bit for each of
# the directions that count.

# %% [markdown] tags=["demo"]
# ## 4.5 The same function, another flatness
#
# A ReLU lets a positive factor through: $\mathrm{relu}(\alpha t) = \alpha\,\mathrm{relu}(t)$. Multiply the first
# layer of a net by $\alpha$ and divide the weights of the second by $\alpha$. The net computes the same function, on
# every input. So its training loss, its accuracy and its test error stay. What happens to its flatness? Laurent Dinh
# and others asked this in 2017.
#
# **Try**: press *Play*, which turns the knob $\alpha$. Then compare *As trained*, *Eight times* and *An eighth*. The
# button *The prior moves along* stretches the prior by the same factors as the weights.
#
# **Look for**: what stays, and what does not.

# %% tags=["demo"]
explorers.rescaling


# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: so is flatness without meaning?</summary>
#
# Taken alone it is. Trace, largest eigenvalue, log determinant and effective dimension all change, and the function
# does not. They do not even agree: at *Eight times* the trace is far larger, and the effective dimension is only
# half. So none of them alone can be the reason why a net generalises.
#
# The evidence drops on both sides. It compares the weights with a prior that stays where it was, and the rescaled
# weights are large. (They are also no mode any more, so Laplace's formula does not apply there. That is why it can
# even rise a little just beside the trained net.)
#
# If the prior moves along with the weights, the evidence stays the same. So do the log determinant and the effective
# dimension, which compare $H$ with the prior. Only the trace and the largest eigenvalue, which do not, still change.
# **Flatness is a number about a peak and a prior together.**
# </details>

# %% [markdown]
# ### Exercise 4.5: the same net with other weights (20 minutes, difficulty 4, 3 points)
#
# Multiply the first layer of the net $W_2\,\mathrm{relu}(W_1 x + b_1) + b_2$ by $\alpha$, and change what must be
# changed to keep its function. Then move the prior along: if a map takes the old weights $w$ with density $p(w)$ to
# new ones, the density at the new ones is $p(w)$ divided by the size of the map's determinant. Here $p$ is the prior
# $N(0, 1/z)$ on every old weight and bias. Return the logarithm of the density at the new weights too, with all
# constants. The check runs both nets on random inputs.

# %% nbgrader={"grade": false, "grade_id": "rescale", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rescale(
    W1: torch.Tensor,
    b1: torch.Tensor,
    W2: torch.Tensor,
    b2: torch.Tensor,
    alpha: float,
    z: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Other weights of the same ReLU net, and the moved prior's log density there.

    Args:
        W1: (m, i), multiplied by alpha.
        b1: (m,).
        W2: (k, m).
        b2: (k,).
        alpha: above 0.
        z: precision of the prior N(0, 1/z) on every old weight and bias.

    Returns:
        The new W1, b1, W2 and b2, in the shapes of the old ones, and the log density of the moved
        prior at them, ().
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "rescale_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.rescale.check(rescale)

# %% [markdown]
# <details><summary>I can't see the determinant</summary>
#
# Each new weight is an old one times a number: $\alpha$, $1/\alpha$ or 1. So the map is a diagonal matrix, and its
# determinant is the product of these numbers. Count how many weights get which. $W_1$ has $m\,i$ entries, $b_1$ has
# $m$, and $W_2$ has $k\,m$.
# </details>

# %% [markdown]
# The next picture is drawn with your function, for the net of the digits. When the prior moves along, its density at
# the weights changes, for it is stretched in some directions and squeezed in others. Why does the evidence not
# notice?

# %%
rescaled_by = exercises.rescale.use(rescale)
parts = [each.detach() for each in net.parameters()]
alphas = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
log_priors, log_volumes = [], []
for alpha in alphas:
    *_, log_prior = rescaled_by(*parts, alpha, 1.0)
    other = theory.rescale_relu(net, alpha)
    precision = theory.curvature(other, images, labels, "classification").value
    precision += torch.diag(theory.moved_prior_precision(net, alpha, 1.0))
    log_priors.append(float(log_prior))
    log_volumes.append(-float(torch.logdet(precision)) / 2)
plotting.show(figures.draw_moved(alphas, log_priors, log_volumes))

# %% [markdown]
# The peak is stretched by the same map as the prior. Where the density of the prior falls, the volume of the peak
# grows by the same factor. So the product of the two, which is all that the evidence contains, stays.

# %% [markdown]
# ## 4.6 The evidence chooses a model
#
# The evidence needs no test data. Can it choose a model, then? And is the model that it chooses the one with the
# least test error? A guess first.

# %%
prior_prediction = Prediction(
    "A polynomial of degree three fits thirty noisy points well. Now its prior is made ten thousand "
    "times less precise, so that it allows far larger weights. What happens?",
    options=(
        "Evidence and test error both become worse",
        "The evidence falls, and the test error stays",
        "The evidence stays, and the test error rises",
    ),
)
prior_prediction

# %% [markdown] tags=["demo"]
# ### Polynomials, and the prior
#
# The points come from a smooth curve, with noise. The model is a polynomial, and we know the exact evidence. The
# dashed line in the upper right panel is another number, the *conditional* evidence: how probable are the last six
# points, once the others have been seen?
#
# **Try**: press *Play*, which raises the degree. Then compare *The evidence's choice*, *Too many degrees* and *A
# broader prior*.
#
# **Look for**: the stars, which mark the best degree by each number. And what moves when the prior becomes broader.

# %% tags=["demo"]
explorers.polynomials

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: why does a high degree lose evidence, although it fits better?</summary>
#
# A polynomial of high degree can fit many data sets. It has to share its probability among all of them, so each one
# gets less. In the formula this is the Occam factor: a further weight that the data must decide costs something.
#
# For these thirty points all stars stand on degree three. That is luck, as you will see below.
# </details>

# %%
prior_prediction.reveal(
    answer="The evidence falls, and the test error stays",
    because="With thirty points the data decide the four weights, whatever a broad prior says, so the "
    "prediction stays. But the Occam factor compares the peak with the prior, and the prior has become "
    "broader: four weights, and half the logarithm of ten thousand for each. The conditional evidence "
    "stays too, for after the first points this prior is forgotten.",
)

# %% [markdown] tags=["demo"]
# ### Models of the same size
#
# In the next family every model has the same number of weights: three hundred random waves. Only their *bandwidth*
# differs. A large bandwidth makes a smooth curve.
#
# **Try**: press *Play*, then *Too short*, *The evidence's choice* and *Too long*.
#
# **Look for**: the star of the evidence (the solid line) and that of the test error. They are near each other. The
# star of the dashed line rests on six points alone, so trust it less.

# %% tags=["demo"]
explorers.bandwidths

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: what does the Occam factor punish here, if not the number of weights?</summary>
#
# Weights that the data must decide. With a short bandwidth the waves are fast, and each point needs weights of its
# own. With a long one the curve cannot follow the points, and the fit is bad.
# </details>

# %% [markdown]
# ### Is the evidence the test error in other words?
#
# That was one draw of the points. The next picture comes from the recorded run, which draws them fifty times.

# %%
record = load_record(experiment.RECORD)
print("The recorded run:", record.provenance())
plotting.show(figures.draw_choices(record))


# %% [markdown]
# The evidence picks degree three every time. The degree with the least test error changes from draw to draw, and it
# is the third in fewer than half of them. The evidence asks a different question: which model would have predicted
# *all* of these data, before any were seen? That is a good question. It is not the test error. The right panel shows
# the clearest case, with means over the fifty draws: a broader prior costs evidence, and the test error and the
# conditional evidence stay.

# %% [markdown]
# ## 4.7 Nets that are too large for a matrix
#
# The net of the digits has 910 weights, so its matrix fits in memory. A net with a million weights has a matrix with
# a million times a million entries. Nobody writes it down. But a *product* of it with a vector costs hardly more than
# a gradient: it is a derivative along one direction, and automatic differentiation gives it without the matrix. What
# can be learned from products alone?
#
# Much, by a method of Cornelius Lanczos. Let $A$ be the matrix, here our $H$. For a vector $v$ of length one it gives
# some numbers, the *nodes*, and a positive *weight* for each (no weights of a net; they sum to one), such that for
# every smooth function $f$
#
# $$v^\top f(A)\, v \approx \sum_i \mathrm{weight}_i \; f(\mathrm{node}_i).$$
#
# Here $f(A)$ is the matrix whose eigenvalues are $f$ of those of $A$. Average this over random vectors and multiply
# by $d$: the result is the sum of $f$ over **all** eigenvalues. With $f(h) = h / (h + z)$ it is the effective
# dimension, and with $f(h) = \log(1 + h/z)$ the log determinant.

# %% [markdown]
# ### Exercise 4.6: a spectrum from products alone (35 minutes, difficulty 4, 3 points)
#
# Lanczos starts from a unit vector $q_1$. In each step it multiplies the newest direction by $A$, takes off the parts
# along the directions so far, and divides by the length of what is left. Written in the basis $q_1, q_2, \dots$, $A$
# becomes a tridiagonal matrix $T$. On its diagonal stand the $q_j^\top A q_j$, and next to it, above and below, the
# lengths. The nodes are the eigenvalues of $T$, and the weights are the squares of the first components of its
# eigenvectors.
#
# Use only products `A @ v`, and `torch.linalg.eigh` of the small $T$. The check looks at your nodes: no eigenvalue
# may come twice.

# %% nbgrader={"grade": false, "grade_id": "lanczos", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lanczos(
    A: torch.Tensor, start: torch.Tensor, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes and weights of the Gauss quadrature of A for the direction of `start`.

    Args:
        A: symmetric, (d, d).
        start: of any length above 0, (d,).
        steps: how many products, at most d.

    Returns:
        Nodes, ascending, and their weights, which sum to 1, each (steps,).
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "lanczos_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.lanczos.check(lanczos)

# %% [markdown]
# <details><summary>I can't see how to build T</summary>
#
# Keep the directions as the rows of a matrix $Q$, two lists for the numbers of $T$, and repeat `steps` times: take the
# newest direction `q`; `w = A @ q`; append `q @ w` to the diagonal; take off from `w` its parts along the rows of $Q$;
# append `w.norm()` to the lengths; append `w / w.norm()` to $Q$. The last length is not needed. `torch.diag(lengths,
# 1)` puts numbers above the diagonal, and `-1` puts them below.
# </details>
#
# <details><summary>I can't see why my top eigenvalue comes twice</summary>
#
# On paper it is enough to take off the parts along the last two directions, for the others are zero. On a computer
# they are rounding errors. Once the top eigenvector has been found, every product with $A$ makes the error along it
# larger. So take off the parts along *all* earlier directions. With these as the rows of a matrix $Q$ that is one
# line, $w \leftarrow w - Q^\top (Q w)$.
# </details>

# %% [markdown]
# The next picture is drawn with your function. On the left is one run with a random vector on the net of the digits.
# Each node stands for many eigenvalues, and its weight says for how large a part of them. On the right, the effective
# dimension is computed from the nodes, for ten random vectors and their mean.

# %%
quadrature = exercises.lanczos.use(lanczos)
generator = torch.Generator().manual_seed(0)
starts = torch.randn(10, len(H), generator=generator, dtype=torch.float64)
sums = {}
for steps in (5, 10, 20, 40):
    runs = [quadrature(H, start, steps) for start in starts]
    sums[steps] = [len(H) * float(weights @ (nodes / (nodes + 1))) for nodes, weights in runs]
plotting.show(figures.draw_quadrature(h, 1.0, *runs[0], sums))

# %% [markdown]
# There are two errors here. With too few products all ten vectors are wrong in the same direction, and no error bar
# shows it. With enough products one vector is still noisy, and the mean of ten is good. So look first whether the
# result still changes when you take more products, and then print an error bar.

# %% [markdown] tags=["demo"]
# ## 4.8 Where there is no peak
#
# Laplace's formula needs a peak that the data make narrower in every direction. In a net they do not: many directions
# are left to the prior, and our numbers for the net of the digits are approximations whose error we do not know. The
# smallest model that shows the problem has two weights: $y = a\,b\,x$ plus noise. The data see only the product $a
# b$. If the truth is $ab = 1$, the good weights form a *valley*, a curve without an end. If it is $ab = 0$, they form
# a *crossing*, the two axes.
#
# How does the evidence fall when there are more data? For a model with $d$ weights and a proper peak, $-\log p(D)$ is
# the cost of the fit plus about $\tfrac d2 \log n$. This is the Bayesian information criterion, BIC. Here it would be
# one whole $\log n$.
#
# **Try**: press *Play*, which adds data. Compare *The crossing, much data* and *The valley, much data*.
#
# **Look for**: the slopes of the three lines on the right.

# %% tags=["demo"]
explorers.singular

# %% [markdown] tags=["demo"]
# <details><summary><b>Question</b>: which of the two approximations is right?</summary>
#
# At the crossing, neither. Laplace looks at the top, which is at zero, and finds no curvature there that grows with
# the data: slope zero. BIC counts two weights: slope one. The truth lies between, on its slow way to one half. Along
# the valley only one direction is decided by the data, and the slope is one half. Laplace has the right slope there,
# and is wrong by a constant: it sees one of the two branches, and takes it for straight.
# </details>
#
# The true slope has a name: the *learning coefficient* $\lambda$ of Sumio Watanabe. For a proper peak it is $d/2$.
# For a model without a proper peak, which is called *singular*, it is smaller: many weights, and fewer degrees of
# freedom. The next picture shows the slope in each decade of $n$.

# %%
plotting.show(figures.draw_slopes(record))


# %% [markdown]
# It is often said that Laplace's approximation becomes BIC when there are many data. For a proper peak that is true.
# At the crossing both are wrong for ever, on opposite sides.
#
# How can $\lambda$ be measured for a model whose evidence nobody can compute? Let a Markov chain walk through the
# weights, and visit those with a low loss more often. If there is much room near the minimum, the chain can stay low.
# If the minimum is narrow, nearly every step leads up.

# %% [markdown]
# ### Exercise 4.7: the learning coefficient from a chain (8 minutes, difficulty 2, 2 points)
#
# Some chains of weights were drawn with a probability proportional to the prior times $e^{-n \beta L(w)}$. Here $L$
# is the mean loss over the $n$ examples, and $\beta = 1 / \log n$. (With $\beta = 1$ this would be the posterior. A
# smaller $\beta$ makes the chain walk further.) You have the losses along the chains. On average a chain lies above
# the best fit by $\lambda / (n \beta)$, nearly. Write the estimate of $\lambda$ that follows from this. You may not
# need all of what you are given.

# %% nbgrader={"grade": false, "grade_id": "learning_coefficient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def learning_coefficient(
    losses: torch.Tensor, best_loss: float, true_loss: float, n: int, d: int, burn_in: int
) -> torch.Tensor:
    """An estimate of the learning coefficient from chains at the inverse temperature 1 / log n.

    Args:
        losses: mean loss over the examples along each chain, (chains, draws).
        best_loss: of the best fit.
        true_loss: of the weights that made the data.
        n: examples.
        d: weights.
        burn_in: draws at the beginning of each chain that do not count.

    Returns:
        The estimate of lambda, ().
    """
    raise NotImplementedError("write your answer here")


# %% nbgrader={"grade": true, "grade_id": "learning_coefficient_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
exercises.learning_coefficient.check(learning_coefficient)

# %% [markdown]
# <details><summary>I can't see which loss to compare with</summary>
#
# $\lambda$ says how fast the volume of good weights shrinks around the *lowest* point of the loss on these data. The
# truth is not that point: the best fit has fitted some of the noise, so its loss is lower.
# </details>

# %% [markdown]
# The next picture is drawn with your function. The model is a linear net with five inputs, five hidden units and five
# outputs, so it has fifty weights. The true map has rank two. For such models $\lambda$ is known exactly.

# %%
coefficient_of = exercises.learning_coefficient.use(learning_coefficient)
n, d, burn_in = 1_000, 50, 500
generator = torch.Generator().manual_seed(0)
X = torch.randn(n, 5, generator=generator, dtype=torch.float64)
map_ = torch.diag(torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0], dtype=torch.float64))
Y = X @ map_ + torch.randn(n, 5, generator=generator, dtype=torch.float64)

statistics = theory.ReducedRank.of(X, Y)
start = theory.best_rank_fit(statistics, hidden=5)
best, truth = float(statistics.loss(*start)), float(statistics.loss(map_, torch.eye(5).double()))
losses = theory.langevin_chain(statistics, start, 1 / math.log(n), 8, 0, 4_000, generator)
estimate = float(coefficient_of(losses, best, truth, n, d, burn_in))
exact, _ = theory.reduced_rank_coefficient(inputs=5, outputs=5, hidden=5, rank=2)
named = {"your estimate": estimate, "exact": exact, "d / 2": d / 2}
plotting.show(figures.draw_chain(losses, burn_in, n, best, truth, named))

# %% [markdown]
# On the left, the chains start at the best fit and climb. The part in grey does not count. On the right, the
# coefficient of this model with fifty weights is that of a proper model with twenty-three. This kind of flatness is
# no matter of a second derivative: the good weights form a whole surface.

# %% [markdown]
# ## 4.9 The experiment: what people say about flat minima
#
# Here are six sentences that you will meet, each beside a measurement, and then one more result. The pictures come
# from the recorded run, which trained some hundreds of nets. A table at the end has the answers. A guess first, about
# the sentence that is repeated most.

# %%
rival_prediction = Prediction(
    "Nets of many widths fit all of their training data, a fifth of the labels wrong. Their test "
    "errors differ. Which number, known without test data, puts the nets in the right order best?",
    options=(
        "The effective dimension, for which the Hessian is needed",
        "The width or the training loss, which cost nothing",
        "None of them comes near",
    ),
)
rival_prediction

# %% [markdown]
# ### "The effective dimension explains the second descent"

# %%
plotting.show(figures.draw_widths(record))

# %% [markdown]
# A well-known paper (Maddox and others, 2020) reports that the effective dimension follows the test error of large
# nets down the second descent. Look at our nets without weight decay, in orange. With one precision $z$ of the prior
# their effective dimension falls once they fit, and with another it stays where it is. The training loss falls too,
# and it needs no Hessian. With weight decay, in blue, the test error falls just as well, and the effective dimension
# *rises*.
#
# The bands show the range over five draws. In lesson 3 the error first rises and then falls a second time. Here, with
# so few images, the rise is lost in the noise, and we look at the fall alone.

# %%
plotting.show(figures.draw_rivals(record))

# %% [markdown]
# Each bar says how well a number puts the nets in order, and the dots are the five draws. At plus one the order is
# that of the test errors, at minus one it is the opposite, which is as good, and at zero the number says nothing.

# %%
rival_prediction.reveal(
    answer="The width or the training loss, which cost nothing",
    because="Each of them orders the nets that fit nearly perfectly. The effective dimension depends "
    "on the prior that you choose for it. At its best it comes near them, and with weight decay its "
    "sign turns over.",
)

# %% [markdown]
# A number that explains should beat the numbers that cost nothing. Here it does not. We trained small nets on small
# images, so this is no proof about large ones. The command at the end of this section repeats it at the size of the
# paper, on a GPU; we have not run that.
#
# In a linear model the case is clear. The next picture shows least squares on random features of the digits, with
# next to no penalty.

# %%
plotting.show(figures.draw_feature_widths(record))

# %% [markdown]
# The error goes up and down again, and the effective dimension only rises, until there are as many features as
# examples. So it is not the number of directions that falls in the second descent. Lesson 3 shows what does: the norm
# of the fit.
#
# ### "A flatter minimum is a better one"
#
# Here all nets have the same size and were trained until the same training loss, by descent with several sizes of
# steps (the *rate*) and of batches. *Sharpness-aware minimisation*, SAM, looks for flat places on purpose: it takes
# the gradient at a point a little up the slope, as far as the number behind its name. A fifth of the training labels
# are wrong, and all test labels are right. The axis has the trace of the mean loss, as programs print it.

# %%
plotting.show(figures.draw_optimisers(record))

# %% [markdown]
# Larger steps, smaller batches and SAM do reach flatter points, and at first the error falls with the trace: compare
# the blue points one, two and three. But then it stops. Point three, plain descent with large steps, errs as little
# as point six, which is more than three times flatter. And point nine is flatter than point three, and no better.
#
# So flatness goes along with something that helps here, but only up to a point. Andriushchenko and others (2023)
# found the same for large nets: sharpness follows the size of the steps more than it follows generalisation.
#
# ### "There is one outlier for each class but one"
#
# The largest eigenvalues of a classifier's curvature are said to stand apart from the others: with ten classes there
# should be nine. The next picture shows nets on MNIST with two kinds of unit.

# %%
plotting.show(figures.draw_spectra(record))

# %% [markdown]
# On the left are the spectra of nets at their modes. They fall steadily over thousands of directions. On the right,
# each point is a net: how many times as large as the tenth eigenvalue is the ninth? If nine stood apart, all points
# would be far above one. One net does have such a gap. In the others the ninth is no more apart than its neighbours
# are, which the grey band shows. So it is a fact about a net and its training, and no law about classes.
#
# ### "The trace and the log determinant say the same"

# %%
plotting.show(figures.draw_shares(record))

# %% [markdown]
# The trace is a sum of eigenvalues, so the largest ones make it. The log determinant is a sum of logarithms, and
# there the hundreds in the middle count, all those above $z$. So the trace is about the largest few, and the evidence
# is about the many, and with them about the prior. What is true of one need not be true of the other.
#
# ### "The structure of the approximation is a detail"
#
# A matrix for a large net is usually replaced by something smaller: by its diagonal, or by a *Kronecker product* of
# two matrices for each layer. For these nets we also computed the exact determinant, which no library does. Write $H
# = M^\top M$, with a row of $M$ for each output of each example. Then $\det(I + M^\top M)$ equals $\det(I + M
# M^\top)$, and the second matrix is small enough.

# %%
plotting.show(figures.draw_structures(record))

# %% [markdown]
# A line is one net, with the same weights, data and prior. The Kronecker product makes its log evidence two to four
# times worse, and the diagonal more than ten times. Two of the lines even cross. So never compare an evidence by one
# structure with an evidence by another.
#
# ### "This is the main term"
#
# The sentence of section 4.3 goes on: *for models in which the number of free parameters is large relative to the
# number of data points, this is the main term of interest in the marginal log likelihood.* Is it?

# %%
plotting.show(figures.draw_terms(record))

# %% [markdown]
# With many more weights than examples, it is. Then the fit is nearly perfect, and almost all of the log evidence is
# the Occam factor. But look at what it says. The evidence hardly tells the wide nets apart, while their test error
# goes on falling. The largest term need not be the one that matters.
#
# ### A singular model has fewer degrees of freedom than weights

# %%
plotting.show(figures.draw_coefficients(record))

# %% [markdown]
# For each of these linear nets the learning coefficient is known. Two kinds of chain find it within a tenth: one
# draws each layer anew, given the other (a Gibbs sampler), and one follows the gradient with noise (Langevin
# dynamics). Half the number of weights, the grey mark, is far away. In the first model both are too low. There the
# evidence also holds a $\log \log n$, and a thousand examples are not enough to see past it.
#
# ### The answers

# %%
answers = {
    "The effective dimension explains the second descent": "the width does as well",
    "A flatter minimum is a better one": "up to a point, and then not",
    "There is one outlier for each class but one": "in one net of twelve",
    "Trace and log determinant say the same": "one is about the few, one about the many",
    "The structure is a detail": "it changes the value tenfold",
    "The Occam factor is the main term": "the largest, and it does not choose",
}
rows = [{"what is said": said, "what we found": found} for said, found in answers.items()]
plotting.table(rows, "What people say about flat minima")

# %% [markdown]
# ### Now on your machine
#
# The next cell makes the exact part of the same study: rescaled nets, polynomials, and two chains. It keeps its
# record in the folder `results`. In the picture below it, your points should lie on the recorded lines.

# %%
yours = experiment.run_here()

# %%
plotting.show(figures.draw_beside({"The recorded run": record, "Your run": yours}))
print("Your run:", yours.provenance())

# %% [markdown]
# The full run takes about twenty minutes on two CPU cores. The run with large nets, which repeats the figure of
# Maddox and others on other images, needs a GPU. Type in a terminal:
#
# ```
# course run flat_minima --preset full --device auto --out results
# course run flat_minima --preset resnets --device cuda --out results
# ```
#
# <details><summary><b>For the curious</b>: what was fixed in advance</summary>
#
# *Widths.* Digits, 300 images, a fifth of the labels wrong, one hidden layer, five draws of images and weights.
# Without decay: descent with momentum for a fixed number of epochs. With decay: the mode of the posterior for $z =
# 0.1$, by L-BFGS. The picture of the three terms shows these nets.
#
# *Optimisers.* Digits, 500 images, a fifth of the labels wrong, 50 hidden units, training loss 0.02, two draws of the
# images, eight nets each. The differences between the draws are taken off, and a bar is twice the standard error.
#
# *LeNets.* MNIST. For the evidence: 1,000 images, and the mode of the posterior for $z = 1$ as far as L-BFGS finds
# it. A ReLU net has kinks, and the mode may lie on one, so the gradient there is not zero; the record has its length.
# For the gaps: 10,000 images, ten epochs of descent. There are several Kronecker products for a convolution, with
# different values. Ours is the one called KFAC-expand, as in the libraries curvlinops and ASDL.
#
# *Maddox and others* use CIFAR-100, and the Hessian of the mean loss. Our large run takes CIFAR-10 and the
# Gauss-Newton matrix of the sum.
# </details>

# %% [markdown]
# ## 4.10 In your own words

# %% [markdown]
# ### Exercise 4.8: theorem, heuristic or tautology? (15 minutes, difficulty 3, 2 points, graded by a person)
#
# Is "flat minima generalise" a theorem, a heuristic or a tautology? Answer in five to ten sentences, with what you
# have seen on this page. If it is no theorem, what is the counterexample? If a part of it is true by definition,
# which part, and in what unit is it measured? Say also what has to be fixed before two minima can be compared.
#
# <details><summary>I can't see how it could be a tautology</summary>
#
# What does the evidence reward, with the fit and the length of the weights held fixed? And is the evidence a number
# about the test data?
# </details>

# %% [markdown] nbgrader={"grade": true, "grade_id": "what_flatness_is", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# *Write your answer here.*

# %% [markdown] tags=["demo"]
# ## Recap
#
# 1. The evidence is a fit, a prior and an Occam factor. The Occam factor, $-\tfrac12\log\det(I + H/z)$, is what
#    flatness is worth, and its unit is the nat or the bit.
# 2. A peak with twice the variance gains half a bit in a direction, if the prior is much broader than the peak. If
#    the prior is much narrower, it gains almost nothing. Over all directions a net gains about half a bit for each
#    one that counts.
# 3. The flatness of a ReLU net can be changed without changing its function. So flatness means nothing without a
#    prior.
# 4. The evidence is not the test error. Before you believe a number that predicts generalisation, look at its rivals:
#    the width and the training loss.
# 5. Nets have no proper peak. There the learning coefficient takes the place of half the number of weights, and it is
#    smaller.

# %% [markdown]
# ## Limits
#
# This lesson does not explain why networks generalise. It says what one popular answer means, and what it is worth.
# Our nets and images are small. A prior that is the same for every weight is a convention, not knowledge. And the
# learning coefficient is measured here in linear nets, where the truth is known. For real nets the chains find
# something, and nobody can check it.
#
# ## Sources
#
# - D. MacKay, *A practical Bayesian framework for backpropagation networks*, Neural Computation 1992.
# - L. Dinh, R. Pascanu, S. Bengio, Y. Bengio, *Sharp minima can generalize for deep nets*, ICML 2017.
# - W. Maddox, G. Benton, A. Wilson, *Rethinking parameter counting in deep models: effective dimensionality
#   revisited*, 2020.
# - A. Immer and others, *Scalable marginal likelihood estimation for model selection in deep learning*, ICML 2021.
# - S. Lotfi and others, *Bayesian model selection, the marginal likelihood, and generalization*, ICML 2022.
# - F. Kunstner, L. Balles, P. Hennig, *Limitations of the empirical Fisher approximation*, NeurIPS 2019.
# - P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, *Sharpness-aware minimization*, ICLR 2021.
# - M. Andriushchenko and others, *A modern look at the relationship between sharpness and generalization*, ICML 2023.
# - S. Watanabe, *Algebraic geometry and statistical learning theory*, 2009.
# - M. Aoyagi, S. Watanabe, *Stochastic complexities of reduced rank regression in Bayesian estimation*, Neural
#   Networks 2005.
# - E. Lau and others, *The local learning coefficient*, 2023.
# - The digits are from scikit-learn (UCI, E. Alpaydin and C. Kaynak); MNIST is by Y. LeCun, C. Cortes and C. Burges.
