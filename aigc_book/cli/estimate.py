"""``aigc-book estimate``: what a model takes, before anybody trains it."""

import dataclasses
import inspect
import json
from typing import Any

import click

from aigc_book.cli.options import Command, arguments, call, option, options_of, usage
from aigc_book.models.gpt import GPTConfig
from aigc_book.scaling import (
    cache_bytes,
    forward_flops,
    parameter_table,
    training_cost,
    training_flops,
    training_memory,
)

# The models that have a name: the class methods of GPTConfig that need nothing but what they have by default.
NAMED = [
    name
    for name, method in inspect.getmembers(GPTConfig, inspect.ismethod)
    if all(p.default is not p.empty for p in inspect.signature(method).parameters.values())
]
DEFAULTS = {"model": "gpt2", "batch_size": 8, "hardware": "A100"}
TOKENS_A_PARAMETER = 20  # Hoffmann et al. (2022), table 3: about so many, for the best model of a given compute
HELP = """Calculate what a model takes: parameters, memory, operations, days, energy, money.

\b
    aigc-book estimate --model gpt3 --n-tokens 300e9 --hardware V100 --n-devices 10000 --utilisation 0.2
    aigc-book estimate --model modern --n-layers 32 --d-model 4096 --n-heads 32 --n-kv-heads 8 --json

It starts from a model with a name and changes what is given. Operations are 6 N D (Kaplan et al., 2020); memory is what
one device would hold that trains the whole model by itself.
"""


def run(given: dict[str, Any]) -> None:
    """Calculate, and write it down as a table or as JSON."""
    chosen = {**DEFAULTS, **given}
    with usage():
        config = dataclasses.replace(getattr(GPTConfig, chosen["model"])(), **arguments(GPTConfig, given))
        seq_len = chosen.setdefault("seq_len", config.max_seq_len)
        table = parameter_table(config)
        n_parameters = sum(table.values())
        n_tokens = chosen.setdefault("n_tokens", float(TOKENS_A_PARAMETER * n_parameters))
        memory = training_memory(config, **arguments(training_memory, chosen))
        cache = cache_bytes(config, batch_size=chosen["batch_size"], seq_len=seq_len)
        flops = training_flops(n_parameters, n_tokens)
        attention = 3 * n_tokens * forward_flops(config, seq_len)
        cost = call(training_cost, chosen, {"flops": flops})
    found = {
        "model": dataclasses.asdict(config.resolved),
        "parameters": {**table, "total": n_parameters},
        "training_bytes": {**memory._asdict(), "total": memory.total},
        "cache_bytes": cache,
        "tokens": n_tokens,
        "training_flops": flops,
        "training_flops_with_attention": attention,
        **cost._asdict(),
    }
    click.echo(json.dumps(found, indent=2) if chosen.get("json") else "\n".join(_lines(found, chosen)))


def _lines(found: dict[str, Any], chosen: dict[str, Any]) -> list[str]:
    made = ["Parameters"]
    made += [_row(name, f"{number:,}") for name, number in found["parameters"].items()]
    made += ["", f"Memory to train it, {chosen['batch_size']} windows of {chosen['seq_len']:,} tokens at once"]
    made += [_row(name, f"{number / 2**30:,.3f} GiB") for name, number in found["training_bytes"].items()]
    made += [_row("key–value cache, writing", f"{found['cache_bytes'] / 2**30:,.3f} GiB")]
    made += ["", f"Training on {found['tokens']:.3g} tokens, on {chosen.get('n_devices', 1):,} × {chosen['hardware']}"]
    made += [_row("operations, 6 N D", f"{found['training_flops']:.3g}")]
    made += [_row("with attention's T × T", f"{found['training_flops_with_attention']:.3g}")]
    made += [_row("days", f"{found['days']:,.3g}"), _row("device-hours", f"{found['device_hours']:,.4g}")]
    made += [_row("energy", f"{found['energy_mwh']:,.3g} MWh")]
    price = "unknown price; --dollars-per-hour" if found["dollars"] is None else f"{found['dollars']:,.4g} dollars"
    return [*made, _row("rent", price)]


def _row(name: str, value: str) -> str:
    return f"  {name:26s}{value:>24s}"


command = Command(
    "estimate",
    run,
    help=HELP,
    groups={
        "Model": [
            option("model", "Where to start from.", kind=click.Choice(NAMED), default=DEFAULTS["model"]),
            *options_of(GPTConfig, notes=dict.fromkeys((f.name for f in dataclasses.fields(GPTConfig)), "")),
        ],
        "Memory": options_of(
            training_memory,
            skip=["config"],
            defaults=DEFAULTS,
            notes={"seq_len": "As many as the model can if not given."},
        ),
        "Training": [
            *options_of(
                training_flops,
                skip=["n_parameters"],
                notes={"n_tokens": f"{TOKENS_A_PARAMETER} a parameter if not given."},
            ),
            *options_of(training_cost, skip=["flops"], defaults=DEFAULTS),
        ],
        "Output": [option("json", "Write JSON.", is_flag=True, default=False)],
    },
)
