"""Figures of Teran: the perceptron, activation functions, losses, gradients, dropout."""

import numpy as np
import pytest
import torch

from rumbo import losses as fast_losses
from rumbo.reference import activations, graph, logistic_regression, losses
from rumbo.reference.gradient_check import two_sided
from rumbo.reference.perceptron import perceptron, weighted_sum
from rumbo.reference.regularization import dropout, dropout_mask, inverted_dropout

W0, W = 1.0, np.array([3.0, -2.0])
Z = np.linspace(-6, 6, 49)


def printed_sigmoid(z):
    """The sigmoid with a minus where its plus belongs."""
    return 1 / (1 - np.exp(-z))


@pytest.mark.golden(
    "S2",
    line=200,
    says="\\frac{1}{1 - e^{-z}}",
    shows="The sigmoid, as the example of an activation function.",
    right="1 / (1 + e^-z)",
    why="With a minus the function is negative or above 1 everywhere, and has no value at 0.",
)
def test_sigmoid_of_the_example():
    z = Z[Z != 0]
    assert ((printed_sigmoid(z) < 0) | (printed_sigmoid(z) > 1)).all()
    A = activations.sigmoid(Z)
    assert ((A > 0) & (A < 1)).all()
    assert activations.sigmoid(np.zeros(1)).item() == 0.5
    np.testing.assert_allclose(A, torch.sigmoid(torch.tensor(Z)).numpy(), rtol=1e-12)


@pytest.mark.golden(
    "S2",
    line=211,
    says="\\frac{1}{1 - e^{-z}}",
    shows="The sigmoid in the table of activation functions.",
    right="1 / (1 + e^-z)",
    why="The printed function does not even have the derivative g (1 - g) that the table gives it: its slope is "
    "negative wherever it is defined.",
)
def test_sigmoid_of_the_table():
    for z in (-2.0, 0.5, 3.0):
        assert two_sided(printed_sigmoid, z, 1e-6) < 0
        slope = two_sided(lambda z: activations.sigmoid(np.array(z)).item(), z, 1e-6)
        assert slope == pytest.approx(activations.sigmoid_derivative(np.array(z)).item())
        assert slope > 0


@pytest.mark.golden(
    "S2",
    line=213,
    says="g'(z) = g(z)(1 - g(z))",
    shows="Derivative of the sigmoid, from the value alone; it is largest, 1/4, at 0.",
)
def test_derivative_of_the_sigmoid():
    g = torch.sigmoid(torch.tensor(Z))
    np.testing.assert_allclose(activations.sigmoid_derivative(Z), (g * (1 - g)).numpy(), rtol=1e-10)
    slopes = [two_sided(lambda z: activations.sigmoid(np.array(z)).item(), z, 1e-5) for z in Z]
    np.testing.assert_allclose(activations.sigmoid_derivative(Z), slopes, atol=1e-9)
    assert activations.sigmoid_derivative(Z).max() == 0.25


@pytest.mark.golden(
    "S2",
    line=226,
    says="g'(z) = 1 - g(z)^2",
    shows="Derivative of the hyperbolic tangent, from the value alone; it is largest, 1, at 0.",
)
def test_derivative_of_tanh():
    slopes = [two_sided(lambda z: activations.tanh(np.array(z)).item(), z, 1e-5) for z in Z]
    np.testing.assert_allclose(activations.tanh_derivative(Z), slopes, atol=1e-9)
    np.testing.assert_allclose(activations.tanh_derivative(Z), 1 - activations.tanh(Z) ** 2, rtol=1e-10)
    assert activations.tanh_derivative(Z).max() == 1


@pytest.mark.golden(
    "S2",
    lines=(234, 237),
    says=("\\max(0, z)", "1, & \\text{si } z > 0", "0, & \\text{otros"),
    shows="The rectified linear unit has slope 1 above 0 and slope 0 elsewhere.",
)
def test_derivative_of_relu():
    z = torch.tensor([-2.0, -0.1, 0.0, 0.1, 2.0], dtype=torch.float64, requires_grad=True)
    torch.relu(z).sum().backward()
    values = z.detach().numpy()
    assert activations.relu_derivative(values).tolist() == z.grad.tolist() == [0, 0, 0, 1, 1]
    assert activations.relu(values).tolist() == [0, 0, 0, 0.1, 2]


@pytest.mark.golden(
    "S2",
    lines=(271, 273),
    says=("$w_0 = 1$", "3 \\\\ -2", "g(1 + 3x_1 - 2x_2)"),
    shows="With bias 1 and weights 3 and -2 the weighted sum of two inputs is 1 + 3 x1 - 2 x2.",
)
def test_weighted_sum_of_the_example():
    corners = np.array([[0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
    assert weighted_sum(W0, W, corners).tolist() == [1, 4, -1, 2]
    layer = torch.nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, -2.0]]))
        layer.bias.fill_(1)
    assert layer(torch.tensor(corners.T, dtype=torch.float32)).ravel().tolist() == [1, 4, -1, 2]


