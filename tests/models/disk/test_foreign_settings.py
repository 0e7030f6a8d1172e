"""What transformers' configurations say is honoured or refused, with transformers' own defaults, and what we write is
whole in its eyes."""

import json
import logging
import warnings

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from aigc_book.models.bert import BERT, MaskedLM, TextClassifier, TokenClassifier
from aigc_book.models.disk.bert import BERTLayout
from aigc_book.models.disk.gpt2 import GPT2Layout
from aigc_book.models.disk.llama import LlamaLayout
from aigc_book.models.disk.settings import Settings
from aigc_book.models.gpt import GPT
from tests.models.test_bert import HEADS, new_batch, result_of
from tests.models.test_bert import new_model as new_bert
from tests.models.test_gpt import TINY, TINY_MODERN, new_ids, new_model

BERT_SIZES = dict(
    vocab_size=101,
    max_position_embeddings=23,
    num_hidden_layers=2,
    num_attention_heads=4,
    hidden_size=40,
    intermediate_size=53,
    initializer_range=0.2,
)


@pytest.fixture(autouse=True, scope="module")
def quiet_transformers():
    transformers.utils.logging.disable_progress_bar()


@pytest.fixture
def no_word_from_transformers(caplog):
    """Whatever it logs or warns of is an error."""
    logger = logging.getLogger("transformers")
    before, logger.propagate = logger.propagate, True
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    logger.propagate = before
    assert not caplog.records


def edit(folder, **changes):
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v != "gone"}))


def edit_weights(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("layout", "theirs", "names"),
    [
        (GPT2Layout(), transformers.GPT2Config, {"max_seq_len": "n_positions", "n_layers": "n_layer"}),
        (LlamaLayout(), transformers.LlamaConfig, {"n_kv_heads": "num_key_value_heads", "norm_eps": "rms_norm_eps"}),
        (BERTLayout("BertModel"), transformers.BertConfig, {"norm_eps": "layer_norm_eps"}),
    ],
)
def test_what_is_missing_is_as_transformers_has_it(tmp_path, layout, theirs, names):
    """An empty configuration means what theirs means, and theirs in full means the same, without a warning."""
    defaults = theirs()
    full = Settings(json.loads(defaults.to_json_string(use_diff=False)), tmp_path)
    of_full, _ = layout.read(full, {})
    full.warn_of_unknown()
    of_none, _ = layout.read(Settings({}, tmp_path), {})
    assert of_none == of_full
    assert of_none["d_model"] == defaults.hidden_size and of_none["vocab_size"] == defaults.vocab_size
    assert of_none["n_heads"] == defaults.num_attention_heads
    for ours, their in names.items():
        assert of_none[ours] == getattr(defaults, their)


