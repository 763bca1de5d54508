"""300 backward passes with a mistake in each: all are caught, and their 40 networks without mistakes pass."""

from functools import cache

import pytest
from gradient_mutants import FAMILIES, KINDS, Mutant, Network, change, network
from gradient_mutants import mutants as make_mutants

from rumbo.gradients.check import check_gradients
from rumbo.gradients.records import CheckOptions, ParameterCheck

PARTS, PER_PART = 6, 10
USUAL = CheckOptions(steps=(0,), components=4)
WEAK = CheckOptions(steps=(0,), components=1, directions=0)


@cache
def mutants(kind: str, part: int) -> tuple[list[Mutant], int]:
    return make_mutants(kind, PER_PART, seed=part)


def rows(module: Network, options: CheckOptions):
    told = check_gradients(module, lambda module, batch: module(*batch), module.batch, options)
    return (row for row in told if isinstance(row, ParameterCheck))


def is_caught(mutant: Mutant, options: CheckOptions = USUAL) -> bool:
    return any(row.verdict in ("look", "worry") for row in rows(mutant.module, options))


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", KINDS)
def test_every_mistake_is_caught(kind, part):
    found, _ = mutants(kind, part)
    assert [mutant for mutant in found if not is_caught(mutant)] == []


def test_there_are_300_of_all_kinds_and_operations():
    found = [mutant for kind in KINDS for part in range(PARTS) for mutant in mutants(kind, part)[0]]
    assert len(found) == 300
    assert len({(mutant.seed, mutant.operation, mutant.mutation) for mutant in found}) == 300
    assert len({mutant.operation for mutant in found}) >= 18
    assert {type(mutant.module) for mutant in found} == set(FAMILIES)
    assert all(not 0.99 < m.mutation.factor < 1.01 for m in found if m.mutation.kind == "factor")


def test_mutants_whose_gradient_is_right_are_left_out():
    assert sum(mutants(kind, part)[1] for kind in KINDS for part in range(PARTS)) > 0


@pytest.mark.parametrize("seed", range(40))
def test_without_a_mistake_they_pass(seed):
    module = network(seed)
    assert change(module) == 0.0
    assert {row.verdict for row in rows(module, USUAL)} <= {"zero", "great"}


def test_a_weaker_check_misses_some():
    """One component a parameter and no directions, on the kind that hides best."""
    found = [mutant for part in range(3) for mutant in mutants("wrong axis", part)[0]]
    assert sum(not is_caught(mutant, WEAK) for mutant in found) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10, 70))
@pytest.mark.parametrize("kind", KINDS)
def test_3000_more_are_caught(kind, part):
    found, _ = mutants(kind, part)
    assert [mutant for mutant in found if not is_caught(mutant)] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40, 400))
def test_360_more_without_a_mistake_pass(seed):
    assert {row.verdict for row in rows(network(seed), USUAL)} <= {"zero", "great", "good"}
