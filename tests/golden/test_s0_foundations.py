"""Figures of S0, from pictures as vectors to networks of L layers: each worked out by our code."""

import time

import numpy as np
import pytest

from rumbo import models
from rumbo.core.inputs import InputSpec
from rumbo.models.summary import summarize
from rumbo.reference import gradient_check, initializers, logistic_regression, losses
from rumbo.reference.activations import (
    LEAKY_RELU,
    RELU,
    SIGMOID,
    TANH,
    leaky_relu_derivative,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    tanh,
    tanh_derivative,
)
from rumbo.reference.graph import Node, derivatives
from rumbo.reference.network import BINARY, Network, forward, gradients, initialize, no_dropout
from rumbo.reference.perceptron import weighted_sum


def some_network(sizes, m=5, hidden=TANH):
    """Layers with random weights and biases, examples and targets."""
    rng = np.random.default_rng(0)
    network = Network((hidden,) * (len(sizes) - 2), BINARY)
    layers = [layer._replace(b=rng.normal(size=layer.b.shape)) for layer in initialize(sizes, initializers.xavier, rng)]
    X, Y = rng.normal(size=(sizes[0], m)), rng.integers(0, 2, (sizes[-1], m)).astype(float)
    return network, layers, X, Y, no_dropout(layers, m)


@pytest.mark.golden(
    "S0",
    lines=(101, 109),
    says=("12288", r"64 \times 64 \times 3 = 12288"),
    shows="A color picture of 64 by 64 pixels is a vector of 12,288 numbers, each with its weight in a regression.",
)
def test_a_picture_as_a_vector():
    spec = InputSpec(image=(3, 64, 64))
    summary = summarize(models.build("logistic_regression", spec, 2), spec)
    (linear,) = [row for row in summary.rows if row.num_parameters]
    assert linear.num_parameters == 12288 + 1


@pytest.mark.golden(
    "S0",
    lines=(117, 133),
    says=(r"Y \in \mathbb{R}^{1 \times m}", "(1, m)", "(n_x, m)"),
    shows="With the examples as the columns of X, one per column, the outputs make one row of m numbers.",
)
def test_examples_stand_in_columns():
    n_x, m = 4, 7
    rng = np.random.default_rng(0)
    w, X, Y = rng.normal(size=(n_x, 1)), rng.normal(size=(n_x, m)), np.ones((1, m))
    assert logistic_regression.forward(w, 0.5, X).shape == Y.shape == (1, m)
    assert logistic_regression.gradients(w, 0.5, X, Y).dw.shape == w.shape


@pytest.mark.golden(
    "S0",
    lines=(138, 140),
    says=(r"0 \leq \hat{y} \leq 1", "valores entre 0 y 1"),
    shows="Whatever the weighted sum, the sigmoid makes a number between 0 and 1 of it.",
)
def test_the_sigmoid_stays_between_0_and_1():
    A = sigmoid(np.linspace(-700, 700, 100_001))
    assert A.min() > 0
    assert A.max() == 1
    assert (np.diff(A) >= 0).all()


@pytest.mark.golden(
    "S0",
    lines=(153, 159),
    says=(r"\frac{1}{1+0} = 1", r"\approx 0"),
    shows="The sigmoid of a large number is about 1, that of a large negative one about 0.",
)
def test_the_sigmoid_far_from_zero():
    high, low = sigmoid(np.array([50.0, -50.0]))
    assert high == pytest.approx(1, abs=1e-15)
    assert low == pytest.approx(0, abs=1e-15)
    assert low > 0


@pytest.mark.golden(
    "S0",
    lines=(161, 167),
    says="x_0 = 1",
    shows="A bias is the weight of one more input that is always 1: both notations give the same weighted sum.",
)
def test_the_bias_is_the_weight_of_an_input_of_one():
    rng = np.random.default_rng(0)
    b, w, X = 0.7, rng.normal(size=3), rng.normal(size=(3, 5))
    theta, with_one = np.concatenate([[b], w]), np.concatenate([np.ones((1, 5)), X])
    np.testing.assert_allclose(weighted_sum(0.0, theta, with_one), w @ X + b, rtol=1e-12)
    np.testing.assert_allclose(weighted_sum(b, w, X), w @ X + b, rtol=1e-12)


