"""Bars on real data: a learner, a solver or confidences that get worse fail one of them by name.

`folds` cuts the two data sets that are shipped for strong generalisation: people of whom the learner saw nothing are
solved from four fifths of what they did and asked for the rest. `learned` and `answers` run production code on that:
decoding, histories, confidences, ALS, the user solver, the lists, the ranking metrics. `reference` computes the same
from the definitions, in float64 and with nothing of the product, and `bars` holds what was measured, and by how much a
figure may fall short of it: two standard errors.

    python -m tests.quality            the figures of this checkout beside the bars
    python -m tests.quality --record   and keep each person's nDCG, which the paired bars compare with

Not here: tests of a formula on made-up input, which stand with the module, and how fast anything is.
"""
