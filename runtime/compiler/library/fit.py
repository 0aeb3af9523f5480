#!/usr/bin/env python3
"""Fits the polynomials of the functions in this folder; needs numpy and mpmath.

Prints, lowest degree first, coefficients rounded to the precision they are used in. Each
coefficient is rounded in turn and the rest is fitted again around it, so rounding errors of
low coefficients are taken up by higher ones. The error is relative to the whole function.
"""

from math import erf, erfc, exp, pi

import mpmath
import numpy as np

LONG = np.longdouble
LN2 = LONG("0.693147180559945309417232121458176568")
PI = LONG("3.14159265358979323846264338327950288")


def weighted(matrix, target, weight, rounds=60):
    """Lawson's iteration: least squares whose weights move towards the minimax solution."""
    lawson = np.ones(len(target))
    solution = None
    best = np.inf
    for _ in range(rounds):
        scale = weight * np.sqrt(lawson)
        norm = np.abs(matrix * scale[:, None]).max(axis=0)
        found = np.linalg.lstsq(matrix * scale[:, None] / norm, target * scale, rcond=None)[0]
        found = found / norm
        error = np.abs((matrix @ found - target) * weight)
        if error.max() < best:
            best, solution = error.max(), found
        lawson = lawson * error
        lawson = lawson / lawson.sum() * len(lawson) + 1e-12
    return solution, best


def fit(name, target, weight, low, high, degree, precision=np.float32, variable=lambda x: x):
    """Polynomial in variable(x) for target(x) on [low, high]; weight(x) makes errors relative."""
    nodes = np.cos(np.linspace(0, pi, 600))
    x = ((high + low) / 2 + (high - low) / 2 * nodes).astype(LONG)
    z = variable(x)
    values = target(x)
    weights = weight(x).astype(float)
    done = []
    error = None
    while len(done) <= degree:
        rest = values - sum((c * z**k for k, c in enumerate(done)), LONG(0))
        powers = range(len(done), degree + 1)
        matrix = np.stack([(z**k).astype(float) for k in powers], axis=1)
        solution, error = weighted(matrix, rest.astype(float), weights)
        done.append(LONG(precision(solution[0])))
    print(f"{name}: error {float(error):.2e}")
    print("   ", ", ".join(float(c).hex() if precision is np.float64 else f"{precision(c):.9g}f" for c in done))


def quotient(name, target, nodes, degree):
    """P(x) / Q(x) through target(x) at the nodes: P of this degree, Q of one more that begins with 1."""
    mpmath.mp.dps = 60
    rows, values = [], []
    for x in nodes:
        value = target(x)
        powers = [x**k for k in range(degree + 2)]
        rows.append([p / powers[-1] / value for p in powers[:-1]] + [-p / powers[-1] for p in powers[1:]])
        values.append(1 / powers[-1])
    found = [float(c).hex() for c in mpmath.lu_solve(mpmath.matrix(rows), mpmath.matrix(values))]
    print(f"{name}:")
    print("   ", ", ".join(found[: degree + 1]))
    print("   ", ", ".join([float(1).hex()] + found[degree + 1 :]))


def factorial(n):
    return LONG(np.prod([LONG(i) for i in range(1, n + 1)]))


def square(x):
    return x * x


def series(x, terms):
    """Sum of x**k / k! over the terms: no cancellation for small x."""
    total = LONG(0)
    factor = x * 0 + 1
    k = 0
    while k < 40:
        if k in terms:
            total = total + factor
        k += 1
        factor = factor * x / k
    return total


def odd_series(x, coefficient):
    return sum((coefficient(k) * x ** (2 * k - 2) for k in range(1, 60)), LONG(0))


def log_tail(f):
    # log(1 + f) = f - f^2/2 + f^3 P(f)
    return np.where(np.abs(f) < 0.1, sum((LONG((-1) ** k) / (k + 3) * f**k for k in range(40)), LONG(0)),
                    (np.log1p(f) - f + f * f / 2) / np.where(f == 0, 1, f) ** 3)