@pytest.mark.golden(
    "S0",
    line=183,
    says=r"\frac{1}{2} (\hat{y} - y)^2",
    shows="Half the squared error costs 1/2 at a distance of 1; behind a sigmoid it is not convex, the log loss is.",
)
def test_half_the_squared_error():
    assert losses.half_squared_error(np.array([1.0]), np.array([0.0])).item() == 1 / 2
    Z, one = np.linspace(-6, 6, 121), np.ones(121)
    squared_bends = np.diff(losses.half_squared_error(sigmoid(Z), one), n=2)
    log_bends = np.diff(losses.log_loss(sigmoid(Z), one), n=2)
    assert squared_bends.min() < 0 < squared_bends.max()
    assert log_bends.min() > 0


@pytest.mark.golden(
    "S0",
    line=185,
    says=r"L(\hat{y}, y) = -(\hat{y} \log \hat{y} + (1-\hat{y}) \log (1-\hat{y}))",
    shows="The log loss of one example.",
    right="L = −(y log ŷ + (1 − y) log(1 − ŷ))",
    why="As printed the target does not occur: a sure and wrong prediction would cost nothing. The other places "
    "where the notes print this loss have y.",
)
def test_the_log_loss_has_the_target_in_it():
    yhat, y = np.array([0.8, 0.8]), np.array([1.0, 0.0])
    as_printed = -(yhat * np.log(yhat) + (1 - yhat) * np.log(1 - yhat))
    right = losses.log_loss(yhat, y)
    np.testing.assert_allclose(right, [0.223144, 1.609438], atol=1e-6)
    assert as_printed[0] == as_printed[1]
    assert abs(as_printed - right).min() > 0.2


@pytest.mark.golden(
    "S0",
    lines=(187, 190),
    says=("$y=1$", "$y=0$", r"-\log \hat{y}", r"-\log (1-\hat{y})"),
    shows="The log loss is −log ŷ for a target of 1 and −log(1 − ŷ) for a target of 0.",
)
def test_the_two_cases_of_the_log_loss():
    yhat = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(losses.log_loss(yhat, np.ones(19)), -np.log(yhat), rtol=1e-12)
    np.testing.assert_allclose(losses.log_loss(yhat, np.zeros(19)), -np.log(1 - yhat), rtol=1e-12)


@pytest.mark.golden(
    "S0",
    line=192,
    says=r"-\frac{1}{m} \sum_{i=1}^m [y^{(i)} \log \hat{y}^{(i)} + (1-y^{(i)}) \log (1-\hat{y}^{(i)})]",
    shows="The cost is the mean of the losses of the m examples; at w = 0 and b = 0 it is log 2.",
)
def test_the_cost_is_the_mean_loss():
    rng = np.random.default_rng(0)
    w, X, Y = rng.normal(size=(3, 1)), rng.normal(size=(3, 8)), rng.integers(0, 2, (1, 8)).astype(float)
    each = [logistic_regression.cost(w, 0.2, X[:, [i]], Y[:, [i]]) for i in range(8)]
    assert logistic_regression.cost(w, 0.2, X, Y) == pytest.approx(sum(each) / 8, rel=1e-12)
    assert logistic_regression.cost(0 * w, 0.0, X, Y) == pytest.approx(np.log(2), rel=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(229, 238),
    says=("= 33", "3(5 + 3 \\cdot 2)"),
    shows="The computation graph of J = 3(a + bc) gives 33 at a = 5, b = 3, c = 2; its derivatives are 3, 6 and 9.",
)
def test_the_computation_graph():
    a, b, c = Node(5.0), Node(3.0), Node(2.0)
    J = 3 * (a + b * c)
    assert J.value == 33
    slope = derivatives(J)
    assert [slope[node] for node in (a, b, c)] == [3, 6, 9]


