"""GPT-2's layout, as ``transformers`` has it: learned positions, layer norms, biases, one matrix for q, k and v."""

from typing import Any

import torch

from aigc_book.models.disk.layout import Tensors, modules_of, rename
from aigc_book.models.disk.settings import Settings

# transformers' name → ours, where a tensor is taken over as it is ("{}" is the block).
NAMES = {
    "transformer.wte.weight": "token_embedding.weight",
    "transformer.wpe.weight": "position_embedding.weight",
    "transformer.ln_f.weight": "final_norm.weight",
    "transformer.ln_f.bias": "final_norm.bias",
    "transformer.h.{}.ln_1.weight": "blocks.{}.attention_norm.weight",
    "transformer.h.{}.ln_1.bias": "blocks.{}.attention_norm.bias",
    "transformer.h.{}.attn.c_proj.weight": "blocks.{}.attention.out.weight",
    "transformer.h.{}.attn.c_proj.bias": "blocks.{}.attention.out.bias",
    "transformer.h.{}.ln_2.weight": "blocks.{}.feedforward_norm.weight",
    "transformer.h.{}.ln_2.bias": "blocks.{}.feedforward_norm.bias",
    "transformer.h.{}.mlp.c_fc.weight": "blocks.{}.feedforward.up.weight",
    "transformer.h.{}.mlp.c_fc.bias": "blocks.{}.feedforward.up.bias",
    "transformer.h.{}.mlp.c_proj.weight": "blocks.{}.feedforward.down.weight",
    "transformer.h.{}.mlp.c_proj.bias": "blocks.{}.feedforward.down.bias",
    "lm_head.weight": "head.weight",
}
# One tensor of transformers' that is three of ours, side by side.
STACKED = {
    f"transformer.h.{{}}.attn.c_attn.{part}": [f"blocks.{{}}.attention.{name}.{part}" for name in "qkv"]
    for part in ("weight", "bias")
}
# transformers keeps GPT-2's linear weights as [in, out], torch's nn.Linear as [out, in].
TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
ACTIVATIONS = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu": "gelu",
    "gelu_python": "gelu",
    "relu": "relu",
    "silu": "silu",
}
DROPOUTS = ("resid_pdrop", "embd_pdrop", "attn_pdrop")
NEUTRAL = {
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False, None),
    "reorder_and_upcast_attn": (False, None),
}


class GPT2Layout:
    """A ``GPT2LMHeadModel``."""

    model_type = "gpt2"
    # Ids of ours mean nothing to transformers: without this it takes GPT-2's own marks of beginning and end.
    generation = {"bos_token_id": None, "eos_token_id": None}  # noqa: RUF012

    def read(self, config: Settings, stored: Tensors) -> tuple[dict[str, Any], Tensors]:
        """Settings of ``GPTConfig`` and tensors under GPT's names; what is missing is as ``GPT2Config`` has it.

        Raises:
            ValueError: a setting that GPT doesn't have.
        """
        config.refuse("gpt2", NEUTRAL)
        settings = {
            "vocab_size": config.whole("vocab_size", default=50257),
            "max_seq_len": config.whole("n_positions", "max_position_embeddings", "n_ctx", default=1024),
            "n_layers": config.whole("n_layer", "num_hidden_layers", default=12),
            "n_heads": config.whole("n_head", "num_attention_heads", default=12),
            "d_model": config.whole("n_embd", "hidden_size", default=768),
            "d_ff": config.whole("n_inner", default=None),
            "norm_eps": config.number("layer_norm_epsilon", default=1e-5),
            "activation": config.choice("activation_function", ACTIVATIONS, "gelu_new"),
            "tie_embeddings": config.flag("tie_word_embeddings", True),
            "dropout": config.equal_dropout(*DROPOUTS, default=0.1),
        }
        return settings, _from_theirs(stored, settings["n_layers"])

    def holds(self, settings: dict[str, Any]) -> bool:
        """Whether all of GPT-2's choices were made."""
        return (
            (settings["position"], settings["norm"], settings["bias"]) == ("learned", "layer", True)
            and settings["n_kv_heads"] in (None, settings["n_heads"])
            and settings["activation"] in ACTIVATIONS.values()
            and settings["norm_gain"]
            and not settings["embedding_norm"]
            and not settings["qk_norm"]
            and settings["causal"]
        )

    def write(self, settings: dict[str, Any], tensors: Tensors) -> tuple[dict[str, Any], Tensors]:
        """As ``transformers`` reads it."""
        config = {
            "architectures": ["GPT2LMHeadModel"],
            "vocab_size": settings["vocab_size"],
            "n_positions": settings["max_seq_len"],
            "n_layer": settings["n_layers"],
            "n_head": settings["n_heads"],
            "n_embd": settings["d_model"],
            "n_inner": settings["d_ff"],
            "layer_norm_epsilon": settings["norm_eps"],
            "activation_function": next(k for k, v in ACTIVATIONS.items() if v == settings["activation"]),
            "tie_word_embeddings": settings["tie_embeddings"],
            **dict.fromkeys(DROPOUTS, settings["dropout"]),
            **self.generation,
        }
        return config, _to_theirs(tensors, settings["n_layers"])

    def modules(self, settings: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        """Those of a ``GPT2LMHeadModel``; its one matrix of queries, keys and values is three of ours."""
        layers = range(settings["n_layers"])
        c_attn = {
            f"transformer.h.{i}.attn.c_attn": tuple(f"blocks.{i}.attention.{name}" for name in "qkv") for i in layers
        }
        return modules_of(NAMES, settings["n_layers"]) | c_attn


def _from_theirs(stored: Tensors, n_layers: int) -> Tensors:
    ours: Tensors = {}
    stacked = {name.format(i): [part.format(i) for part in ps] for name, ps in STACKED.items() for i in range(n_layers)}
    for name, tensor in stored.items():
        if name.endswith((".attn.bias", ".attn.masked_bias")):  # the causal mask, which old files carry as a buffer
            continue
        if name != "lm_head.weight" and not name.startswith("transformer."):
            name = f"transformer.{name}"  # files of the headless GPT2Model, as on the hub, lack the prefix
        if name in ours:
            raise ValueError(f"the weights hold {name!r} twice, once without its prefix")
        if name.endswith(TRANSPOSED):
            if tensor.dim() != 2:
                raise ValueError(f"{name} must be a matrix; got shape {tuple(tensor.shape)}")
            tensor = tensor.t()
        if name in stacked and len(tensor) % 3:
            raise ValueError(f"{name} must hold queries, keys and values of one size; got {len(tensor)} rows")
        ours |= dict(zip(stacked[name], tensor.chunk(3), strict=True)) if name in stacked else {name: tensor}
    return rename(ours, NAMES, n_layers)


def _to_theirs(tensors: Tensors, n_layers: int) -> Tensors:
    rest, theirs = dict(tensors), {}
    for layer in range(n_layers):
        for name, parts in STACKED.items():
            theirs[name.format(layer)] = torch.cat([rest.pop(part.format(layer)) for part in parts])
    theirs |= rename(rest, {ours: their for their, ours in NAMES.items()}, n_layers)
    return {name: tensor.t() if name.endswith(TRANSPOSED) else tensor for name, tensor in theirs.items()}
