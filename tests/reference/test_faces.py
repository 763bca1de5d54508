"""What a triplet, a threshold and a pair of encodings must obey."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rumbo.reference import faces

few = settings(max_examples=30, deadline=None)


def album(seed):
    """Encodings of few pictures of few people, near enough to each other for triplets of all kinds."""
    rng = np.random.default_rng(seed)
    m = int(rng.integers(2, 9))
    return 0.4 * rng.standard_normal((3, m)), rng.integers(0, 3, m)


def as_set(triplets):
    return set(map(tuple, triplets.T.tolist()))


seeds = st.integers(0, 2**32 - 1)


@few
@given(seed=seeds)
def test_triplets_are_two_of_one_person_and_one_of_another(seed):
    _, labels = album(seed)
    expected = {
        (a, p, n)
        for a, p, n in permutations(range(len(labels)), 3)
        if labels[a] == labels[p] and labels[a] != labels[n]
    }
    triplets = faces.all_triplets(labels)
    assert as_set(triplets) == expected
    assert triplets.shape == (3, len(expected))


@few
@given(seed=seeds, alpha=st.sampled_from([0.0, 0.2, 1.0]))
def test_hard_triplets_are_those_with_a_loss(seed, alpha):
    """Leaving the rest out changes neither the cost nor any gradient."""
    f, labels = album(seed)
    every, hard = faces.all_triplets(labels), faces.hard_triplets(f, labels, alpha)
    A, P, N = (f[:, places] for places in every)
    loss = faces.triplet_loss(A, P, N, alpha)
    assert as_set(hard) == as_set(every[:, loss > 0])
    costs = [faces.triplet_cost(f[:, a], f[:, p], f[:, n], alpha) for a, p, n in (every, hard)]
    assert costs[0] == pytest.approx(costs[1], rel=1e-12)
    for gradient in faces.triplet_backward(A, P, N, alpha):
        assert not gradient[:, loss == 0].any()


@few
@given(seed=seeds)
def test_semi_hard_negatives_are_farther_than_the_positive_but_within_the_margin(seed):
    f, labels = album(seed)
    a, p, n = every = faces.all_triplets(labels)
    positive, negative = faces.distance(f[:, a], f[:, p]), faces.distance(f[:, a], f[:, n])
    expected = every[:, (positive < negative) & (negative < positive + 0.2)]
    assert as_set(faces.semi_hard_triplets(f, labels)) == as_set(expected)


@few
@given(seed=seeds)
def test_hardest_triplets_have_the_largest_loss_of_their_anchor(seed):
    f, labels = album(seed)
    every, hardest = faces.all_triplets(labels), faces.hardest_triplets(f, labels)
    assert hardest[0].tolist() == sorted(set(every[0].tolist()))
    for a, p, n in hardest.T:
        _, ps, ns = every[:, every[0] == a]
        assert faces.violation(f[:, [a]], f[:, [p]], f[:, [n]]) >= faces.violation(f[:, [a]], f[:, ps], f[:, ns]).max()


def test_the_margin_is_two_tenths_unless_told():
    f, labels = album(3)
    a, p, n = faces.all_triplets(labels)
    A, P, N = f[:, a], f[:, p], f[:, n]
    for function in (faces.violation, faces.triplet_loss, faces.triplet_cost, faces.triplet_backward):
        np.testing.assert_array_equal(function(A, P, N), function(A, P, N, 0.2))
    for function in (faces.hard_triplets, faces.semi_hard_triplets):
        np.testing.assert_array_equal(function(f, labels), function(f, labels, 0.2))
    assert faces.hard_triplets(f, labels).size


def test_exactly_at_the_margin_is_satisfied():
    """Distances of 0, 1 and 4: with a margin of 3 the loss is 0, no gradient comes, and no triplet is hard."""
    f, labels = np.array([[0.0, 1.0, 2.0]]), np.array([0, 0, 1])
    A, P, N = f[:, [0]], f[:, [1]], f[:, [2]]
    assert not any(gradient.any() for gradient in faces.triplet_backward(A, P, N, 3.0))
    # The other anchor, 1, has its positive and its negative equally far: hard, but not semi-hard.
    assert as_set(faces.hard_triplets(f, labels, 3.0)) == {(1, 0, 2)}
    assert as_set(faces.semi_hard_triplets(f, labels, 3.0)) == set()


def test_exactly_at_the_threshold_is_another_person():
    query, stored = np.array([[0.0]]), np.array([[2.0, 3.0]])
    assert faces.same_person(query, stored, 4.0).tolist() == [0, 0]
    assert faces.same_person(query, stored, 4.1).tolist() == [1, 0]
    assert (faces.recognize(query, stored, 4.0), faces.recognize(query, stored, 4.1)) == (-1, 0)


def test_descent_on_hard_triplets_ends_with_none():
    """People whose encodings start alike come apart until the margin holds for every triplet."""
    f, labels = 0.1 * np.random.default_rng(0).standard_normal((4, 9)), np.repeat([0, 1, 2], 3)
    assert faces.hard_triplets(f, labels).shape[1] > 50
    for _ in range(100):
        a, p, n = faces.hard_triplets(f, labels)
        step = np.zeros_like(f)
        for places, gradient in zip((a, p, n), faces.triplet_backward(f[:, a], f[:, p], f[:, n]), strict=True):
            np.add.at(step.T, places, gradient.T)
        f = f - 0.01 * step
    assert faces.hard_triplets(f, labels).shape[1] == 0


def test_encodings_that_are_all_the_same_cost_the_margin():
    """The trivial answer is shut out: without a margin it would be perfect."""
    same = np.ones((128, 5))
    assert faces.triplet_cost(same, same, same, 0.2) == pytest.approx(1.0)
    assert faces.triplet_cost(same, same, same, 0.0) == 0.0


@few
@given(seed=seeds)
def test_recognition_is_verification_of_the_nearest(seed):
    f, _ = album(seed)
    tau, query, stored = 0.3, f[:, [0]], f[:, 1:]
    nearest = int(np.argmin(faces.distance(query, stored)))
    answer = faces.recognize(query, stored, tau)
    same = faces.same_person(query, stored, tau)
    assert answer == (nearest if same.any() else faces.NOT_RECOGNIZED)
    assert same[nearest] == same.max()


@few
@given(seed=seeds)
def test_heads_do_not_care_which_picture_is_first(seed):
    f_i, f_j = (
        np.random.default_rng(seed).uniform(0, 2, (2, 6, 3)).round()
    )  # whole numbers: equal entries, and two zeros
    du = np.ones((6, 3))
    for forward, backward in (
        (faces.absolute_difference, faces.absolute_difference_backward),
        (faces.chi_square, faces.chi_square_backward),
    ):
        np.testing.assert_array_equal(forward(f_i, f_j), forward(f_j, f_i))
        assert not forward(f_i, f_i).any()
        there, back = backward(du, f_i, f_j), backward(du, f_j, f_i)
        np.testing.assert_array_equal(there.df_i, back.df_j)
        np.testing.assert_array_equal(there.df_j, back.df_i)
        assert all(np.isfinite(gradient).all() for gradient in there)


def test_comparing_with_more_people_goes_wrong_more_often():
    rng = np.random.default_rng(0)
    all_right = (rng.random((200_000, 20)) < 0.99).all(axis=1).mean()
    assert faces.recognition_accuracy(0.99, 20) == pytest.approx(all_right, abs=0.005)