@pytest.mark.golden(
    "S0",
    lines=(273, 293),
    says=("J = 0", "n=2", "-[y^{(i)} \\log a^{(i)} + (1-y^{(i)}) \\log(1-a^{(i)})]"),
    shows="The algorithm of loops for two features sums up the cost and its gradient, which differences confirm.",
)
def test_logistic_regression_by_loops():
    rng = np.random.default_rng(0)
    X, Y, theta = rng.normal(size=(2, 6)), rng.integers(0, 2, (1, 6)).astype(float), np.array([0.3, -0.8, 0.5])

    def cost(theta):
        return logistic_regression.cost_loop(theta[:2, None], float(theta[2]), X, Y)

    dw, db = logistic_regression.gradients_loop(theta[:2, None], float(theta[2]), X, Y)
    assert gradient_check.check(cost, theta, np.array([*dw.ravel(), db])).verdict == "great"


@pytest.mark.golden(
    "S0",
    lines=(321, 327),
    says=("250286.989866", "1.5027523040771484ms", "474.29513931274414ms"),
    shows="A scalar product of two vectors of a million random numbers: loop and vectorised form give the same sum, "
    "near a quarter of a million, and the loop takes many times as long (the printed times are one machine's).",
)
def test_loop_and_vectorised_form_agree():
    w, x = np.random.default_rng(0).random((2, 1_000_000))
    started = time.process_time()
    vectorised = float(weighted_sum(0.0, w, x))
    vectorised_seconds = time.process_time() - started
    pairs = list(zip(w.tolist(), x.tolist(), strict=True))
    z, started = 0.0, time.process_time()
    for w_i, x_i in pairs:
        z += w_i * x_i
    loop_seconds = time.process_time() - started
    assert z == pytest.approx(vectorised, abs=1e-6)
    # The mean of a product of two uniform numbers is 1/4, its variance 7/144.
    assert abs(z - 250_000) < 5 * np.sqrt(1e6 * 7 / 144)
    assert loop_seconds > 5 * vectorised_seconds


@pytest.mark.golden(
    "S0",
    lines=(333, 343),
    says=(r"\frac{1}{m} X \delta z^T", r"\frac{1}{m} np.sum(\delta z)"),
    shows="The vectorised gradients of logistic regression are those of the loops, and one step by them lowers the "
    "cost.",
)
def test_vectorised_gradients():
    rng = np.random.default_rng(0)
    w, X, Y = rng.normal(size=(3, 1)), rng.normal(size=(3, 8)), rng.integers(0, 2, (1, 8)).astype(float)
    dw, db = logistic_regression.gradients(w, 0.2, X, Y)
    slow = logistic_regression.gradients_loop(w, 0.2, X, Y)
    np.testing.assert_allclose(dw, slow.dw, rtol=1e-12)
    assert db == pytest.approx(slow.db, rel=1e-12)
    before, after = (logistic_regression.cost(w - a * dw, 0.2 - a * db, X, Y) for a in (0.0, 0.1))
    assert after < before


@pytest.mark.golden(
    "S0",
    lines=(367, 373),
    says=("(5,)", "(5, 1)", "(1, 5)"),
    shows="A vector of shape (5,) times its transpose is one number; a column (5, 1) times its row (1, 5) is a "
    "matrix, and a column times a row of weights the one weighted sum that is meant.",
)
def test_vectors_of_rank_one_are_no_columns():
    flat = np.random.default_rng(0).standard_normal(5)
    column, row = flat.reshape(5, 1), flat.reshape(1, 5)
    assert (flat @ flat.T).shape == ()
    assert (column @ column.T).shape == (5, 5)
    assert weighted_sum(0.0, row.T, column).shape == (1, 1)


@pytest.mark.golden(
    "S0",
    lines=(398, 424),
    says=r"z^{[1]} = W^{[1]} \underset{(4,1)}{\underset{(4,4)}{\underset{(4,1)}{\underset{(4,1)}{a^{[1]}}}}} + b^{[1]}",
    shows="Shapes of the first layer of four units over three inputs.",
    right="z[1] = W[1] x + b[1] with the shapes (4, 1) = (4, 3)(3, 1) + (4, 1)",
    why="The layer's input is x, three numbers in the matrix form just above, so W[1] is 4 x 3 and not 4 x 4; a[1] "
    "is what the layer gives, not what it gets.",
)
def test_shapes_of_a_layer_of_four_units_over_three_inputs():
    network, layers, X, _, masks = some_network((3, 4, 1), m=1)
    first, second = forward(network, layers, X, masks)
    assert (layers[0].W.shape, first.A_prev.shape, layers[0].b.shape) == ((4, 3), (3, 1), (4, 1))
    assert first.Z.shape == second.A_prev.shape == (4, 1)
    assert (layers[1].W.shape, layers[1].b.shape, second.Z.shape) == ((1, 4), (1, 1), (1, 1))


