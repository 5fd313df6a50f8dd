"""The question that is answered in words."""

from utils.exercise import WrittenExercise

where_the_bits_come_from = WrittenExercise(
    name="where_the_bits_come_from",
    points=3,
    rubric="""One point each:
1. Where the bits come from. The weight was not chosen by the sender: bits that were in the message already chose it.
   The receiver, who knows the labels and so knows q, finds out which bits these were. They are not lost: -log2 q(w) of
   the bits that the weight seems to cost carry other data. An answer that says only "the refund is -log2 q(w)" does not
   earn the point.
2. Who pays for the first 250. The first pop needs bits, and an empty message has none. Somebody has to put them in. If
   they are random, they are a cost that comes once, and it counts for much in a short chain and for little in a long
   one. If they are data that the receiver wants anyway (the file of labels, for example), they cost nothing more. The
   point needs the first, and either of the two cases.
3. What the receiver must own. It has the prior, the code of the data and the rule that makes q, all the same to the last
   bit: an encoder, or the program that trains again from the decoded labels. Without q it gets the weight and the
   labels, but it cannot push the weight back, and so it gets no refund. The point needs "q, or what makes q" and what
   happens without it.
An answer that calls bits-back free, without a condition, does not earn the second point.""",
)
