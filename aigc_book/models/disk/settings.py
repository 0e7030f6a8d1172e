"""What a ``config.json`` says, read key by key: nothing in it that changes the numbers is passed over in silence.

A key is honoured, must have the value that our models have, is known to change no number, or is warned of.
"""

import math
import warnings
from pathlib import Path
from typing import Any

# Keys that change no logit: how to train, how to write texts, what library it was.
IRRELEVANT = frozenset(
    """
    model_type architectures transformers_version _name_or_path name_or_path dtype torch_dtype initializer_range
    initializer_factor use_cache output_attentions output_hidden_states return_dict use_return_dict torchscript
    use_bfloat16 tf_legacy_loss chunk_size_feed_forward gradient_checkpointing id2label label2id num_labels
    _num_labels problem_type finetuning_task task_specific_params tokenizer_class prefix language _commit_hash
    output_past pad_token_id bos_token_id eos_token_id sep_token_id unk_token_id mask_token_id cls_token_id
    decoder_start_token_id forced_bos_token_id forced_eos_token_id bad_words_ids suppress_tokens
    begin_suppress_tokens max_length min_length do_sample early_stopping num_beams num_beam_groups diversity_penalty
    temperature top_k top_p typical_p repetition_penalty length_penalty no_repeat_ngram_size
    encoder_no_repeat_ngram_size num_return_sequences output_scores return_dict_in_generate remove_invalid_values
    exponential_decay_length_penalty summary_type summary_use_proj summary_activation summary_proj_to_labels
    summary_first_dropout pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers pooler_size_per_head
    pooler_type directionality attn_implementation _attn_implementation _attn_implementation_internal
    _attn_implementation_autoset pretraining_tp max_window_layers unsloth_version
    """.split()  # noqa: SIM905
)
# Key → the values with which a model is still ours; of one of our kinds or of its many relatives.
NEUTRAL: dict[str, tuple] = {
    "quantization_config": (None, {}),
    "compression_config": (None, {}),
    "auto_map": (None, {}),  # code of its own
    "adapters": (None, {}),
    "pruned_heads": (None, {}),
    "is_encoder_decoder": (False, None),
    "add_cross_attention": (False, None),
    "cross_attention_hidden_size": (None,),
    "tie_encoder_decoder": (False, None),
    "sliding_window": (None,),
    "use_sliding_window": (False, None),
    "attention_chunk_size": (None,),
    "no_rope_layers": (None, []),
    "rotary_pct": (1.0, None),
    "partial_rotary_factor": (1.0, None),
    "rotary_dim": (None,),
    "rope_interleaved": (False, None),
    "alibi": (False, None),
    "clip_qkv": (None,),
    "qk_norm": (False, None),
    "use_qk_norm": (False, None),
    "qk_layernorm": (False, None),
    "qkv_bias": (False, None),
    "use_bias": (False, None),
    "parallel_attn": (False, None),
    "use_parallel_residual": (False, None),
    "multi_query": (False, None),
    "attention_multiplier": (None,),
    "query_pre_attn_scalar": (None,),
    "attn_logit_softcapping": (None,),
    "final_logit_softcapping": (None,),
    "embedding_multiplier": (1.0, None),
    "residual_multiplier": (1.0, None),
    "logits_scaling": (1.0, None),
    "logit_scale": (1.0, None),
    "scale_embedding": (False, None),
    "scale_emb": (1.0, None),
    "scale_depth": (None,),
    "embedding_size": (None,),
    "num_experts": (None, 0),
    "num_local_experts": (None, 0),
    "n_shared_experts": (None, 0),
    "mlp_only_layers": (None, []),
    "nextn_predict_layers": (None, 0),
    "num_nextn_predict_layers": (None, 0),
}


class Settings:
    """The settings in a ``config.json``.

    Args:
        values: what it says.
        file: where it stands, for messages.
    """

    def __init__(self, values: dict[str, Any], file: Path):
        self.values, self.file = values, file
        self._known = set(IRRELEVANT)

    def get(self, *names: str, default: Any = None) -> Any:
        """The value of a key that has several names.

        Raises:
            ValueError: two of the names are there with different values.
        """
        self._known.update(names)
        said = [name for name in names if name in self.values]
        for name in said[1:]:
            if self.values[name] != self.values[said[0]]:
                raise self.error(f"{said[0]}={self.values[said[0]]!r} and {name}={self.values[name]!r} contradict")
        return self.values[said[0]] if said else default

    def whole(self, *names: str, default: int | None) -> int | None:
        """A whole number of at least 1; null only where the default is None.

        Raises:
            ValueError: something else.
        """
        value = self.get(*names, default=default)
        if (value is None and default is None) or (type(value) is int and value >= 1):
            return value
        raise self.error(f"{names[0]} must be a whole number of at least 1; got {value!r}")

    def number(self, *names: str, default: float) -> float:
        """A finite number.

        Raises:
            ValueError: something else.
        """
        value = self.get(*names, default=default)
        if type(value) not in (int, float) or not math.isfinite(value):
            raise self.error(f"{names[0]} must be a number; got {value!r}")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        """True or false.

        Raises:
            ValueError: something else.
        """
        value = self.get(name, default=default)
        if type(value) is not bool:
            raise self.error(f"{name} must be true or false; got {value!r}")
        return value

    def choice(self, name: str, names: dict[str, str], default: str) -> str:
        """Our name of what the file names.

        Raises:
            ValueError: a name that isn't among ``names``.
        """
        value = self.get(name, default=default)
        if not isinstance(value, str) or value not in names:
            raise self.error(f"{name} must be one of {', '.join(names)}; got {value!r}")
        return names[value]

    def equal_dropout(self, *names: str, default: float) -> float:
        """One rate for keys that our models have one for.

        Raises:
            ValueError: they differ.
        """
        rates = {name: self.number(name, default=default) for name in names}
        if len(set(rates.values())) > 1:
            said = ", ".join(f"{name}={rate}" for name, rate in rates.items())
            raise self.error(f"{said}: one rate for all of them is expected; set them equal (only training uses them)")
        return rates[names[0]]

    def refuse(self, kind: str, neutral: dict[str, tuple]) -> None:
        """Refuse what would make another model than ours.

        Raises:
            ValueError: a key of ``neutral``, or of :data:`NEUTRAL`, has another value than those listed.
        """
        for key, values in {**NEUTRAL, **neutral}.items():
            self._known.add(key)
            if key in self.values and self.values[key] not in values:
                raise self.error(
                    f"a {kind} model with {key}={self.values[key]!r} is not supported; expected {values[0]!r}"
                )

    def warn_of_unknown(self) -> None:
        """Say which keys nobody has asked for; null and false can't have meant much."""
        unknown = sorted(k for k, v in self.values.items() if k not in self._known and v is not None and v is not False)
        if unknown:
            said = ", ".join(f"{key}={self.values[key]!r}" for key in unknown)
            warnings.warn(f"{self.file} has settings that are not known here and are left aside: {said}", stacklevel=4)

    def error(self, message: str) -> ValueError:
        """An error that names the file."""
        return ValueError(f"{self.file}: {message}")
