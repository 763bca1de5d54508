"""Figures of S0 on recognising faces and on style transfer."""

import numpy as np
import pytest
from generation import generation_costs

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.summary import summarize
from rumbo.reference import faces, style
from rumbo.reference.activations import sigmoid
from rumbo.reference.gradient_check import numeric_gradient


def encodings(distance):
    """Two encodings at a squared distance."""
    a = np.zeros((128, 1))
    b = a.copy()
    b[0] = np.sqrt(distance)
    return a, b


@pytest.mark.golden(
    "S0",
    line=2968,
    says=("99%", "100 personas", "99.9%"),
    shows="Verification that is right in 99 of 100 cases tells one of 100 persons from all others in 37 % of cases "
    "only; at 99.9 % in 90 %.",
)
def test_recognition_among_a_hundred():
    assert faces.recognition_accuracy(0.99, 100) == pytest.approx(0.366, abs=5e-4)
    assert faces.recognition_accuracy(0.999, 100) == pytest.approx(0.905, abs=5e-4)
    rng = np.random.default_rng(0)
    all_right = (rng.random((20_000, 100)) < 0.99).all(axis=1).mean()
    assert faces.recognition_accuracy(0.99, 100) == pytest.approx(all_right, abs=0.015)


@pytest.mark.golden(
    "S0",
    lines=(2974, 2976),
    says=("1:1", "1:K"),
    shows="Verification compares with one stored encoding, recognition with K of them, and may find none near enough.",
)
def test_one_to_one_and_one_to_k():
    rng = np.random.default_rng(0)
    stored = rng.normal(size=(128, 5))
    picture = stored[:, [3]] + 0.01 * rng.normal(size=(128, 1))
    assert [faces.same_person(picture, stored[:, [k]], tau=1.0).item() for k in range(5)] == [0, 0, 0, 1, 0]
    assert faces.recognize(picture, stored, tau=1.0) == 3
    assert faces.recognize(rng.normal(size=(128, 1)), stored, tau=1.0) == faces.NOT_RECOGNIZED


@pytest.mark.golden(
    "S0",
    line=2984,
    says=("4 fotos", "Softmax (5)", "Softmax(6)"),
    shows="A softmax over four employees and nobody has five outputs; with one more employee six, and other weights.",
)
def test_a_softmax_over_employees():
    def head(num_employees):
        spec = InputSpec(num_numbers=128)
        return summarize(models.build("softmax_regression", spec, num_employees + 1), spec).rows[-1]

    assert (head(4).output_shape, head(5).output_shape) == ((5,), (6,))
    assert head(5).num_parameters - head(4).num_parameters == 128 + 1


@pytest.mark.golden(
    "S0",
    lines=(3001, 3005),
    says=(r"\|f(x^{(i)}) - f(x^{(j)})\|^2$ is small", r"\|f(x^{(i)}) - f(x^{(j)})\|^2$ is large"),
    shows="The distance of two encodings is the sum of their squared differences; its threshold parts same from other.",
)
def test_distance_of_encodings():
    f_i, f_j = np.array([[1.0, 0.0], [2.0, 0.0]]), np.array([[1.0, 3.0], [2.0, 4.0]])
    np.testing.assert_array_equal(faces.distance(f_i, f_j), [0, 25])
    np.testing.assert_array_equal(faces.same_person(f_i, f_j, tau=1.0), [1, 0])


@pytest.mark.golden(
    "S0",
    lines=(3037, 3039),
    says=(r"\frac{\|f(A) - f(P)\|^2}{\alpha} - \frac{\|f(A) - f(N)\|^2}{\alpha} + \alpha \leq 0", r"\vec{0}"),
    shows="What a triplet has to fulfil; encodings that are all zero would do without a margin.",
    right="d(A, P) − d(A, N) + α ≤ 0",
    why="The braces below the two distances were read as fraction bars: nothing is divided by the margin.",
)
def test_all_zero_encodings_break_the_margin():
    zero, (a, p), (_, n) = np.zeros((128, 1)), encodings(0.5), encodings(0.9)
    assert faces.violation(zero, zero, zero, alpha=0.0) <= 0
    assert faces.violation(zero, zero, zero, alpha=0.2) > 0
    assert faces.violation(a, p, n, alpha=0.2).item() == pytest.approx(0.5 - 0.9 + 0.2)
    assert faces.violation(a, p, n, alpha=0.2).item() != pytest.approx(0.5 / 0.2 - 0.9 / 0.2 + 0.2)


