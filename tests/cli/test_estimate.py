"""The calculator on the command line gives what the calculator gives."""

import dataclasses
import json

import pytest

from aigc_book.models.gpt import GPTConfig
from aigc_book.scaling import count_parameters, forward_flops, training_cost, training_memory


def test_gpt3(aigc):
    """6 · 174,604,259,328 · 3e11 operations; 10,000 V100 at a fifth of 125e12 a second: 14.55 days."""
    done = aigc(
        *("estimate", "--model", "gpt3", "--n-tokens", "300e9", "--hardware", "v100", "--n-devices", "10000"),
        *("--utilisation", "0.2", "--batch-size", "1", "--json"),
    )
    found = json.loads(done.out)
    assert found["parameters"]["total"] == 174_604_259_328
    assert found["training_flops"] == pytest.approx(6 * 174_604_259_328 * 3e11)
    per_token = 3 * forward_flops(GPTConfig.gpt3(), seq_len=2048)  # forward, and twice as much backward
    assert found["training_flops_with_attention"] == pytest.approx(per_token * 3e11)
    assert found["days"] == pytest.approx(6 * 174_604_259_328 * 3e11 / (1e4 * 0.2 * 125e12) / 86_400)
    cost = training_cost(found["training_flops"], "V100", n_devices=10_000, utilisation=0.2)
    assert found["dollars"] == cost.dollars and found["energy_mwh"] == cost.energy_mwh
    memory = training_memory(GPTConfig.gpt3(), batch_size=1, seq_len=2048)
    assert found["training_bytes"] == {**memory._asdict(), "total": memory.total}


def test_changes_of_a_named_model_and_tokens_that_follow(aigc):
    found = json.loads(
        aigc("estimate", "--model", "modern", "--n-layers", 2, "--no-bias", "--d-ff", "none", "--json").out
    )
    config = dataclasses.replace(GPTConfig.modern(), n_layers=2)
    assert found["parameters"]["total"] == count_parameters(config)
    assert found["tokens"] == 20 * count_parameters(config)
    assert found["model"] == dataclasses.asdict(config.resolved)


def test_a_table_for_people(aigc):
    done = aigc("estimate", "--hardware", "T4")
    assert done.status == 0 and "124,439,808" in done.out and "unknown price" in done.out


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--model", "gpt5"], "is not one of"),
        (["--n-heads", "7"], "d_model must be divisible by n_heads"),
        (["--hardware", "abacus"], "hardware must be in the table"),
        (["--utilisation", "2"], "utilisation must be in (0, 1]"),
        (["--optimizer", "lion"], "optimizer must be one of"),
        (["--n-tokens", "-1"], "n_tokens must be a positive number"),
    ],
)
def test_errors(aigc, words, match):
    done = aigc("estimate", *words)
    assert done.status == 2 and match in " ".join(done.err.split())