@pytest.mark.golden(
    "S0",
    lines=(434, 466),
    says=(r"z^{[1](i)} = W^{[1]}x^{(i)} + b^{[1]}", "A^{[2]} = \\sigma(Z^{[2]})"),
    shows="The loop over the examples and the vectorised form with the examples in columns give the same outputs.",
)
def test_examples_one_by_one_or_all_at_once():
    network, layers, X, _, masks = some_network((3, 4, 1), m=6, hidden=SIGMOID)
    at_once = forward(network, layers, X, masks)[-1].Z
    one_by_one = [forward(network, layers, X[:, [i]], [D[:, [i]] for D in masks])[-1].Z for i in range(6)]
    np.testing.assert_allclose(at_once, np.hstack(one_by_one), rtol=1e-12)
    (W1, b1), (W2, b2) = layers
    np.testing.assert_allclose(at_once, W2 @ (1 / (1 + np.exp(-(W1 @ X + b1)))) + b2, rtol=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(510, 518),
    says=(r"\frac{1}{1 + e^{-z}}", r"\frac{e^z - e^{-z}}{e^z + e^{-z}}", r"\max(0, z)"),
    shows="The three activation functions as equations.",
)
def test_activation_functions():
    Z = np.linspace(-5, 5, 41)
    np.testing.assert_allclose(sigmoid(Z), 1 / (1 + np.exp(-Z)), rtol=1e-12)
    np.testing.assert_allclose(tanh(Z), (np.exp(Z) - np.exp(-Z)) / (np.exp(Z) + np.exp(-Z)), rtol=1e-9)
    np.testing.assert_array_equal(RELU.g(Z), [max(0.0, z) for z in Z])


@pytest.mark.golden(
    "S0",
    lines=(528, 538),
    says=("g(z) (1 - g(z))", r"1 - (\tanh(z))^2"),
    shows="The slopes of the sigmoid and of tanh, written with their own values, are those that differences measure.",
)
@pytest.mark.parametrize(
    ("function", "slope"), [(sigmoid, lambda a: a * (1 - a)), (tanh, lambda a: 1 - a**2)], ids=["sigmoid", "tanh"]
)
def test_slopes_of_sigmoid_and_tanh(function, slope):
    ours = {sigmoid: sigmoid_derivative, tanh: tanh_derivative}[function]
    for z in (-2.0, -0.3, 0.0, 1.4):
        measured = gradient_check.two_sided(lambda t: function(np.array(t)).item(), z, 1e-5)
        assert ours(np.array(z)).item() == pytest.approx(measured, abs=1e-9)
        assert slope(function(np.array(z))).item() == pytest.approx(measured, abs=1e-9)


@pytest.mark.golden(
    "S0",
    lines=(543, 545),
    says=(r"\max(0, z)", r"0 & \text{if } z < 0 \\ 1 & \text{if } z \geq 0"),
    shows="ReLU rises by 0 below zero and by 1 above. At zero itself there is no derivative: the notes choose 1, we "
    "choose 0, as torch does.",
)
def test_slopes_of_relu():
    np.testing.assert_array_equal(relu_derivative(np.array([-3.0, -1e-9, 1e-9, 3.0])), [0, 0, 1, 1])
    assert relu_derivative(np.array(0.0)) == 0