@pytest.mark.parametrize(
    ("config", "changes", "message"),
    [
        (TINY, dict(scale_attn_weights=False), "scale_attn_weights=False is not supported; expected True"),
        (TINY, dict(scale_attn_weights=None), "scale_attn_weights=None is not supported"),
        (TINY, dict(reorder_and_upcast_attn=True), "reorder_and_upcast_attn=True is not supported"),
        (TINY, dict(add_cross_attention=True), "add_cross_attention=True is not supported"),
        (TINY, dict(quantization_config={"bits": 4}), "quantization_config=.* is not supported"),
        (TINY, dict(auto_map={"AutoModel": "m.M"}), "auto_map=.* is not supported"),
        (TINY, dict(attn_pdrop=0.1), "resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.1: one rate"),
        (TINY, dict(n_ctx=12), "n_positions=23 and n_ctx=12 contradict"),
        (TINY, dict(hidden_size=44), "n_embd=40 and hidden_size=44 contradict"),
        (TINY, dict(n_layer="3"), "n_layer must be a whole number of at least 1; got '3'"),
        (TINY, dict(n_layer=None), "n_layer must be a whole number of at least 1; got None"),
        (TINY, dict(n_head=7), "d_model must be divisible by n_heads"),
        (TINY, dict(layer_norm_epsilon="tiny"), "layer_norm_epsilon must be a number; got 'tiny'"),
        (TINY, dict(tie_word_embeddings="no"), "tie_word_embeddings must be true or false; got 'no'"),
        (TINY_MODERN, dict(rope_scaling={"type": "linear", "factor": 2.0}), "type='linear' is not supported"),
        (TINY_MODERN, dict(rope_scaling={"factor": 8.0, "rope_type": "llama3"}), "rope_type='llama3' is not"),
        (TINY_MODERN, dict(rope_scaling={"rope_type": "default", "factor": 8.0}), "what is factor for"),
        (TINY_MODERN, dict(rope_theta=5e5), "the rotary base is said twice: rope_theta: 500000.0, rope_parameters"),
        (TINY_MODERN, dict(rope_scaling=[1]), "rope_scaling must be an object or null"),
        (TINY_MODERN, dict(partial_rotary_factor=0.5), "partial_rotary_factor=0.5 is not supported"),
        (TINY_MODERN, dict(rope_parameters={"partial_rotary_factor": 0.5}), "partial_rotary_factor=0.5 is not"),
        (TINY_MODERN, dict(mlp_bias=True), "mlp_bias=True is not supported"),
        (TINY_MODERN, dict(hidden_act="gelu"), "hidden_act='gelu' is not supported; expected 'silu'"),
        (TINY_MODERN, dict(sliding_window=7), "sliding_window=7 is not supported"),
        (TINY_MODERN, dict(layer_types=["sliding_attention"] * 3), "layer_types must be full_attention"),
        (TINY_MODERN, dict(attention_dropout=0.1), "attention_dropout=0.1 is not supported"),
        (TINY_MODERN, dict(final_logit_softcapping=30.0), "final_logit_softcapping=30.0 is not supported"),
        (TINY_MODERN, dict(tie_word_embeddings=True), "head.weight and token_embedding.weight are one matrix"),
    ],
)
def test_what_changes_the_numbers_is_refused(tmp_path, config, changes, message):
    new_model(config).save_pretrained(tmp_path)
    edit(tmp_path, **changes)
    with pytest.raises(ValueError, match=message) as caught:
        GPT.from_pretrained(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        (TINY, dict(n_positions="gone", n_ctx=23)),
        (TINY, dict(n_layer="gone", num_hidden_layers=3, n_embd="gone", hidden_size=40)),
        (TINY, dict(use_cache=False, torch_dtype="float16", task_specific_params={"x": 1}, n_inner=None)),
        (TINY_MODERN, dict(rope_scaling={"rope_type": "default"})),
        (TINY_MODERN, dict(rope_parameters="gone", rope_scaling=None)),
        (TINY_MODERN, dict(rope_theta="gone")),
        (TINY_MODERN, dict(pretraining_tp=2, head_dim=10, layer_types=["full_attention"] * 3)),
    ],
)
def test_what_changes_nothing_opens(tmp_path, config, changes):
    model = new_model(config)
    model.save_pretrained(tmp_path)
    edit(tmp_path, **changes)
    torch.testing.assert_close(GPT.from_pretrained(tmp_path)(new_ids()), model(new_ids()))


def test_an_unknown_setting_is_warned_of(tmp_path):
    new_model(TINY).save_pretrained(tmp_path)
    edit(tmp_path, my_scale=2, my_flag=False)
    with pytest.warns(UserWarning, match=r"config\.json has settings that are not known here.*: my_scale=2$"):
        GPT.from_pretrained(tmp_path)


def test_a_tied_gpt2_that_keeps_only_its_head_opens(tmp_path):
    model = new_model(TINY)
    model.save_pretrained(tmp_path)
    edit_weights(tmp_path, lambda t: t.update({"lm_head.weight": t.pop("transformer.wte.weight")}))
    again = GPT.from_pretrained(tmp_path)
    torch.testing.assert_close(again(new_ids()), model(new_ids()))
    assert again.head.weight is again.token_embedding.weight


def test_a_head_that_differs_from_the_embedding_is_refused_or_followed(tmp_path):
    model = new_model(TINY)
    model.save_pretrained(tmp_path)
    edit_weights(tmp_path, lambda t: t.update({"lm_head.weight": 2 * t["transformer.wte.weight"]}))
    with pytest.raises(ValueError, match=r"head.weight and token_embedding.weight are one matrix according to"):
        GPT.from_pretrained(tmp_path)
    edit(tmp_path, tie_word_embeddings=False)
    torch.testing.assert_close(GPT.from_pretrained(tmp_path)(new_ids()), 2 * model(new_ids()), atol=1e-4, rtol=1e-4)


def test_a_tensor_with_and_without_its_prefix_is_refused(tmp_path):
    new_model(TINY).save_pretrained(tmp_path)
    edit_weights(tmp_path, lambda t: t.update({"wte.weight": t["transformer.wte.weight"]}))
    with pytest.raises(ValueError, match=r"transformer.wte.weight' twice"):
        GPT.from_pretrained(tmp_path)


# BERT


