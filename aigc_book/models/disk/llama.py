"""Llama's layout, as ``transformers`` has it: rotary positions, RMS norms, SwiGLU, grouped queries, no biases."""

from typing import Any

from aigc_book.models.disk.layout import Tensors, modules_of, rename
from aigc_book.models.disk.settings import Settings

# transformers' name → ours ("{}" is the block).
NAMES = {
    "model.embed_tokens.weight": "token_embedding.weight",
    "model.norm.weight": "final_norm.weight",
    "model.layers.{}.input_layernorm.weight": "blocks.{}.attention_norm.weight",
    "model.layers.{}.self_attn.q_proj.weight": "blocks.{}.attention.q.weight",
    "model.layers.{}.self_attn.k_proj.weight": "blocks.{}.attention.k.weight",
    "model.layers.{}.self_attn.v_proj.weight": "blocks.{}.attention.v.weight",
    "model.layers.{}.self_attn.o_proj.weight": "blocks.{}.attention.out.weight",
    "model.layers.{}.post_attention_layernorm.weight": "blocks.{}.feedforward_norm.weight",
    "model.layers.{}.mlp.gate_proj.weight": "blocks.{}.feedforward.gate.weight",
    "model.layers.{}.mlp.up_proj.weight": "blocks.{}.feedforward.up.weight",
    "model.layers.{}.mlp.down_proj.weight": "blocks.{}.feedforward.down.weight",
    "lm_head.weight": "head.weight",
}
NEUTRAL = {
    "hidden_act": ("silu", "swish"),
    "attention_bias": (False, None),
    "mlp_bias": (False, None),
    "attention_dropout": (0.0, None),  # of attention weights alone; our models drop in other places too
}
NEUTRAL_ROPE = {"rope_type": ("default", None), "type": ("default", None), "partial_rotary_factor": (1.0, None)}


class LlamaLayout:
    """A ``LlamaForCausalLM``."""

    model_type = "llama"
    # Ids of ours mean nothing to transformers: without this it takes Llama's own marks of beginning and end.
    generation = {"bos_token_id": None, "eos_token_id": None}  # noqa: RUF012

    def read(self, config: Settings, stored: Tensors) -> tuple[dict[str, Any], Tensors]:
        """Settings of ``GPTConfig`` and tensors under GPT's names; what is missing is as ``LlamaConfig`` has it.

        Raises:
            ValueError: a setting that GPT doesn't have.
        """
        config.refuse("llama", NEUTRAL)
        n_heads = config.whole("num_attention_heads", default=32)
        d_model = config.whole("hidden_size", default=4096)
        d_head = config.whole("head_dim", default=None)
        if d_head not in (None, d_model // n_heads):
            raise config.error(f"a llama model with head_dim={d_head} is not supported; expected {d_model // n_heads}")
        kinds = config.get("layer_types") or []
        if not isinstance(kinds, list) or any(kind != "full_attention" for kind in kinds):
            raise config.error(f"layer_types must be full_attention; got {config.values['layer_types']!r}")
        n_layers = config.whole("num_hidden_layers", default=32)
        settings = {
            "vocab_size": config.whole("vocab_size", default=32000),
            "max_seq_len": config.whole("max_position_embeddings", default=2048),
            "n_layers": n_layers,
            "n_heads": n_heads,
            "n_kv_heads": config.whole("num_key_value_heads", default=None) or n_heads,
            "d_model": d_model,
            "d_ff": config.whole("intermediate_size", default=11008),
            "position": "rotary",
            "rotary_base": _rotary_base(config),
            "norm": "rms",
            "norm_eps": config.number("rms_norm_eps", default=1e-6),
            "activation": "swiglu",
            "bias": False,
            "tie_embeddings": config.flag("tie_word_embeddings", False),
        }
        kept = {name: tensor for name, tensor in stored.items() if not name.endswith("rotary_emb.inv_freq")}
        if not any(name.startswith("model.") for name in kept):  # files of the headless LlamaModel lack the prefix
            kept = {name if name == "lm_head.weight" else f"model.{name}": tensor for name, tensor in kept.items()}
        return settings, rename(kept, NAMES, n_layers)

    def holds(self, settings: dict[str, Any]) -> bool:
        """Whether all of Llama's choices were made."""
        style = (settings["position"], settings["norm"], settings["bias"], settings["activation"])
        plain = settings["norm_gain"] and not settings["embedding_norm"] and not settings["qk_norm"]
        dense = plain and settings["causal"] and settings["dropout"] == 0
        return dense and style == ("rotary", "rms", False, "swiglu")

    def write(self, settings: dict[str, Any], tensors: Tensors) -> tuple[dict[str, Any], Tensors]:
        """As ``transformers`` reads it."""
        config = {
            "architectures": ["LlamaForCausalLM"],
            "vocab_size": settings["vocab_size"],
            "max_position_embeddings": settings["max_seq_len"],
            "num_hidden_layers": settings["n_layers"],
            "num_attention_heads": settings["n_heads"],
            "num_key_value_heads": settings["n_kv_heads"],
            "hidden_size": settings["d_model"],
            "intermediate_size": settings["d_ff"],
            "hidden_act": "silu",
            # Both spellings: transformers 5 reads rope_parameters, older ones rope_theta.
            "rope_theta": settings["rotary_base"],
            "rope_parameters": {"rope_type": "default", "rope_theta": settings["rotary_base"]},
            "rms_norm_eps": settings["norm_eps"],
            "attention_bias": False,
            "mlp_bias": False,
            "attention_dropout": 0.0,
            "tie_word_embeddings": settings["tie_embeddings"],
            **self.generation,
        }
        return config, rename(tensors, {ours: theirs for theirs, ours in NAMES.items()}, settings["n_layers"])

    def modules(self, settings: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        """Those of a ``LlamaForCausalLM``."""
        return modules_of(NAMES, settings["n_layers"])


def _rotary_base(config: Settings) -> float:
    """The base, from whichever of ``rope_theta``, ``rope_parameters`` and ``rope_scaling`` say it.

    Raises:
        ValueError: they contradict, or ask for scaled or partial rotary positions.
    """
    bases = {"rope_theta": config.number("rope_theta", default=10_000.0)} if "rope_theta" in config.values else {}
    for key in ("rope_parameters", "rope_scaling"):
        rope = config.get(key)
        if rope is not None and not isinstance(rope, dict):
            raise config.error(f"{key} must be an object or null; got {rope!r}")
        inner = Settings(rope or {}, config.file)
        for name, value in sorted(inner.values.items(), key=lambda item: item[0] not in NEUTRAL_ROPE):  # the type first
            if name in NEUTRAL_ROPE and value not in NEUTRAL_ROPE[name]:
                expected = NEUTRAL_ROPE[name][0]
                raise config.error(f"a llama model with {name}={value!r} is not supported; expected {expected!r}")
            if name not in NEUTRAL_ROPE and name != "rope_theta":
                raise config.error(f"a llama model with {key}={rope!r} is not supported: what is {name} for?")
        if "rope_theta" in inner.values:
            bases[key] = inner.number("rope_theta", default=10_000.0)
    if len(set(bases.values())) > 1:
        raise config.error("the rotary base is said twice: " + ", ".join(f"{k}: {v}" for k, v in bases.items()))
    return next(iter(bases.values()), 10_000.0)