@pytest.mark.golden(
    "S0",
    lines=(549, 551),
    says=(r"\max(0.01z, z)", r"0.01 & \text{if } z < 0"),
    shows="Leaky ReLU is 0.01 z below zero, where it rises by 0.01, and z above, where it rises by 1.",
)
def test_leaky_relu():
    Z = np.array([-200.0, -1.0, 1.0, 200.0])
    np.testing.assert_allclose(LEAKY_RELU.g(Z), [-2.0, -0.01, 1.0, 200.0], rtol=1e-12)
    np.testing.assert_array_equal(leaky_relu_derivative(Z), [0.01, 0.01, 1, 1])


@pytest.mark.golden(
    "S0",
    lines=(557, 560),
    says=(r"\omega^{[0]}, b^{[0]}, \omega^{[1]}, b^{[1]}", "(n^{[0]}, n^{[1]})", "(n^{[1]}, n^{[1]})"),
    shows="Parameters of a network with one hidden layer, and their shapes.",
    right="W[1]: (n[1], n[0]), b[1]: (n[1], 1), W[2]: (n[2], n[1]), b[2]: (n[2], 1), with n[2] = 1",
    why="Layers count from 1, layer 0 being the input, and W[l] has a row for each unit of its own layer and a "
    "column for each unit of the layer before, as the notes say themselves further on.",
)
def test_shapes_of_the_parameters_of_a_shallow_network():
    n0, n1, n2 = 3, 5, 1
    _, layers, *_ = some_network((n0, n1, n2))
    assert [(W.shape, b.shape) for W, b in layers] == [((n1, n0), (n1, 1)), ((n2, n1), (n2, 1))]


@pytest.mark.golden(
    "S0",
    lines=(582, 590),
    says=("A^{(2)} - Y", r"\frac{1}{m} \frac{\partial z^{(2)}}{\partial} A^{(1)T}", r"\text{axis}=1"),
    shows="Gradients of the output layer: its dZ is prediction minus target, its dW a mean over the examples.",
)
def test_gradients_of_the_output_layer():
    network, layers, X, Y, masks = some_network((3, 4, 2), m=6)
    _, last = forward(network, layers, X, masks)
    dZ2 = sigmoid(last.Z) - Y
    _, (dW2, db2) = gradients(network, layers, X, Y, masks)
    np.testing.assert_allclose(dW2, dZ2 @ last.A_prev.T / 6, rtol=1e-12)
    np.testing.assert_allclose(db2, dZ2.sum(axis=1, keepdims=True) / 6, rtol=1e-12)
    assert db2.shape == (2, 1)


@pytest.mark.golden(
    "S0",
    line=593,
    says="(n^{(2)}, m)",
    shows="Shape of what flows back into the hidden layer, the product of the transposed W[2] and dZ[2].",
    right="(n[1], m)",
    why="The transpose of W[2] is n[1] x n[2], and dZ[2] is n[2] x m. The table of the six equations has it right.",
)
def test_shape_of_what_flows_back():
    network, layers, X, Y, masks = some_network((3, 4, 2))
    first, second = forward(network, layers, X, masks)
    dZ2 = network.output.derivative(second.Z, Y)
    assert dZ2.shape == (2, 5)
    assert (layers[1].W.T @ dZ2).shape == first.Z.shape == (4, 5)


