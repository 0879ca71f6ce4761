"""The answer in words, whole."""

import pytest

from gridfold.analysis.answer import digits
from gridfold.report.tables import Tables
from tests.report.synthetic import grid, noise, results

POINTS = grid(training__lr=[1e-6, 5e-6, 1e-5], training__batch_size=[16, 32])


def answer(values, **options):
    return "\n".join(Tables.compute(results(POINTS, values, **options)).answer)


def effect_of_rate(repeats):
    return [
        {1e-6: 0, 5e-6: 0.06, 1e-5: 0.1}[p["training.lr"]] + row
        for p, row in zip(POINTS, noise(6, repeats, 1), strict=True)
    ]


def test_a_winner_with_another_that_is_cheaper(snapshot):
    seconds = lambda params: 6.2 - params["training.batch_size"] / 10  # noqa: E731
    assert answer(effect_of_rate(5), seconds=seconds) == snapshot


def test_nothing_can_be_told_apart(snapshot):
    assert answer(noise(6, 3, 2)) == snapshot


def test_one_repeat(snapshot):
    assert answer(noise(6, 1, 2), seconds=40.0) == snapshot


def test_a_clear_winner(snapshot):
    values = noise(6, 4, 2)
    values[3] += 0.5
    assert answer(values) == snapshot


def test_failures_and_a_confirmation(snapshot):
    values = [list(row) for row in effect_of_rate(3)]
    values[0] = [None, None, 0.8]
    assert answer(values, confirming={4: [0.97, 0.98, 0.99], 5: [0.98, 0.97, 0.985]}) == snapshot


@pytest.mark.parametrize(
    ("value", "noise", "expected"),
    [
        (0.91234, 0.006, "0.912"),
        (0.91234, 0.06, "0.91"),
        (0.91234, 0.01, "0.912"),
        (91.234, 3.0, "91"),
        (1234.5, 200.0, "1234"),
        (0.5, None, "0.5"),
        (0.123456, 0.0, "0.1235"),
    ],
)
def test_the_noise_decides_how_many_digits(value, noise, expected):
    assert digits(value, noise) == expected
