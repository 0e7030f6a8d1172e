"""The layouts in which a GPT is kept on disk, and the way between their names and settings and ours.

``gpt2`` and ``llama`` as ``transformers`` writes them, and ``aigc_book_gpt``, the names and settings of
:mod:`aigc_book.models.gpt` themselves, for every model that has choices which the other two lack.
"""

from pathlib import Path

import torch
from torch import Tensor

from aigc_book.models import pretrained
from aigc_book.models.pretrained import refuse, rename

OWN = "aigc_book_gpt"

# transformers' name → ours, where a tensor is taken over as it is ("{}" is the block).
GPT2_NAMES = {
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
}
# One tensor of transformers' that is three of ours, side by side.
GPT2_STACKED = {
    f"transformer.h.{{}}.attn.c_attn.{part}": [f"blocks.{{}}.attention.{name}.{part}" for name in "qkv"]
    for part in ("weight", "bias")
}
# transformers keeps GPT-2's linear weights as [in, out], torch's nn.Linear as [out, in].
GPT2_TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
GPT2_ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu": "gelu", "relu": "relu"}

LLAMA_NAMES = {
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
}


def read(folder: Path) -> tuple[dict, dict[str, Tensor]]:
    """Settings of ``GPTConfig`` and tensors under our names, from any of the three layouts.

    Raises:
        FileNotFoundError, ValueError: as :meth:`aigc_book.models.gpt.GPT.from_pretrained`.
    """
    config = pretrained.read_config(folder)
    tensors, kind = pretrained.read_tensors(folder), config.get("model_type")
    if kind == "gpt2":
        settings, tensors = _gpt2_settings(config), _from_gpt2(tensors, config["n_layer"])
    elif kind == "llama":
        settings, tensors = _llama_settings(config), _from_llama(tensors, config["num_hidden_layers"])
    elif kind == OWN:
        settings = {key: value for key, value in config.items() if key != "model_type"}
    else:
        raise ValueError(f"{folder / 'config.json'}: model_type must be gpt2, llama or {OWN}; got {kind!r}")
    if settings.get("tie_embeddings", True):
        tensors["head.weight"] = tensors.get("token_embedding.weight", torch.empty(0))
    elif "head.weight" not in tensors:
        raise ValueError(f"{folder}: the config says that the head has weights of its own; they are missing")
    return settings, tensors


def write(folder: Path, settings: dict, tensors: dict[str, Tensor]) -> None:
    """Write the settings of a ``GPTConfig`` and a GPT's tensors, in the most widely read layout that can hold them."""
    tensors = dict(tensors)
    if settings["tie_embeddings"]:
        del tensors["head.weight"]
    kind = _layout_for(settings)
    if kind == "gpt2":
        config, tensors = _gpt2_config(settings), _to_gpt2(tensors, settings["n_layers"])
    elif kind == "llama":
        config, tensors = _llama_config(settings), _to_llama(tensors, settings["n_layers"])
    else:
        config = {"model_type": OWN, **settings}
    pretrained.write(folder, config, tensors)


def _layout_for(settings: dict) -> str:
    plain = settings["norm_gain"] and not settings["embedding_norm"] and not settings["qk_norm"]
    grouped = settings["n_kv_heads"] != settings["n_heads"]
    style = (settings["position"], settings["norm"], settings["bias"])
    if plain and style == ("learned", "layer", True) and not grouped:
        if settings["activation"] in GPT2_ACTIVATIONS.values():
            return "gpt2"
    elif plain and style == ("rotary", "rms", False) and settings["activation"] == "swiglu":
        return "llama"
    return OWN


# GPT-2


def _gpt2_settings(config: dict) -> dict:
    refuse(config, "gpt2", {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False})
    activation = config.get("activation_function", "gelu_new")
    if activation not in GPT2_ACTIVATIONS:
        raise ValueError(f"activation_function must be one of {', '.join(GPT2_ACTIVATIONS)}; got {activation!r}")
    return {
        "vocab_size": config["vocab_size"],
        "max_seq_len": config["n_positions"],
        "n_layers": config["n_layer"],
        "n_heads": config["n_head"],
        "d_model": config["n_embd"],
        "d_ff": config.get("n_inner"),
        "norm_eps": config.get("layer_norm_epsilon", 1e-5),
        "activation": GPT2_ACTIVATIONS[activation],
        "tie_embeddings": config.get("tie_word_embeddings", True),
        "dropout": config.get("resid_pdrop", 0.1),
    }