@pytest.mark.parametrize(
    "architecture",
    [
        "BertForQuestionAnswering",
        "BertForTokenClassification",
        "BertForSequenceClassification",
        "BertForNextSentencePrediction",
        "BertForMultipleChoice",
        "BertForPreTraining",
        "BertForMaskedLM",
        "BertModel",
    ],
)
def test_a_bert_with_any_head_opens_as_one_without(tmp_path, architecture):
    torch.manual_seed(0)
    theirs = getattr(transformers, architecture)(transformers.BertConfig(**BERT_SIZES)).eval()
    theirs.save_pretrained(tmp_path)
    ids, mask, segments = new_batch()
    ours = BERT.from_pretrained(tmp_path)(ids, mask=mask, segment_ids=segments)
    expected = result_of(getattr(theirs, "bert", theirs), ids, mask, segments)
    torch.testing.assert_close(ours[mask], expected[mask], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("cls", "head", "changes", "message"),
    [
        (BERT, "BertModel", dict(is_decoder=True), "is_decoder=True is not supported"),
        (BERT, "BertModel", dict(add_cross_attention=True), "add_cross_attention=True is not supported"),
        (BERT, "BertModel", dict(attention_probs_dropout_prob=0.3), "hidden_dropout_prob=0.0, attention_probs.*0.3"),
        (BERT, "BertModel", dict(pruned_heads={"0": [1]}), "pruned_heads=.* is not supported"),
        (MaskedLM, "BertForMaskedLM", dict(tie_word_embeddings=False), "decoder with weights of its own; they are mis"),
        (TextClassifier, "BertForSequenceClassification", dict(classifier_dropout=0.5), "classifier_dropout must be"),
        (TokenClassifier, "BertForTokenClassification", dict(id2label={"0": "x"}), "speaks of 1 labels, and .* have 7"),
    ],
)
def test_what_a_bert_of_ours_cannot_be_is_refused(tmp_path, cls, head, changes, message):
    new_bert(HEADS[head]).save_pretrained(tmp_path)
    edit(tmp_path, **changes)
    with pytest.raises(ValueError, match=message) as caught:
        cls.from_pretrained(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "of", "message"),
    [
        (
            "cls.predictions.decoder.weight",
            "bert.embeddings.word_embeddings.weight",
            "differs from the token embedding",
        ),
        ("cls.predictions.decoder.bias", "cls.predictions.bias", "decoder.bias differs from cls.predictions.bias"),
    ],
)
def test_a_decoder_of_its_own_is_refused_and_a_copy_is_not(tmp_path, name, of, message):
    model, ids = new_bert(HEADS["BertForMaskedLM"]), new_batch()[0]
    model.save_pretrained(tmp_path)
    edit_weights(tmp_path, lambda t: t.update({name: t[of]}))
    torch.testing.assert_close(MaskedLM.from_pretrained(tmp_path)(ids), model(ids))
    edit_weights(tmp_path, lambda t: t.update({name: t[of] + 1}))
    with pytest.raises(ValueError, match=message):
        MaskedLM.from_pretrained(tmp_path)


def test_a_published_bert_opens_as_a_masked_language_model(tmp_path):
    """Files of BERTs that were trained on both tasks, as all of Google's are, hold the other task's head and pooler."""
    torch.manual_seed(0)
    theirs = transformers.BertForPreTraining(transformers.BertConfig(**BERT_SIZES)).eval()
    theirs.save_pretrained(tmp_path)
    ids, mask, segments = new_batch()
    ours = MaskedLM.from_pretrained(tmp_path)(ids, mask=mask, segment_ids=segments)
    expected = theirs(ids, mask.long(), segments).prediction_logits
    torch.testing.assert_close(ours[mask], expected[mask], atol=1e-4, rtol=1e-4)


# What we write


@pytest.mark.parametrize("config", [TINY, TINY_MODERN], ids=["gpt2", "llama"])
def test_transformers_reads_and_writes_on_without_a_word(tmp_path, no_word_from_transformers, config):
    new_model(config).save_pretrained(tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    prompt = new_ids()[:, :3]
    theirs.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=3)
    assert theirs.config.bos_token_id is None and theirs.generation_config.eos_token_id is None


@pytest.mark.parametrize("name", HEADS)
def test_transformers_reads_our_berts_without_a_word(tmp_path, no_word_from_transformers, name):
    new_bert(HEADS[name]).save_pretrained(tmp_path)
    options = {"add_pooling_layer": False} if name == "BertModel" else {}
    getattr(transformers, name).from_pretrained(tmp_path, **options)
