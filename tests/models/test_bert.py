"""BERT against transformers' own, both directions of its layout, and the laws of an encoder."""

import dataclasses
import json

import pytest
import torch
import transformers

from aigc_book.models.bert import BERT, BERTConfig, MaskedLM, TextClassifier, TokenClassifier

TINY = BERTConfig(vocab_size=101, max_seq_len=23, n_layers=3, n_heads=4, d_model=40, d_ff=53)
HEADS = {
    "BertModel": lambda config: BERT(config),
    "BertForMaskedLM": lambda config: MaskedLM(BERT(config)),
    "BertForSequenceClassification": lambda config: TextClassifier(BERT(config), 5),
    "BertForTokenClassification": lambda config: TokenClassifier(BERT(config), 7),
}


@pytest.fixture(autouse=True, scope="module")
def quiet_transformers():
    transformers.utils.logging.disable_progress_bar()


def new_model(make, config=TINY, seed=0):
    """A model none of whose parameters is zero, so that no part of it is without effect."""
    torch.manual_seed(seed)
    model = make(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def new_batch(B=3, T=17):
    """Ids, a mask that ends at 17, 11 and 5 tokens, and segments."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(101, (B, T), generator=generator)
    mask = torch.arange(T) < torch.tensor([17, 11, 5])[:, None]
    return ids, mask, torch.randint(2, (B, T), generator=generator)


def result_of(theirs, ids, mask, segments):
    with torch.no_grad():
        output = theirs(input_ids=ids, attention_mask=mask.long(), token_type_ids=segments)
    return output.logits if "logits" in output else output.last_hidden_state


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh"])
def test_transformers_opens_ours_and_we_open_theirs(tmp_path, name, activation):
    model = new_model(HEADS[name], dataclasses.replace(TINY, activation=activation))
    ids, mask, segments = new_batch()
    model.save_pretrained(tmp_path / "ours")
    architecture = getattr(transformers, name)
    options = {"add_pooling_layer": False} if name == "BertModel" else {}
    theirs = architecture.from_pretrained(tmp_path / "ours", **options).eval()
    expected = model(ids, mask=mask, segment_ids=segments)
    real = mask if expected.dim() == 3 else slice(None)  # what stands on padding is nobody's business
    torch.testing.assert_close(result_of(theirs, ids, mask, segments)[real], expected[real], atol=1e-4, rtol=1e-4)

    theirs.save_pretrained(tmp_path / "theirs")
    again = type(model).from_pretrained(tmp_path / "theirs").eval()
    assert again.config.resolved == model.config.resolved
    torch.testing.assert_close(again(ids, mask=mask, segment_ids=segments), expected)


def test_transformers_own_pretraining_model_gives_its_encoder_and_its_masked_lm(tmp_path):
    """As the files on the hub: with a pooler, two heads, and copies of tied tensors."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=101,
        max_position_embeddings=23,
        num_hidden_layers=2,
        num_attention_heads=4,
        hidden_size=40,
        intermediate_size=53,
        initializer_range=0.2,
    )
    theirs = transformers.BertForPreTraining(config).eval()
    theirs.save_pretrained(tmp_path)
    ids, mask, segments = new_batch()
    with torch.no_grad():
        output = theirs(input_ids=ids, attention_mask=mask.long(), token_type_ids=segments, output_hidden_states=True)
    encoder = BERT.from_pretrained(tmp_path).eval()
    ours = encoder(ids, mask=mask, segment_ids=segments)
    torch.testing.assert_close(ours[mask], output.hidden_states[-1][mask], atol=1e-4, rtol=1e-4)
    # The pooler belongs to the other head, the next sentence's; the masked language model has no part of it.
    logits = MaskedLM.from_pretrained(tmp_path)(ids, mask=mask, segment_ids=segments)
    torch.testing.assert_close(logits[mask], output.prediction_logits[mask], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("config", "published"), [(BERTConfig.base(), 110e6), (BERTConfig.large(), 340e6)])
def test_presets_have_the_published_sizes(config, published):
    """The published ones count the pooler, C² + C numbers, too."""
    with torch.device("meta"):
        count = BERT(config).count_parameters() + config.d_model**2 + config.d_model
    assert abs(count / published - 1) < 0.02


def test_count_on_paper():
    """V=5, S=3, C=2, d_ff=7, two segments, one layer, one head: embeddings 5·2 + 3·2 + 2·2 = 20, their norm 4,
    attention (2·6 + 6) + (2·2 + 2) = 24, feed-forward (2·7 + 7) + (7·2 + 2) = 37, two norms 8: 93."""
    assert (
        BERT(BERTConfig(vocab_size=5, max_seq_len=3, n_layers=1, n_heads=1, d_model=2, d_ff=7)).count_parameters() == 93
    )


