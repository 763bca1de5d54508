"""The notes' equations in plain NumPy float64: the judge in tests, and a thing to learn from.

Each function carries its equation, the shapes and the passage it comes from. The sources:

- Borghi: "Introduction to Deep Learning" (Spanish). In tables and tests: S0.
- Paiolla: Lucas Paiolla Forastiere, "Deep Learning", 2022 (English). S1.
- Teran: "Introducción y Redes Neuronales", 2020 (Spanish). S2.
- Borghi, CNN: "Convolutional Neural Networks" (Spanish). S3.
- Ronchetti & Quiroga: "Aprendizaje Automático Profundo" (Spanish). S4.

What they do not print comes from papers, named with their equation.

**Letters and layout.** Dense layers have examples in columns: X (n_x, m), Y (k, m), W (n_l, n_{l-1}), b (n_l, 1), and
Z, A like Y. `dX` is the gradient with respect to X, always of X's shape. Convolutions take A (m, H, W, C) and
filters W (f, f, C_in, C_out). Sequences are x (n_x, m, T), with T steps.

**In reading order**

- A neuron and its training: `arrays`, `perceptron`, `activations`, `losses`, `graph`, `logistic_regression`.
- Networks: `network`, `initializers`, `gradient_check`, `regularization`, `normalization`.
- Descent: `descent`, `averages`, `optimizers`, `schedules`.
- Pictures: `convolution`, `pooling`, `convnet`, `transposed`, `boxes`, `faces`, `style`.
- Sequences: `recurrent`, `characters`, `attention`.
- How good is it: `scores`.

Import the module you read: `from rumbo.reference import network`.
"""
