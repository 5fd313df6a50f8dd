"""The question that is answered in words."""

from utils.exercise import WrittenExercise

what_flatness_is = WrittenExercise(
    name="what_flatness_is",
    points=2,
    rubric="""One point each:
1. It is no theorem, and the answer says why: another set of weights gives the same function and the same test error
   with another curvature (Dinh's rescaling), so curvature alone cannot bound the test error. An answer that says
   instead that flatness goes with test error in some runs earns the point if it names a rival that does so as well
   (the width, the training loss).
2. It says what remains, with its condition and its unit. The true statement, nearly a tautology, is about the
   evidence: at equal fit and equal weights a wider peak fills more of the prior. It is worth up to half a bit for a
   direction whose variance doubles, relative to a prior, and next to nothing where the prior is narrower than the
   peak. The evidence is a number about the training data under that prior, and no test error. So "flat minima
   generalise" is a heuristic: it may help where parametrisation and prior are fixed.
An answer that only names one of the three words earns no point.""",
)