@pytest.mark.golden(
    "S0",
    line=3041,
    says=("sea 0.51", r"$\alpha = 0.2$", "fuera 0.5", "orden de 0.7"),
    shows="With d(A, P) = 0.5 a distance of 0.51 to the negative is enough without a margin; a margin of 0.2 asks "
    "for 0.7.",
)
def test_the_margin():
    a, p = encodings(0.5)

    def loss(distance_to_negative, alpha):
        return faces.triplet_loss(a, p, encodings(distance_to_negative)[1], alpha).item()

    assert loss(0.51, alpha=0.0) == 0
    assert loss(0.51, alpha=0.2) == pytest.approx(0.19)
    assert loss(0.7, alpha=0.2) == pytest.approx(0, abs=1e-12)
    assert loss(0.69, alpha=0.2) > 0


@pytest.mark.golden(
    "S0",
    lines=(3045, 3050),
    says=(r"+ \lambda, 0", r"J = \sum_{i=1}^m L(A^{(i)}, P^{(i)}, N^{(i)})"),
    shows="The triplet loss, and the cost as its sum over all triplets.",
    right="L = max(‖f(A) − f(P)‖² − ‖f(A) − f(N)‖² + α, 0)",
    why="The margin has been called α just before; λ does not occur in this section.",
)
def test_the_triplet_loss():
    rng = np.random.default_rng(0)
    A, P, N = 0.3 * rng.normal(size=(3, 4, 6))
    losses = [max(((A - P) ** 2).sum(0)[i] - ((A - N) ** 2).sum(0)[i] + 0.2, 0) for i in range(6)]
    np.testing.assert_allclose(faces.triplet_loss(A, P, N, alpha=0.2), losses, rtol=1e-12)
    assert faces.triplet_cost(A, P, N, alpha=0.2) == pytest.approx(sum(losses), rel=1e-12)
    assert 0 < np.count_nonzero(losses) < 6


@pytest.mark.golden(
    "S0",
    line=3066,
    says=r"\sum_{k=1}^{128} w_i \underbrace{|f(x^{(i)})_k - f(x^{(j)})_k|}",
    shows="The siamese network's last unit weighs the differences of 128 numbers.",
    right="Σ over k of w_k |f(x_i)_k − f(x_j)_k|",
    why="Each of the 128 differences has its own weight; i is the number of a picture.",
)
def test_the_siamese_head():
    rng = np.random.default_rng(0)
    w, b, f_i, f_j = rng.normal(size=(1, 128)), np.array([[0.3]]), *rng.normal(size=(2, 128, 1))
    z = 0.3 + sum(w[0, k] * abs(f_i[k, 0] - f_j[k, 0]) for k in range(128))
    assert faces.head(w, b, faces.absolute_difference(f_i, f_j)).item() == pytest.approx(sigmoid(np.array(z)), rel=1e-9)
    assert w.size + b.size == 129


@pytest.mark.golden(
    "S0",
    lines=(3071, 3073),
    says=(r"\frac{(f(x^{(i)})_k - f(x^{(j)})_k)^2}{f(x^{(i)})_k + f(x^{(j)})_k}", "1 o 0"),
    shows="The χ² difference of two encodings: squared differences over sums. A threshold makes 1 or 0 of the output.",
)
def test_the_chi_square_difference():
    f_i, f_j = np.array([[1.0], [2.0], [0.5]]), np.array([[3.0], [2.0], [1.5]])
    u = faces.chi_square(f_i, f_j)
    np.testing.assert_allclose(u, [[1], [0], [0.5]], rtol=1e-12)
    yhat = faces.head(np.array([[-2.0, -2.0, -2.0]]), np.array([[1.0]]), u)
    assert yhat.item() == pytest.approx(sigmoid(np.array(1 - 2 * 1.5)), rel=1e-12)
    assert faces.head(np.array([[-2.0, -2.0, -2.0]]), np.array([[1.0]]), faces.chi_square(f_i, f_i)).item() > 0.5