@pytest.mark.golden(
    "S2",
    lines=(276, 285),
    says=("2D", "g(1 + 3x_1 - 2x_2)"),
    shows="Where the weighted sum is zero lies a straight line of the plane; on it the answer is one half.",
)
def test_the_line_where_the_answer_is_one_half():
    x1 = np.linspace(-3, 3, 7)
    on_the_line = np.stack([x1, (1 + 3 * x1) / 2])
    np.testing.assert_allclose(perceptron(W0, W, on_the_line, activations.sigmoid), 0.5, rtol=1e-12)


@pytest.mark.golden(
    "S2",
    lines=(296, 304),
    says=("g(1 + 3x_1 - 2x_2)", "-1 \\\\ 2", "g(-6) \\approx 0.002"),
    shows="For the input (-1, 2) the weighted sum is -6, and its sigmoid about 0.002.",
)
def test_the_perceptron_of_the_example():
    x = np.array([-1.0, 2.0])
    assert weighted_sum(W0, W, x) == -6
    assert perceptron(W0, W, x, activations.sigmoid) == pytest.approx(0.002, abs=5e-4)
    assert torch.sigmoid(torch.tensor(-6.0)).item() == pytest.approx(
        perceptron(W0, W, x, activations.sigmoid), rel=1e-6
    )


@pytest.mark.golden(
    "S2",
    line=313,
    says="g(1 + 3x_1 - 2x_2)",
    shows="The line parts the plane: below it the answer is above one half, above it the answer is below.",
)
def test_the_two_sides_of_the_line():
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, size=(2, 500))
    below = x[1] < (1 + 3 * x[0]) / 2
    assert 100 < below.sum() < 400
    np.testing.assert_array_equal(perceptron(W0, W, x, activations.sigmoid) > 0.5, below)


@pytest.mark.golden(
    "S2",
    lines=(340, 360),
    says=("w_0 + \\sum_{j=1}^m x_j w_j", "w_{0,2}^{(1)} + x_1 w_{1,2}^{(1)} + x_2 w_{2,2}^{(1)} + x_m w_{m,2}^{(1)}"),
    shows="The second unit of a layer sums its bias and every input times its own weight.",
)
def test_weighted_sum_of_the_second_unit():
    rng = np.random.default_rng(0)
    w0, w, x = rng.normal(size=(4, 1)), rng.normal(size=(3, 4)), rng.normal(size=(3, 1))
    z = weighted_sum(w0, w, x)
    unit = 1  # counted from 0 here, from 1 in the notes
    by_hand = w0[unit, 0] + x[0, 0] * w[0, unit] + x[1, 0] * w[1, unit] + x[2, 0] * w[2, unit]
    assert z[unit, 0] == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.golden(
    "S2",
    lines=(433, 438),
    says=("entre 0 y 1", "\\frac{1}{n}"),
    shows="Binary cross-entropy, the cost of probabilities between 0 and 1.",
    right="-(1/n) sum y log f + (1 - y) log(1 - f)",
    why="Both logarithms are of numbers below 1: without the minus sign the cost is negative, and the worse the "
    "prediction the lower.",
)
def test_binary_cross_entropy_has_a_minus():
    y, good, bad = np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.2, 0.7]), np.array([0.3, 0.6, 0.1])

    def printed(p):
        return (y * np.log(p) + (1 - y) * np.log(1 - p)).mean()

    assert printed(bad) < printed(good) < 0
    assert 0 < losses.cost(losses.log_loss(good, y)) < losses.cost(losses.log_loss(bad, y))
    logits = torch.logit(torch.tensor(good))
    fast = fast_losses.binary_cross_entropy(logits, torch.tensor(y)).mean().item()
    assert fast == pytest.approx(-printed(good)) == pytest.approx(losses.cost(losses.log_loss(good, y)))


@pytest.mark.golden(
    "S2",
    line=443,
    says="softmax_cross_entropy_with_logits",
    shows="The listed cost of a network with one yes-or-no output.",
    right="sigmoid_cross_entropy_with_logits, with one output",
    why="The softmax of a single output is always 1: its cross-entropy is 0 whatever the network says, or y times 0.",
)
def test_softmax_of_one_output_is_blind():
    outputs = np.array([[-3.0, 0.0, 5.0]])
    y = np.array([[1.0, 1.0, 1.0]])
    assert activations.softmax(outputs).tolist() == [[1, 1, 1]]
    assert losses.cross_entropy(outputs, y).tolist() == [0, 0, 0]
    as_sigmoid = losses.binary_cross_entropy(outputs, y)
    fast = fast_losses.binary_cross_entropy(torch.tensor(outputs), torch.tensor(y)).numpy()
    np.testing.assert_allclose(as_sigmoid, fast, rtol=1e-12)
    assert (np.diff(as_sigmoid) < 0).all()


