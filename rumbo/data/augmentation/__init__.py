"""Random changes of training examples: a function of the seed of the epoch and the row, of nothing else.

`pictures.augment` changes a batch of pictures. `geometry` says where each pixel went, and `annotations` moves boxes,
masks and landmarks by the same numbers, so that they cannot get out of step. `audio` and `numbers` change sounds and
columns. `sheet` holds examples of all that, to look at.
"""