@pytest.mark.golden(
    "S0",
    line=3052,
    says=("10k pictures", "1k persons"),
    shows="With ten pictures of each person every anchor has 9 positives; persons with one picture alone give no "
    "triplet.",
)
def test_a_person_needs_several_pictures():
    each = 10_000 // 1_000
    anchors, positives, negatives = faces.all_triplets(np.repeat(np.arange(4), each))
    assert (anchors == 0).sum() == 9 * 3 * each
    assert len(set(positives[anchors == 0])) == each - 1 == 9
    assert len(set(negatives[anchors == 0])) == 3 * each
    assert faces.all_triplets(np.arange(4)).shape == (3, 0)


@pytest.mark.golden(
    "S0",
    lines=(3113, 3114),
    says=("100x100x3", "minimizar J(G)"),
    shows="A generated picture of 100 x 100 x 3 starts as noise; gradient descent lowers its cost.",
)
def test_a_generated_picture_starts_as_noise():
    C, S, G = np.random.default_rng(0).random((3, 100, 100, 3))
    costs = generation_costs(G, C, S, num_steps=20)
    first = style.total_cost(style.content_cost(C, G), style.style_cost(S, G), alpha=1.0, beta=1e4)
    assert costs[0] == pytest.approx(first)
    assert (np.diff(costs) < 0).all()
    assert costs[-1] < 0.2 * costs[0]


@pytest.mark.golden(
    "S0",
    line=3128,
    says=r"\frac{1}{2} \|a^{[l](C)} - a^{[l](G)}\|^2",
    shows="The content cost is half the squared distance of the activations.",
)
def test_the_content_cost():
    a_C, a_G = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    assert style.content_cost(a_C, a_G) == pytest.approx(0.5 * np.linalg.norm((a_C - a_G).ravel()) ** 2, rel=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(3148, 3160),
    says=(r"G_{k,k'}^{[l]} = \sum_{i,j} a_{i,j,k}^{[l]} a_{i,j,k'}^{[l]}", r"$i=1,\dots,n_h$"),
    shows="The Gram matrix: for each pair of channels the sum over all places of their product, neither centred nor "
    "scaled.",
)
def test_the_gram_matrix():
    a = np.random.default_rng(0).normal(1, 1, (4, 5, 3))
    by_loops = [
        [sum(a[i, j, k] * a[i, j, other] for i in range(4) for j in range(5)) for other in range(3)] for k in range(3)
    ]
    np.testing.assert_allclose(style.gram_matrix(a), by_loops, rtol=1e-12)
    assert not np.allclose(style.gram_matrix(a), np.cov(a.reshape(-1, 3).T), rtol=0.1)


@pytest.mark.golden(
    "S0",
    lines=(3164, 3167),
    says=(r"\|_F^2", r"\frac{1}{(2n_H^{[l]} n_W^{[l]} n_C^{[l]})^2}", r"(G_{kk'}^{[l](S)} - G_{kk'}^{[l](G)})$$"),
    shows="The style cost of one layer, with its factor.",
    right="1 / (2 n_H n_W n_C)² · Σ (G_kk'(S) − G_kk'(G))²",
    why="The sum has lost its square, which the line before has: differences of both signs would cancel out, and the "
    "least cost would be without bound.",
)
def test_the_style_cost():
    a_S, a_G = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    differences = style.gram_matrix(a_S) - style.gram_matrix(a_G)
    norm = np.linalg.norm(differences, "fro") ** 2
    assert style.frobenius_style_cost(a_S, a_G) == pytest.approx(norm, rel=1e-12)
    assert style.style_cost(a_S, a_G) == pytest.approx(norm / (2 * 4 * 5 * 3) ** 2, rel=1e-12)
    assert differences.min() < 0 < differences.max()
    measured = numeric_gradient(lambda g: style.style_cost(a_S, g.reshape(a_G.shape)), a_G.ravel())
    np.testing.assert_allclose(measured, style.style_cost_gradient(a_S, a_G).ravel(), atol=1e-9)