def test_every_token_sees_both_sides():
    ids = new_batch()[0][:1]
    model, other = new_model(HEADS["BertModel"]), ids.clone()
    other[0, 8] = (ids[0, 8] + 1) % 101
    assert ((model(ids) - model(other)).abs().amax(-1) > 1e-4).all()


def test_padding_changes_nothing():
    ids, mask, segments = new_batch()
    model = new_model(HEADS["BertModel"])
    padded = model(ids, mask=mask, segment_ids=segments)
    for row, length in enumerate((17, 11, 5)):
        alone = model(ids[row : row + 1, :length], segment_ids=segments[row : row + 1, :length])
        torch.testing.assert_close(padded[row, :length], alone[0], atol=1e-5, rtol=1e-5)


def test_heads_start_near_uniform_and_the_masked_lm_shares_the_embedding():
    torch.manual_seed(0)
    model = MaskedLM(BERT(TINY))
    loss = torch.nn.functional.cross_entropy(model(new_batch()[0]).flatten(0, 1), new_batch()[0].flatten())
    assert abs(loss - torch.tensor(101.0).log()) < 0.5
    assert not any("decoder" in name for name in model.state_dict())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d_model": 10, "n_heads": 3}, "d_model must be divisible by n_heads; got d_model=10, n_heads=3"),
        ({"n_layers": 0}, "n_layers must be at least 1; got n_layers=0"),
        ({"activation": "cube"}, "activation must be one of .*; got 'cube'"),
        ({"norm_eps": -1e-5}, "norm_eps must be a finite number of at least 0; got -1e-05"),
        ({"norm_eps": float("nan")}, "norm_eps must be a finite number of at least 0; got nan"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\); got 1.0"),
    ],
)
def test_bad_settings(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TINY, **change)


def test_bad_input():
    model, (ids, mask, segments) = new_model(HEADS["BertModel"]), new_batch()
    for bad, message in (
        (dict(ids=ids[0]), r"ids must be whole numbers .* of shape \(B, T\); got torch.int64 of shape \(17,\)"),
        (dict(ids=ids.float()), "ids must be whole numbers"),
        (dict(ids=ids + 90), "ids must be from 0 to vocab_size - 1 = 100; got"),
        (dict(ids=ids.repeat(1, 2)), "limited to max_seq_len=23 tokens; got 34"),
        (
            dict(ids=ids, mask=mask.float()),
            r"mask must be boolean of shape \(3, 17\), True = may attend; got torch.float32",
        ),
        (
            dict(ids=ids, mask=mask[:2]),
            r"mask must be boolean of shape \(3, 17\), True = may attend; got torch.bool of shape \(2, 17\)",
        ),
        (dict(ids=ids, segment_ids=segments + 1), "segment_ids must be from 0 to n_segments - 1 = 1; got 1 to 2"),
        (dict(ids=ids, segment_ids=segments[:, :4]), r"segment_ids must have the shape of ids"),
    ):
        with pytest.raises(ValueError, match=message):
            model(bad.pop("ids"), **bad)
    for head in (TextClassifier, TokenClassifier):
        with pytest.raises(ValueError, match="n_labels must be at least 1; got 0"):
            head(model, 0)


def test_bad_folders(tmp_path):
    new_model(HEADS["BertForMaskedLM"]).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="the model has no classifier; put a new one on"):
        TextClassifier.from_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for change, message in (
        ({"model_type": "gpt2"}, "model_type must be bert or aigc_book_bert_masked_lm; got 'gpt2'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type='relative_key' is not supported"),
        ({"hidden_act": "tanh"}, "hidden_act must be one of .*; got 'tanh'"),
        ({"num_hidden_layers": 4}, r"missing \['encoder.blocks.3"),
    ):
        (tmp_path / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(ValueError, match=message):
            MaskedLM.from_pretrained(tmp_path)


@pytest.mark.parametrize("name", HEADS)
def test_an_activation_that_transformers_has_not_goes_through_our_own_layout(tmp_path, name):
    model, (ids, mask, segments) = new_model(HEADS[name], dataclasses.replace(TINY, activation="relu2")), new_batch()
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == model.model_type
    again = type(model).from_pretrained(tmp_path)
    assert again.config.resolved == model.config.resolved
    assert torch.equal(again(ids, mask=mask, segment_ids=segments), model(ids, mask=mask, segment_ids=segments))
    encoder = BERT.from_pretrained(tmp_path)  # of every one of them
    ours = getattr(model, "encoder", model)
    assert torch.equal(encoder(ids, mask=mask, segment_ids=segments), ours(ids, mask=mask, segment_ids=segments))
