"""The character network learns by NumPy alone, and writes what it learned."""

import math
from itertools import pairwise

import numpy as np
import pytest

from rumbo.reference import characters
from rumbo.reference.activations import softmax_temperature
from rumbo.reference.recurrent import rnn_cell_forward


def read_text(shared_data, length):
    """The start of the text: codes to learn from, codes held out (the last tenth), and the alphabet."""
    text = (shared_data / "tinyshakespeare" / "input.txt").read_text()[:length]
    alphabet = characters.alphabet_of(text)
    codes = characters.encode(text, alphabet)
    return codes[: length * 9 // 10], codes[length * 9 // 10 :], alphabet


@pytest.mark.train
def test_it_learns_shakespeare_better_than_counts_of_pairs(shared_data):
    """50,000 characters in seconds; measured 2.86 bits a character, pairs 3.49, single characters 4.60."""
    codes, held_out, alphabet = read_text(shared_data, 50_000)
    k, rng = len(alphabet), np.random.default_rng(0)
    model, costs = characters.train(codes, characters.initialize(k, 100, rng), epochs=8, alpha=0.005, m=16)
    bits = characters.bits_per_character(held_out, model)
    assert bits < characters.bigram_bits(codes, held_out, k) - 0.5 < characters.unigram_bits(codes, held_out, k) - 1.5
    assert np.mean(costs[-50:]) < 0.65 * np.mean(costs[:50])

    written = characters.decode(characters.sample(model, alphabet.index("\n"), 2000, 0.7, rng), alphabet)
    words = set("".join(c if c.isalpha() else " " for c in written.lower()).split())
    assert {"the", "and"} <= words


def test_it_remembers_what_pairs_forget():
    """In aabaab... the next letter after an a depends on the one before it."""
    codes = characters.encode("aab" * 200, "ab")
    model, _ = characters.train(codes, characters.initialize(2, 8, np.random.default_rng(0)), epochs=30, m=4, T=16)
    assert characters.bigram_bits(codes, codes, 2) > 0.6
    assert characters.bits_per_character(codes, model) < 0.1


def test_counts_are_the_entropy_of_what_occurs():
    """Half a, half b, each as likely after each: one bit; a text of pairs ab costs less once pairs count."""
    rng = np.random.default_rng(0)
    fair, pairs = rng.integers(0, 2, 100_000), np.tile([0, 1], 50_000)
    assert characters.unigram_bits(fair, fair, 2) == pytest.approx(1, abs=1e-3)
    assert characters.bigram_bits(fair, fair, 2) == pytest.approx(1, abs=1e-3)
    assert characters.unigram_bits(pairs, pairs, 2) == pytest.approx(1, abs=1e-3)
    assert characters.bigram_bits(pairs, pairs, 2) == pytest.approx(0, abs=1e-3)
    # What was never seen is told as once in n + k.
    assert characters.unigram_bits(np.array([0, 0, 0]), np.array([0, 1]), 2) == math.log2(5)
    assert characters.bigram_bits(np.array([0, 0, 0]), np.array([0, 1]), 2) == math.log2(4)


def random_model(k=4, n_a=5):
    rng = np.random.default_rng(1)
    return characters.initialize(k, n_a, rng)._replace(b_y=rng.standard_normal((k, 1)))


def test_first_weights_have_the_variance_of_xavier():
    model = characters.initialize(60, 200, np.random.default_rng(0))
    variances = [np.var(W) for W in (model.W_ax, model.W_aa, model.W_ya)]
    np.testing.assert_allclose(variances, [1 / 60, 1 / 200, 1 / 200], rtol=0.05)
    assert not model.b_a.any()
    assert not model.b_y.any()


@pytest.mark.parametrize("T", [1, 7, 23, 24, 25, 99])
def test_pieces_cover_the_text_in_order(T):
    codes = np.arange(103)
    seen = [np.concatenate([x, y[:, -1:]], axis=1) for x, y in characters.pieces(codes, m=4, T=T)]
    streams = np.concatenate([piece[:, :-1] for piece in seen], axis=1)
    np.testing.assert_array_equal(streams, codes[:100].reshape(4, 25)[:, :-1])
    assert all((np.diff(piece, axis=1) == 1).all() for piece in seen)


def test_the_state_goes_on_from_piece_to_piece():
    """With a rate of 0 the costs of the pieces are those of the whole text read at once."""
    codes, model = np.random.default_rng(0).integers(0, 4, 41), random_model()
    same, costs = characters.train(codes, model, epochs=1, alpha=0.0, m=1, T=8)
    whole = characters.read(codes[None, :-1], codes[None, 1:], np.zeros((5, 1)), model).cost
    assert np.mean(costs) == pytest.approx(whole, rel=1e-12)
    assert all((one == other).all() for one, other in zip(same, model, strict=True))


def test_training_clips():
    """A gradient clipped to nearly nothing is far below Adam's epsilon, so nothing moves."""
    codes, model = np.random.default_rng(0).integers(0, 4, 200), random_model()
    clipped, _ = characters.train(codes, model, epochs=1, m=2, bound=1e-14)
    free, _ = characters.train(codes, model, epochs=1, m=2)
    moved = [np.abs(trained.W_aa - model.W_aa).max() for trained in (clipped, free)]
    assert moved[0] < 1e-6 < 1e-3 < moved[1]


def test_clipping_by_norm_keeps_the_direction():
    model = random_model()
    one = characters.clip_norm(model, 0.5)
    assert sum(np.sum(dW**2) for dW in one) == pytest.approx(0.25)
    ratios = np.concatenate([(dW / W).ravel() for dW, W in zip(one, model, strict=True) if W.any()])
    np.testing.assert_allclose(ratios, ratios[0])
    assert all((dW == W).all() for dW, W in zip(characters.clip_norm(model, 1e9), model, strict=True))
    zeros = characters.Model(*(np.zeros_like(W) for W in model))
    assert not any(dW.any() for dW in characters.clip_norm(zeros, 1.0))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_samples_follow_the_tempered_softmax(temperature):
    model, rng = random_model(), np.random.default_rng(0)
    x = characters.one_hot(np.array([2]), 4)
    Z = model.W_ya @ rnn_cell_forward(x, np.zeros((5, 1)), model.cell).a + model.b_y
    expected = softmax_temperature(Z, temperature)[:, 0]
    drawn = np.array([characters.sample(model, 2, 1, temperature, rng)[0] for _ in range(4000)])
    measured = np.bincount(drawn, minlength=4) / 4000
    assert (np.abs(measured - expected) < 5 * np.sqrt(expected * (1 - expected) / 4000)).all()


def test_a_cold_sample_writes_what_is_likeliest():
    model = random_model()
    written = [2, *characters.sample(model, 2, 30, 1e-3, np.random.default_rng(0))]
    a = np.zeros((5, 1))
    for code, following in pairwise(written):
        a = rnn_cell_forward(characters.one_hot(np.array([code]), 4), a, model.cell).a
        assert following == np.argmax(model.W_ya @ a + model.b_y)