def two_weights(x=0.7, y=1.0, w1=-0.4, w2=1.3):
    """A hidden unit and an output unit, with their squared error: weights, values on the way, cost."""
    first, second = graph.Node(w1), graph.Node(w2)
    z1 = first * x
    yhat = second * graph.sigmoid(z1)
    J = (yhat - y) ** 2
    return first, second, z1, yhat, J


@pytest.mark.golden(
    "S2",
    lines=(554, 563),
    says="\\frac{\\partial \\hat{y}}{\\partial w_2}",
    shows="Chain rule for the last weight: slope of the cost along the output times slope of the output along it.",
)
def test_chain_rule_for_the_last_weight():
    _, second, z1, yhat, J = two_weights()
    d, d_output = graph.derivatives(J), graph.derivatives(yhat)
    assert d[second] == pytest.approx(d[yhat] * d_output[second], rel=1e-12)
    assert d_output[second] == pytest.approx(activations.sigmoid(np.array(z1.value)).item())
    assert d[second] == pytest.approx(two_sided(lambda w2: two_weights(w2=w2)[-1].value, 1.3, 1e-5), rel=1e-7)


@pytest.mark.golden(
    "S2",
    lines=(570, 587),
    says="\\frac{\\partial \\hat{y}}{\\partial z_1} * \\frac{\\partial z_1}{\\partial w_1}",
    shows="Chain rule for an earlier weight: one more factor for every value on the way.",
)
def test_chain_rule_for_the_first_weight():
    first, _, z1, yhat, J = two_weights()
    d, d_output, d_hidden = graph.derivatives(J), graph.derivatives(yhat), graph.derivatives(z1)
    assert d[first] == pytest.approx(d[yhat] * d_output[z1] * d_hidden[first], rel=1e-12)
    assert d[first] == pytest.approx(two_sided(lambda w1: two_weights(w1=w1)[-1].value, -0.4, 1e-5), rel=1e-7)


@pytest.mark.golden(
    "S2",
    lines=(685, 686),
    says=("\\partial J_i(\\mathbf{W})", "\\eta \\frac{\\partial J(\\mathbf{W})}"),
    shows="A step of stochastic descent follows the gradient of one example.",
    right="W := W - eta dJ_i/dW",
    why="The line before computes the gradient of example i; the gradient of the whole cost is what the method spares.",
)
def test_a_stochastic_step_follows_one_example():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(3, 5)), (rng.uniform(size=(1, 5)) < 0.5) * 1.0
    w = rng.normal(size=(3, 1))
    whole = logistic_regression.gradients(w, 0.0, X, Y).dw
    single = [logistic_regression.gradients(w, 0.0, X[:, [i]], Y[:, [i]]).dw for i in range(5)]
    assert all(np.linalg.norm(dw - whole) > 0.1 for dw in single)
    np.testing.assert_allclose(np.mean(single, axis=0), whole, rtol=1e-12)


@pytest.mark.golden(
    "S2",
    line=699,
    says="\\frac{1}{B} \\sum_{k=1}^B",
    shows="The gradient of a mini-batch is the mean of the gradients of its B examples.",
)
@pytest.mark.parametrize("B", [1, 4, 9])
def test_the_gradient_of_a_batch_is_a_mean(B):
    rng = np.random.default_rng(B)
    X, Y, w = rng.normal(size=(3, B)), (rng.uniform(size=(1, B)) < 0.5) * 1.0, rng.normal(size=(3, 1))
    single = [logistic_regression.gradients(w, 0.3, X[:, [k]], Y[:, [k]]) for k in range(B)]
    batch = logistic_regression.gradients(w, 0.3, X, Y)
    np.testing.assert_allclose(batch.dw, sum(dw for dw, _ in single) / B, rtol=1e-12)
    assert batch.db == pytest.approx(sum(db for _, db in single) / B, rel=1e-12)


@pytest.mark.golden(
    "S2",
    lines=(754, 761),
    says=("neuronas en 0", "50%", "p=0.5"),
    shows="Dropout sets half of a layer's activations to zero while the network trains.",
)
def test_dropout_drops_half():
    rng = np.random.default_rng(0)
    A = rng.uniform(1, 2, size=(100, 200))
    dropped = dropout(A, dropout_mask(A.shape, 0.5, rng))
    assert (dropped == 0).mean() == pytest.approx(0.5, abs=0.02)
    assert set(np.unique(dropped / A)) == {0, 1}


@pytest.mark.golden(
    "S2",
    lines=(767, 773),
    says=("neuronas en 0", "50%", "p=0.5"),
    shows="A framework's dropout of 0.5 doubles what it keeps, so that nothing need be done at prediction.",
)
def test_dropout_of_the_framework_doubles_what_it_keeps():
    torch.manual_seed(0)
    layer, A = torch.nn.Dropout(p=0.5), torch.ones(10_000, dtype=torch.float64)
    dropped = layer(A).numpy()
    assert (dropped == 0).mean() == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(dropped, inverted_dropout(A.numpy(), (dropped > 0) * 1.0, 0.5), rtol=1e-12)
    assert torch.equal(layer.eval()(A), A)
