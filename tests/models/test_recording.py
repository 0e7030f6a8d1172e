"""A recording holds what the model really used, for every family, and leaves no trace."""

import pytest
import torch

from aigc_book.layers.attention import MultiHeadAttention
from aigc_book.models.bert import BERT, BERTConfig
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.models.mlp import MLP, MLPConfig
from aigc_book.models.recording import record
from aigc_book.models.seq2seq import EncoderDecoder, Seq2SeqConfig

B, T = 2, 7
SIZES = dict(vocab_size=31, max_seq_len=11, n_heads=4, d_model=24)
GPTS = [
    GPTConfig(n_layers=3, **SIZES),
    GPTConfig(n_layers=3, position="alibi", **SIZES),
    GPTConfig(n_layers=3, position="rotary", norm="rms", n_kv_heads=2, qk_norm=True, bias=False, **SIZES),
]


def new_ids(seed=0):
    return torch.randint(31, (B, T), generator=torch.Generator().manual_seed(seed))


def drawn(model):
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def rebuilt(attention: MultiHeadAttention, x, weights):
    """The output of an attention from its recorded weights and its values."""
    G, D = attention.n_kv_heads, attention.d_head
    values = attention.v(x).unflatten(-1, (G, D)).transpose(1, 2)
    values = values.repeat_interleave(attention.n_heads // G, dim=1)
    return attention.out((weights @ values).transpose(1, 2).flatten(2))


@pytest.mark.parametrize("config", GPTS, ids=lambda c: c.position)
def test_weights_are_those_that_made_the_output(config):
    model, ids = drawn(GPT(config)), new_ids()
    outputs = {}
    for layer, block in enumerate(model.blocks):
        block.attention.register_forward_hook(
            lambda module, args, kwargs, output, layer=layer: outputs.update({layer: (args[0], output)}),
            with_kwargs=True,
        )
    with record(model) as seen:
        logits = model(ids)
    assert list(seen.attention) == [f"blocks.{layer}.attention" for layer in range(3)]
    assert list(seen.hidden) == [f"blocks.{layer}" for layer in range(3)]
    for layer, block in enumerate(model.blocks):
        weights = seen.attention[f"blocks.{layer}.attention"]
        assert weights.shape == (B, 4, T, T)
        x, output = outputs[layer]
        torch.testing.assert_close(rebuilt(block.attention, x, weights), output, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model.head(model.final_norm(seen.hidden["blocks.2"])), logits)


def test_encoder_and_encoder_decoder():
    bert = drawn(BERT(BERTConfig(n_layers=2, **SIZES)))
    mask = torch.arange(T) < torch.tensor([[T], [4]])
    with record(bert) as seen:
        last = bert(new_ids(), mask=mask)
    assert (seen.attention["blocks.1.attention"][1, :, :, 4:] == 0).all()  # padding
    assert torch.equal(seen.hidden["blocks.1"], last)

    model = drawn(EncoderDecoder(Seq2SeqConfig(37, n_encoder_layers=1, n_decoder_layers=2, **SIZES)))
    with record(model) as seen:
        model(torch.randint(37, (B, 9)), new_ids(), torch.arange(9) < torch.tensor([[9], [3]]))
    assert list(seen.hidden) == ["encoder_blocks.0", "decoder_blocks.0", "decoder_blocks.1"]
    cross = seen.attention["decoder_blocks.1.cross_attention"]
    assert cross.shape == (B, 4, T, 9)
    assert (cross[1, :, :, 3:] == 0).all()
    assert len(seen.attention) == 5
    for weights in seen.attention.values():
        torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))


def test_recording_with_a_cache_changes_nothing():
    model, ids = drawn(GPT(GPTS[2])), new_ids()
    whole = model(ids)
    cache = model.new_cache(B)
    model(ids[:, :4], cache=cache)
    with record(model) as seen:
        rest = model(ids[:, 4:], cache=cache)
    assert cache.length == T
    torch.testing.assert_close(rest, whole[:, 4:], atol=1e-4, rtol=1e-4)
    with record(model) as all_at_once:
        model(ids)
    for name, weights in seen.attention.items():
        torch.testing.assert_close(weights, all_at_once.attention[name][:, :, 4:], atol=1e-5, rtol=1e-4)


def test_nothing_is_left_behind_also_after_an_error():
    model = drawn(GPT(GPTS[0]))
    before = model(new_ids())
    with pytest.raises(ValueError, match="limited to max_seq_len"), record(model):
        model(torch.zeros(1, 99, dtype=torch.long))
    assert not any(module._forward_hooks for module in model.modules())
    with record(model) as seen:
        assert torch.equal(model(new_ids()), before)
    assert not any(weights.requires_grad for weights in (seen.attention | seen.hidden).values())


def test_a_model_without_attention_has_hidden_states_only():
    with record(MLP(MLPConfig(3, 2, (5,)))) as seen:
        MLP(MLPConfig(3, 2))(torch.randn(4, 3))  # another model
    assert not seen.hidden and not seen.attention
    model = MLP(MLPConfig(3, 2, (5,)))
    with record(model) as seen:
        y = model(torch.randn(4, 3))
    assert [tuple(h.shape) for h in seen.hidden.values()] == [(4, 5), (4, 2)]
    assert torch.equal(seen.hidden["layers.1"], y)