@pytest.mark.golden(
    "S0",
    lines=(595, 598),
    says=r"\frac{1}{n}",
    shows="Factor in front of the gradients of the first layer's parameters.",
    right="1/m",
    why="The cost is the mean over the m examples, so its gradients are, too; n counts features or units.",
)
def test_gradients_of_the_first_layer_are_means_over_examples():
    network, layers, X, Y, masks = some_network((3, 4, 1), m=6)
    first, second = forward(network, layers, X, masks)
    dZ1 = layers[1].W.T @ network.output.derivative(second.Z, Y) * TANH.derivative(first.Z)
    (dW1, db1), _ = gradients(network, layers, X, Y, masks)
    np.testing.assert_allclose(dW1, dZ1 @ X.T / 6, rtol=1e-12)
    np.testing.assert_allclose(db1, dZ1.sum(axis=1, keepdims=True) / 6, rtol=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(610, 618),
    says=("6 ecuaciones", r"\frac{1}{m} dZ^{[2]} A^{[1]T}", r"\frac{1}{m} dZ^{[1]} X^T"),
    shows="The six equations of backward propagation for two layers, those for one example and those for m at once.",
)
@pytest.mark.parametrize("m", [1, 6])
def test_the_six_equations(m):
    network, layers, X, Y, masks = some_network((3, 4, 1), m)
    first, second = forward(network, layers, X, masks)
    dZ2 = sigmoid(second.Z) - Y
    dZ1 = layers[1].W.T @ dZ2 * TANH.derivative(first.Z)
    (dW1, db1), (dW2, db2) = gradients(network, layers, X, Y, masks)
    expected = (dZ1 @ X.T / m, dZ1.sum(1, keepdims=True) / m, dZ2 @ second.A_prev.T / m, dZ2.sum(1, keepdims=True) / m)
    for ours, theirs in zip((dW1, db1, dW2, db2), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.golden(
    "S0",
    lines=(627, 637),
    says=(r"\text{np. random. random}((2, 2))", r"\frac{0.01}{100}", r"\text{np. zeros}((2, 1))"),
    shows="Small random first weights for two units over two inputs, and biases of zero.",
    right="W = 0.01 · randn(2, 2)",
    why="Numbers drawn uniformly from 0 to 1 are all positive, so every unit would start on the same side; normal "
    "ones have the mean 0.",
)
def test_small_random_first_weights():
    rng = np.random.default_rng(0)
    (layer,) = initialize((2, 2), initializers.small_random, rng)
    assert layer.W.shape == (2, 2)
    np.testing.assert_array_equal(layer.b, np.zeros((2, 1)))
    many = initializers.small_random(1000, 1000, rng)
    assert many.std() == pytest.approx(0.01, rel=0.01)
    assert abs(many.mean()) < 1e-4
    assert (many < 0).mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.golden(
    "S0",
    line=693,
    says=(r"dw^{[l]} &= dz^{[l]} \cdot a^{[l-1]}", r"dz^{[l-1]} &= w^{[l-1]} dz^{[l]} * g'(z^{[l]})"),
    shows="Backward propagation through one layer, for one example.",
    right="dW[l] = dz[l] a[l−1]ᵀ, da[l−1] = W[l]ᵀ dz[l], dz[l−1] = W[l]ᵀ dz[l] * g'(z[l−1])",
    why="The printed lines lose three transposes, and the last takes the weights of the layer before and the slope "
    "of the layer after. The form for m examples, two lines below, has the transposes.",
)
def test_back_through_one_layer():
    network, layers, x, y, masks = some_network((3, 3, 3, 3), m=1)  # as wide everywhere: what is wrong has a shape, too
    caches = forward(network, layers, x, masks)
    grads = gradients(network, layers, x, y, masks)
    dz = {3: network.output.derivative(caches[2].Z, y)}
    for l in (3, 2):  # noqa: E741, the notes' letter
        dz[l - 1] = layers[l - 1].W.T @ dz[l] * TANH.derivative(caches[l - 2].Z)
    for l in (1, 2, 3):  # noqa: E741
        np.testing.assert_allclose(grads[l - 1].W, dz[l] @ caches[l - 1].A_prev.T, rtol=1e-12)
    as_printed = layers[1].W @ dz[3] * TANH.derivative(caches[2].Z)
    assert not np.allclose(as_printed, dz[2], rtol=0.1)


@pytest.mark.golden(
    "S0",
    lines=(707, 713),
    says=("(5, 3)", "(n^{[l]}, n^{[l-1]})"),
    shows="Where a layer of 5 units follows one of 3, its weights are 5 x 3.",
)
def test_shape_of_the_second_layers_weights():
    _, layers, *_ = some_network((2, 3, 5, 1))
    assert layers[1].W.shape == (5, 3)


@pytest.mark.golden(
    "S0",
    lines=(717, 723),
    says=(r"b^{[l]}: (n^{[l]}, 1)", r"\Delta w^l: (n^{[l]}, n^{[l-1]})", r"\Delta b^l: (n^{[l]}, 1)"),
    shows="Biases are columns, and every gradient has the shape of its parameter.",
)
def test_gradients_have_the_shapes_of_their_parameters():
    sizes = (2, 3, 5, 4, 2, 1)
    network, layers, X, Y, masks = some_network(sizes)
    for l, (layer, grad) in enumerate(zip(layers, gradients(network, layers, X, Y, masks), strict=True), start=1):  # noqa: E741
        assert grad.W.shape == layer.W.shape == (sizes[l], sizes[l - 1])
        assert grad.b.shape == layer.b.shape == (sizes[l], 1)


@pytest.mark.golden(
    "S0",
    line=725,
    says="z = g(a)",
    shows="How a layer's weighted sum and its activation depend on each other; both have the same shape.",
    right="a = g(z)",
    why="The activation function is applied to the weighted sum.",
)
def test_the_activation_is_a_function_of_the_weighted_sum():
    network, layers, X, _, masks = some_network((3, 4, 1))
    first, second = forward(network, layers, X, masks)
    np.testing.assert_allclose(second.A_prev, TANH.g(first.Z), rtol=1e-12)
    assert second.A_prev.shape == first.Z.shape
    assert not np.allclose(first.Z, TANH.g(second.A_prev), rtol=0.1)


@pytest.mark.golden(
    "S0",
    lines=(730, 734),
    says=r"$\underbrace{(n^{[l]}, m)}$ $\underbrace{(n^{[l]}, n^{[l-1]})}$ $\underbrace{(n^{[l]}, m)}$ "
    r"$\underbrace{(n^{[l]}, 1)}$",
    shows="Shapes of Z, W, the layer's input and b for m examples.",
    right="(n[l], m), (n[l], n[l−1]), (n[l−1], m), (n[l], 1)",
    why="W[l] has n[l−1] columns, so its input must have n[l−1] rows, unless both layers are of one size.",
)
def test_shapes_for_m_examples():
    sizes, m = (2, 3, 5, 1), 7
    network, layers, X, _, masks = some_network(sizes, m)
    for l, (layer, cache) in enumerate(zip(layers, forward(network, layers, X, masks), strict=True), start=1):  # noqa: E741
        shapes = (cache.Z.shape, layer.W.shape, cache.A_prev.shape, layer.b.shape)
        assert shapes == ((sizes[l], m), (sizes[l], sizes[l - 1]), (sizes[l - 1], m), (sizes[l], 1))


@pytest.mark.golden(
    "S0",
    line=779,
    says=(r"dW^{[L]} &= \frac{1}{m} dZ^{[L]} A^{[L]T}", r"dZ^{[L-1]} &= dW^{[L]T} dZ^{[L]} g'^{[L]}(Z^{[L-1]})",
          r"dW^{[1]} &= \frac{1}{m} dZ^{[1]} A^{[1]T}"),
    shows="The summary of backward propagation through L layers.",
    right="dW[L] = 1/m dZ[L] A[L−1]ᵀ, dZ[L−1] = W[L]ᵀ dZ[L] * g'[L−1](Z[L−1]), dW[1] = 1/m dZ[1] A[0]ᵀ",
    why="A layer's gradient needs its input, which is the activation of the layer before; what flows back goes "
    "through the weights and not through their gradient, times the slope of the layer that it reaches.",
)  # fmt: skip
def test_the_summary_of_backward_propagation():
    m = 6
    network, layers, X, Y, masks = some_network((3, 3, 3), m)
    first, last = forward(network, layers, X, masks)
    grads = gradients(network, layers, X, Y, masks)
    dZ_last = network.output.derivative(last.Z, Y)
    dZ_before = layers[1].W.T @ dZ_last * TANH.derivative(first.Z)
    np.testing.assert_allclose(grads[1].W, dZ_last @ last.A_prev.T / m, rtol=1e-12)
    np.testing.assert_allclose(grads[0].W, dZ_before @ X.T / m, rtol=1e-12)
    A_last = sigmoid(last.Z)
    assert not np.allclose(dZ_last @ A_last.T / m, grads[1].W, rtol=0.1)
    assert not np.allclose(grads[1].W.T @ dZ_last * TANH.derivative(first.Z), dZ_before, rtol=0.1)
    assert not np.allclose(dZ_before @ last.A_prev.T / m, grads[0].W, rtol=0.1)
