"""What a convolution is good for, as laws: it moves with the picture, slides a dense layer, finds edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rumbo.reference import convolution as ref

SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.integers(-3, 3), st.integers(-3, 3))
def test_it_moves_with_the_picture(seed, down, right):
    rng = np.random.default_rng(seed)
    A, W = np.zeros((1, 14, 14, 2)), rng.normal(size=(3, 3, 2, 4))
    A[:, 5:9, 5:9] = rng.normal(size=(1, 4, 4, 2))
    moved = np.roll(A, (down, right), axis=(1, 2))
    Z, Z_moved = ref.cross_correlate(A, W), ref.cross_correlate(moved, W)
    np.testing.assert_allclose(Z_moved, np.roll(Z, (down, right), axis=(1, 2)), atol=1e-12)


@given(SEEDS)
def test_a_convolution_of_a_convolution_needs_the_flipped_one(seed):
    """(A * F) * G = A * (F * G) holds for the convolution of mathematics, and not for the cross-correlation."""
    rng = np.random.default_rng(seed)
    A, F, G = rng.normal(size=(9, 9)), rng.normal(size=(3, 3)), rng.normal(size=(2, 2))

    def both_ways(operation):
        full = operation(np.pad(F, 1), G)
        return operation(operation(A, F), G), operation(A, full)

    np.testing.assert_allclose(*both_ways(ref.convolve_matrix), atol=1e-12)
    assert not np.allclose(*both_ways(ref.cross_correlate_matrix))


@given(SEEDS, st.integers(0, 5), st.integers(0, 5))
def test_a_dense_layer_slides_over_a_larger_picture(seed, more_rows, more_columns):
    """Source: Borghi, "Implementación convolucional de las ventanas deslizantes"."""
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(6, 4 * 4 * 2)), rng.normal(size=(6, 1))
    A = rng.normal(size=(3, 4 + more_rows, 4 + more_columns, 2))
    Z = ref.cross_correlate(A, W.T.reshape(4, 4, 2, 6), b[:, 0])
    for i, j in np.ndindex(more_rows + 1, more_columns + 1):
        window = A[:, i : i + 4, j : j + 4].reshape(3, -1).T
        np.testing.assert_allclose(Z[:, i, j].T, W @ window + b, atol=1e-12)


@given(SEEDS)
def test_a_filter_of_one_place_is_a_dense_layer_at_every_pixel(seed):
    rng = np.random.default_rng(seed)
    A, W, b = rng.normal(size=(2, 5, 6, 7)), rng.normal(size=(1, 1, 7, 3)), rng.normal(size=3)
    Z = ref.cross_correlate(A, W, b)
    np.testing.assert_allclose(Z[1, 2, 3], W[0, 0].T @ A[1, 2, 3] + b)


@pytest.mark.parametrize("name", ["VERTICAL", "SOBEL", "SCHARR"])
def test_filters_find_edges_of_their_own_direction(name):
    edge = getattr(ref, name)
    step = np.repeat([[10.0] * 3 + [0.0] * 3], 6, axis=0)
    found = ref.cross_correlate_matrix(step, edge)
    assert (found == edge[:, 0].sum() * np.array([0, 10, 10, 0])).all()
    assert (ref.cross_correlate_matrix(10 - step, edge) == -found).all()
    assert (ref.cross_correlate_matrix(step, edge.T) == 0).all()
    assert (ref.cross_correlate_matrix(step.T, edge.T) == found.T).all()
    assert (ref.HORIZONTAL == ref.VERTICAL.T).all()


@given(st.integers(1, 30), st.integers(1, 7), st.integers(1, 4), st.integers(1, 3))
def test_same_padding_of_two_sides_leaves_a_strideth_of_the_places(n, f, stride, dilation):
    before, after = ref.same_padding_of_two_sides(n, f, stride, dilation)
    assert after - before in (0, 1)
    assert ref.output_size(n + before + after, f, 0, stride, dilation) == -(-n // stride)


@given(st.integers(1, 30), st.integers(1, 7), st.integers(0, 3), st.integers(1, 4), st.integers(1, 3))
def test_the_output_size_counts_where_the_filter_fits(n, f, padding, stride, dilation):
    starts = range(0, n + 2 * padding, stride)
    fits = sum(start + dilation * (f - 1) < n + 2 * padding for start in starts)
    if fits:
        assert ref.output_size(n, f, padding, stride, dilation) == fits
    else:
        with pytest.raises(ValueError, match="does not fit"):
            ref.output_size(n, f, padding, stride, dilation)


def test_an_even_filter_has_no_middle():
    assert ref.same_padding(2, dilation=2) == 1
    with pytest.raises(ValueError, match="a filter of 4 places has no middle"):
        ref.same_padding(4)


@given(st.integers(0, 3), st.integers(0, 3), st.integers(1, 4))
def test_crop_takes_the_padding_off(p, q, n):
    A = np.arange(2.0 * n * 3 * 2).reshape(2, n, 3, 2)
    assert (ref.crop(ref.pad(A, (p, q)), (p, q)) == A).all()
    assert ref.pad(A, (p, q)).sum() == A.sum()
    assert ref.pad(A, (p, q)).shape == (2, n + 2 * p, 3 + 2 * q, 2)
