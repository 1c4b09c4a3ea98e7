"""PCGrad against its algorithm in NumPy, on whole vectors."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from asc_kit.errors import SpecError
from asc_kit.train.fitting.pcgrad import pcgrad
from asc_kit.train.fitting.step import coarse_membership
from asc_kit.train.recipe import load_recipe

SEED = tf.constant([1, 2], tf.int64)
SHAPES = ((3, 4), (5,), (2, 2, 2))


def reference(tasks: np.ndarray, orders: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Return the sum of projected gradients, [n], of tasks [n_tasks, n]; orders says against whom, in which order."""
    total = np.zeros(tasks.shape[1])
    for own, order in zip(tasks, orders, strict=True):
        gradient = own.copy()
        for other in order:
            along = gradient @ tasks[other]
            if along < 0:
                gradient -= along / (tasks[other] @ tasks[other]) * tasks[other]
        total += gradient
    return total


def split(vector: np.ndarray) -> list[tf.Tensor]:
    ends = np.cumsum([np.prod(shape) for shape in SHAPES])
    return [
        tf.constant(part.reshape(shape), tf.float32)
        for part, shape in zip(np.split(vector, ends[:-1]), SHAPES, strict=True)
    ]


def joined(gradients: list[tf.Tensor]) -> np.ndarray:
    return np.concatenate([np.ravel(gradient) for gradient in gradients])


def draw(seed: int, n_tasks: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_tasks, sum(int(np.prod(shape)) for shape in SHAPES)))


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_two_tasks(seed: int) -> None:
    tasks = draw(seed, 2)
    found = pcgrad([split(task) for task in tasks], SEED)
    assert [tuple(gradient.shape) for gradient in found] == list(SHAPES)
    assert np.allclose(joined(found), reference(tasks, ((1,), (0,))), atol=1e-5)
    # nothing that was taken off hurts: the sum descends for both, unless they are exactly opposed
    assert (tasks @ joined(found)).min() >= -1e-4


def test_gradients_that_agree_or_are_orthogonal_are_added_as_they_are() -> None:
    one = np.zeros(25)
    one[:5] = 1.0
    other = np.zeros(25)
    other[5:9] = -2.0
    for second in (other, one + other, 3 * one):
        found = pcgrad([split(one), split(second)], SEED)
        assert np.array_equal(joined(found), (one + second).astype(np.float32))


def test_opposed_gradients_leave_nothing() -> None:
    one = draw(1, 1)[0]
    assert np.abs(joined(pcgrad([split(one), split(-2 * one)], SEED))).max() < 1e-6


def test_conflict_is_that_of_the_whole_vector_not_of_each_variable() -> None:
    # opposed in the first variable, but not on the whole
    first, second = [tf.constant([1.0]), tf.constant([5.0])], [tf.constant([-1.0]), tf.constant([5.0])]
    assert [float(gradient[0]) for gradient in pcgrad([first, second], SEED)] == [0.0, 10.0]


def test_three_tasks_in_one_of_the_possible_orders() -> None:
    seen = set()
    tasks = draw(12, 3)
    tasks[1] -= tasks[0]
    tasks[2] -= tasks[0] + tasks[1]
    for number in range(40):
        seed = tf.constant([3, number], tf.int64)
        found = joined(pcgrad([split(task) for task in tasks], seed))
        assert np.array_equal(found, joined(pcgrad([split(task) for task in tasks], seed)))
        fitting = [
            orders
            for orders in itertools.product(*(tuple(itertools.permutations({0, 1, 2} - {own})) for own in range(3)))
            if np.allclose(found, reference(tasks, orders), atol=1e-5)
        ]
        assert fitting
        seen.add(fitting[0])
    assert len(seen) > 1


def test_what_one_task_alone_touches_passes_through() -> None:
    one, other = draw(5, 1)[0], -draw(5, 1)[0] + 0.3 * draw(6, 1)[0]
    head, second_head = tf.constant([1e3, -7.0]), tf.constant([[-1e3]])
    *shared, found_head, found_second, nothing = pcgrad(
        [[*split(one), head, None, None], [*split(other), None, second_head, None]], SEED
    )
    # the heads are not part of the vector either
    assert np.allclose(joined(shared), reference(np.stack([one, other]), ((1,), (0,))), atol=1e-5)
    assert np.array_equal(found_head, head)
    assert np.array_equal(found_second, second_head)
    assert nothing is None
    assert pcgrad([[head, None], [None, second_head]], SEED) == [head, second_head]


def test_it_works_in_a_graph_on_a_model_with_two_heads() -> None:
    x = tf.constant(np.random.default_rng(0).normal(size=(6, 4)), tf.float32)
    trunk, left, right = (tf.Variable(tf.random.stateless_normal((4, n), (n, 1))) for n in (4, 2, 3))

    @tf.function
    def step(seed: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape(persistent=True) as tape:
            hidden = tf.nn.relu(x @ trunk)
            losses = tf.reduce_sum(hidden @ left), -tf.reduce_sum(hidden @ right)
        return pcgrad([tape.gradient(loss, [trunk, left, right]) for loss in losses], seed)

    assert [gradient.shape for gradient in step(SEED)] == [(4, 4), (4, 2), (4, 3)]


def test_tasks_must_have_the_same_variables() -> None:
    with pytest.raises(ValueError, match="shorter"):
        pcgrad([split(draw(1, 1)[0]), split(draw(2, 1)[0])[:2]], SEED)


def test_a_second_head_that_does_not_fit_the_coarse_classes_is_named_with_its_size() -> None:
    recipe = load_recipe("dsmn_model1")
    labels = tuple(label for members in recipe.training.coarse_classes.values() for label in members)

    def heads(*sizes: int) -> SimpleNamespace:
        return SimpleNamespace(outputs=[SimpleNamespace(shape=(None, size)) for size in sizes])

    membership = coarse_membership(recipe, labels, heads(10, 3))
    assert membership is not None and membership.shape == (10, 3) and (membership.sum(axis=1) == 1).all()
    for sizes, outputs in (((10, 4), 4), ((10,), 0)):
        with pytest.raises(SpecError, match=f"3 coarse classes, but the network's second head has {outputs} outputs"):
            coarse_membership(recipe, labels, heads(*sizes))