def _gpt2_config(settings: dict) -> dict:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": settings["vocab_size"],
        "n_positions": settings["max_seq_len"],
        "n_layer": settings["n_layers"],
        "n_head": settings["n_heads"],
        "n_embd": settings["d_model"],
        "n_inner": settings["d_ff"],
        "layer_norm_epsilon": settings["norm_eps"],
        "activation_function": next(k for k, v in GPT2_ACTIVATIONS.items() if v == settings["activation"]),
        "tie_word_embeddings": settings["tie_embeddings"],
        "resid_pdrop": settings["dropout"],
        "embd_pdrop": settings["dropout"],
        "attn_pdrop": settings["dropout"],
        "bos_token_id": None,
        "eos_token_id": None,
    }


def _from_gpt2(tensors: dict[str, Tensor], n_layers: int) -> dict[str, Tensor]:
    ours = {}
    for name, tensor in tensors.items():
        if name.endswith((".attn.bias", ".attn.masked_bias")):  # the causal mask, which old files carry as a buffer
            continue
        if name != "lm_head.weight" and not name.startswith("transformer."):
            name = f"transformer.{name}"  # files of the headless GPT2Model, as on the hub, lack the prefix
        ours[name] = tensor.t().contiguous() if name.endswith(GPT2_TRANSPOSED) else tensor
    parts = {}
    for layer in range(n_layers):
        for theirs, names in GPT2_STACKED.items():
            if (stacked := ours.pop(theirs.format(layer), None)) is not None:  # rename says what is missing
                parts |= zip((name.format(layer) for name in names), stacked.chunk(3), strict=True)
    return parts | rename(ours, {**GPT2_NAMES, "lm_head.weight": "head.weight"}, n_layers)


def _to_gpt2(tensors: dict[str, Tensor], n_layers: int) -> dict[str, Tensor]:
    names = {ours: theirs for theirs, ours in GPT2_NAMES.items()}
    rest, stacked = dict(tensors), {}
    for layer in range(n_layers):
        for theirs, parts in GPT2_STACKED.items():
            stacked[theirs.format(layer)] = torch.cat([rest.pop(part.format(layer)) for part in parts])
    theirs = stacked | rename(rest, {**names, "head.weight": "lm_head.weight"}, n_layers)
    return {name: tensor.t() if name.endswith(GPT2_TRANSPOSED) else tensor for name, tensor in theirs.items()}


# Llama


def _llama_settings(config: dict) -> dict:
    refuse(config, "llama", {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False, "rope_scaling": None})
    rope = config.get("rope_parameters") or {}
    if rope.get("rope_type", "default") != "default":
        raise ValueError(f"a llama model with rope_type={rope['rope_type']!r} is not supported; expected 'default'")
    n_heads = config["num_attention_heads"]
    d_head = config.get("head_dim") or config["hidden_size"] // n_heads
    refuse({"head_dim": d_head}, "llama", {"head_dim": config["hidden_size"] // n_heads})
    return {
        "vocab_size": config["vocab_size"],
        "max_seq_len": config["max_position_embeddings"],
        "n_layers": config["num_hidden_layers"],
        "n_heads": n_heads,
        "n_kv_heads": config.get("num_key_value_heads") or n_heads,
        "d_model": config["hidden_size"],
        "d_ff": config["intermediate_size"],
        "position": "rotary",
        "rotary_base": rope.get("rope_theta", config.get("rope_theta", 10_000.0)),
        "norm": "rms",
        "norm_eps": config.get("rms_norm_eps", 1e-6),
        "activation": "swiglu",
        "bias": False,
        "tie_embeddings": config.get("tie_word_embeddings", False),
        "dropout": config.get("attention_dropout", 0.0),
    }


def _llama_config(settings: dict) -> dict:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
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
        "attention_dropout": settings["dropout"],
        "tie_word_embeddings": settings["tie_embeddings"],
        "bos_token_id": None,
        "eos_token_id": None,
    }


def _from_llama(tensors: dict[str, Tensor], n_layers: int) -> dict[str, Tensor]:
    rest = {n: t for n, t in tensors.items() if not n.endswith("rotary_emb.inv_freq")}
    return rename(rest, {**LLAMA_NAMES, "lm_head.weight": "head.weight"}, n_layers)


def _to_llama(tensors: dict[str, Tensor], n_layers: int) -> dict[str, Tensor]:
    names = {ours: theirs for theirs, ours in LLAMA_NAMES.items()}
    return rename(tensors, {**names, "head.weight": "lm_head.weight"}, n_layers)