if __name__ == "__main__":
    quarter = pi / 4 + 1e-3
    alternating = lambda x, first: sum(
        ((-1) ** k * x ** (2 * k) / factorial(2 * k + first) for k in range(1, 14)),
        LONG(0)) / (x * x)
    # sin(r) = r + r z P(z), cos(r) = 1 - z/2 + z^2 Q(z) with z = r^2
    fit("sin", lambda x: alternating(x, 1), lambda x: x * x * x / np.sin(x), 1e-3, quarter, 3, variable=square)
    fit("cos", lambda x: (alternating(x, 0) + LONG(0.5)) / (x * x), lambda x: x**4 / np.cos(x), 2e-2, quarter, 2, variable=square)
    fit("sin double", lambda x: alternating(x, 1), lambda x: x * x * x / np.sin(x), 1e-3, quarter, 5, np.float64, variable=square)
    cos_tail = lambda x: sum(((-1) ** k * x ** (2 * k - 4) / factorial(2 * k) for k in range(2, 14)), LONG(0))
    fit("cos double", cos_tail, lambda x: x**4 / np.cos(x), 1e-3, quarter, 5, np.float64, variable=square)
    # exp(r) = 1 + r + r^2 P(r)
    half = float(LN2) / 2 + 2e-4
    tail = lambda x: sum((x**k / factorial(k + 2) for k in range(0, 24)), LONG(0))
    fit("exp", tail, lambda x: x * x / np.exp(x), -half, half, 4)
    fit("exp wide", tail, lambda x: x * x / np.exp(x), -half, half, 6, np.float64)
    fit("exp double", tail, lambda x: x * x / np.exp(x), -half, half, 9, np.float64)
    # 2^r = 1 + r P(r)
    binary = lambda x: sum((LN2 ** (k + 1) * x**k / factorial(k + 1) for k in range(0, 24)), LONG(0))
    fit("exp2", binary, lambda x: x / np.exp(x * LN2), -0.5001, 0.5001, 4)
    # log(1 + f) = f - f^2/2 + f^3 P(f)
    fit("log", log_tail, lambda x: x**3 / np.log1p(x), -1 / 3, 1 / 3, 7)
    # log(1 + f) = 2 s + s^3 P(s^2) with s = f / (2 + f)
    atanh_tail = lambda s: sum((LONG(2) / (2 * k + 3) * s ** (2 * k) for k in range(0, 30)), LONG(0))
    fit("log wide", atanh_tail, lambda s: s * s / 2, 1e-3, 0.2001, 5, np.float64, variable=square)
    fit("log double", atanh_tail, lambda s: s * s / 2, 1e-3, 0.1717, 6, np.float64, variable=square)
    # atanh(s) = s + s z P(z) for a power's logarithm
    fit("pow", lambda s: atanh_tail(s) / 2, square, 1e-3, 0.1717, 2, variable=square)
    # atanh(s) = s + s z / 3 + s z^2 P(z), where z / 3 is in two parts
    fifths = lambda s: sum((LONG(1) / (2 * k + 5) * s ** (2 * k) for k in range(0, 40)), LONG(0))
    fit("pow double", fifths, lambda s: s**4, 1e-3, 0.1717, 6, np.float64, variable=square)
    # sin(pi r) = pi r + r z P(z)
    turns = lambda r: sum(((-1) ** k * PI ** (2 * k + 1) * r ** (2 * k - 2) / factorial(2 * k + 1) for k in range(1, 20)), LONG(0))
    for name, degree, precision in ("sinpi", 3, np.float32), ("sinpi double", 7, np.float64):
        fit(name, turns, lambda r: r**3 / np.sin(PI * r), 1e-3, 0.5, degree, precision, variable=square)
    # atan(a) = a + a z P(z)
    angles = lambda a: odd_series(a, lambda k: (-1) ** k / LONG(2 * k + 1))
    fit("atan double", angles, lambda a: a**3 / np.arctan(a), 1e-3, 0.4143, 10, np.float64, variable=square)
    fit("atan", lambda x: (np.arctan(x) - x) / x**3, lambda x: x**3 / np.arctan(x), 0.02, 1, 7, variable=square)
    # asin(a) = a + a z P(z)
    fit("asin", lambda x: (np.arcsin(x) - x) / x**3, lambda x: x**3 / np.arcsin(x), 0.02, 0.5, 4, variable=square)
    arcs = lambda a: odd_series(a, lambda k: factorial(2 * k) / (factorial(k) * LONG(2) ** k) ** 2 / (2 * k + 1))
    fit("asin double", arcs, lambda a: a**3 / np.arcsin(a), 1e-3, 0.5, 11, np.float64, variable=square)
    # erf(x) = 2 / sqrt(pi) x + x z P(z)
    root = 2 / np.sqrt(PI)
    tails = lambda x: odd_series(x, lambda k: root * (-1) ** k / (factorial(k) * (2 * k + 1)))
    fit("erf double", tails, lambda x: x**3 / ((tails(x) * x * x + root) * x), 1e-3, 0.5, 7, np.float64, variable=square)
    # erf(x) = x P(x^2)
    erfs = np.vectorize(lambda x: LONG(erf(float(x))))
    fit("erf", lambda x: erfs(x) / x, lambda x: x / erfs(x), 1e-3, 1.0, 6, variable=square)
    # erfc(x) = exp(-x^2) P(t) / (1 + 2 x) with t = (x - 3) / (x + 3)
    def scaled(x):
        x = float(x)
        if x < 8:
            from math import fsum
            return LONG(erfc(x)) * LONG(np.exp(LONG(x) * LONG(x))) * (1 + 2 * LONG(x))
        inverse = 1 / LONG(x) ** 2
        sum_, term = LONG(1), LONG(1)
        for k in range(1, 20):
            term *= -(2 * k - 1) * inverse / 2
            sum_ += term
        return sum_ / (LONG(x) * np.sqrt(LONG(pi))) * (1 + 2 * LONG(x))
    scaleds = np.vectorize(scaled)
    fit("erfc", scaleds, lambda x: 1 / scaleds(x), 0, 10.1, 10, variable=lambda x: (x - 3) / (x + 3))
    # erfc(x) = exp(-x^2) P(x) / Q(x), with nodes of Chebyshev's in (x - 3) / (x + 3)
    last = mpmath.mpf("24.3") / mpmath.mpf("30.3")
    middle, span = (last - 1) / 2, (last + 1) / 2
    nodes = [middle + span * mpmath.cos(mpmath.pi * (k + 0.5) / 20) for k in range(20)]
    wide = lambda x: mpmath.erfc(x) * mpmath.exp(x * x)
    quotient("erfc double", wide, [3 * (1 + t) / (1 - t) for t in nodes], 9)
