"""Laws of training by several processes: they are one, and a run goes on with another number of them.

Tolerance: the sums of two processes are added in another order than one process adds them. A gradient differs in its
last bits, 1e-6 of its size; six steps of Adam, whose first divide by the gradient's own size, make at most 2e-5 of it
in weights that moved by 0.06.
"""

import shutil

import pytest
import torch

from aigc_book.models.gpt import GPT
from aigc_book.scaling.parameters import count_parameters

HOW = ("ddp", "fsdp")
SUMS = ("losses", "validation_losses", "gradient_norms")


def assert_same_run(found, expected, *, history=2e-6, weights=2e-5):
    for name in SUMS:
        torch.testing.assert_close(
            torch.tensor(found["history"][name]), torch.tensor(expected["history"][name]), atol=history, rtol=history
        )
    for name in ("steps", "tokens", "validation_steps", "learning_rates"):
        assert found["history"][name] == expected["history"][name], name
    assert found["weights"].keys() == expected["weights"].keys()
    for name, tensor in expected["weights"].items():
        torch.testing.assert_close(found["weights"][name], tensor, atol=weights, rtol=0.0, msg=name)


def assert_equal_run(found, expected):
    """To the last bit."""
    for name in (*SUMS, "steps", "tokens"):
        assert found["history"][name] == expected["history"][name], name
    assert all(torch.equal(found["weights"][name], tensor) for name, tensor in expected["weights"].items())


@pytest.mark.parametrize("how", HOW)
def test_two_processes_equal_one_on_the_same_batches(together, how):
    """Rows without targets, one process without any in a batch, two batches an update, clipping, an odd evaluation."""
    alone, found, _ = together
    for rank in range(2):
        assert_same_run(found[rank][how], alone["float32"])
    assert max(alone["float32"]["history"]["gradient_norms"]) > 0.5, "clipping should have had something to do"


@pytest.mark.parametrize("how", HOW)
def test_bfloat16_is_near_what_one_process_computes_in_it(together, how):
    alone, found, _ = together
    assert_same_run(found[0][f"{how} bf16"], alone["bf16"], history=2e-3, weights=0.06)


def test_weights_put_together_in_bfloat16_are_near(together):
    """bfloat16 has 8 bits: weights are rounded by at most 1/256 of themselves before each product."""
    alone, found, _ = together
    assert_same_run(found[0]["fsdp put together in bf16"], alone["float32"], history=1e-2, weights=0.12)


@pytest.mark.parametrize("how", [*HOW, "ddp dropping", "fsdp dropping"])
def test_stopped_and_resumed_equals_uninterrupted_bit_for_bit(together, how):
    _, found, _ = together
    for rank in range(2):
        assert_equal_run(found[rank][f"{how} resumed"], found[rank][how])


def test_dropout_is_the_same_in_both_ways_to_share(together):
    """What is drawn depends on the seed and the process alone; without dropout the run is another one."""
    found = together[1][0]
    assert_same_run(found["ddp dropping"], found["fsdp dropping"])
    assert found["ddp dropping"]["history"]["losses"] != found["ddp"]["history"]["losses"]


@pytest.mark.parametrize("how", HOW)
def test_two_processes_go_on_where_one_stopped(together, how):
    alone, found, _ = together
    assert_same_run(found[0][f"{how} from one"], alone["float32"])


@pytest.mark.parametrize("how", HOW)
def test_one_process_goes_on_where_two_stopped(together, how, jobs, tmp_path):
    alone, _, folder = together
    shutil.copytree(folder / f"{how} halfway", tmp_path / "run")
    assert_same_run(jobs.run(tmp_path / "run"), alone["float32"])


def test_three_processes_go_on_where_two_stopped(together, launch, tmp_path):
    """Ten rows of a weight are 5 + 5 and 4 + 4 + 2; six rows of a batch 3 + 3 and 2 + 2 + 2."""
    alone, _, folder = together
    for how in HOW:
        shutil.copytree(folder / f"{how} halfway", tmp_path / f"{how} halfway 3")
    found = launch("go_on", tmp_path, n=3)
    for how in HOW:
        assert_same_run(found[2][how], alone["float32"])


@pytest.mark.parametrize("how", HOW)
def test_a_checkpoint_of_two_processes_opens_as_a_model(together, how, jobs):
    _, found, folder = together
    model = GPT.from_pretrained(folder / how / "step-00000006")
    for name, tensor in found[0][how]["weights"].items():
        assert torch.equal(model.state_dict()[name], tensor), name


def test_gradients_are_sent_once_an_update(together, jobs):
    """An all-reduce of all N parameters, and of three numbers: how many targets, the loss, and how many in all.

    FSDP puts together a block's weights twice a batch and adds up its gradient once an update; the head's and the
    embeddings' are kept between forward and backward pass, and put together once.
    """
    seen = together[1][0]["seen"]
    n_bytes = 4 * count_parameters(jobs.CONFIG)
    for n_batches in (1, 3):
        large = [call for call in seen["ddp", n_batches] if call[0] == "all_reduce" and call[1] > 16]
        assert sum(size for _, size in large) == n_bytes
        scattered = [size for kind, size in seen["fsdp", n_batches] if kind == "reduce_scatter"]
        assert len(scattered) == 3  # two blocks and the rest
        assert n_bytes <= sum(scattered) < 1.2 * n_bytes  # padded to what two can divide
        put_together = [size for kind, size in seen["fsdp", n_batches] if kind == "all_gather"]
        assert len(put_together) == n_batches * (2 * 2 + 1)


def test_each_process_holds_a_half_of_the_shards_and_all_of_a_copy(together, jobs):
    """Weights and Adam's two means: 12 bytes a parameter, or half of that (an odd number of rows is rounded up)."""
    seen, n = together[1][0]["seen"], count_parameters(jobs.CONFIG)
    assert seen["ddp", "held"] == 12 * n
    assert 6 * n <= seen["fsdp", "held"] < 6.3 * n


def test_recomputed_blocks_give_the_same_loss(together):
    seen = together[1]
    assert seen[0]["seen"]["ddp", "recomputed"] == seen[1]["seen"]["ddp", "recomputed"]
    assert seen[0]["seen"]["fsdp", "recomputed"] == pytest.approx(seen[0]["seen"]["ddp", "recomputed"], abs=1e-5)


def test_what_processes_tell_one_another(together):
    """1.5 + 1.5 and 0 + 1; each one's value by rank; process 0's answer, or its error, for all."""
    for found in together[1]:
        assert found["world"] == [[3, 1], [("x", 0), ("x", 1)], "only once"]
        assert found["world refused"] == "ZeroDivisionError: division by zero"
