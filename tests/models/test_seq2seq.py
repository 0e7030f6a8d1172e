"""The encoder–decoder against torch.nn.Transformer, cached and searched against written out, and its laws."""

import dataclasses
import json

import pytest
import torch
from torch import nn

from aigc_book.decoding import GREEDY, beam_search, generate
from aigc_book.layers.positions import POSITIONS, LearnedPositions, sinusoidal
from aigc_book.models.seq2seq import EncoderDecoder, Seq2SeqConfig

TINY = Seq2SeqConfig(
    source_vocab_size=31,
    vocab_size=29,
    max_seq_len=19,
    n_encoder_layers=2,
    n_decoder_layers=3,
    n_heads=4,
    d_model=40,
    d_ff=53,
)
VARIANTS = [
    TINY,
    dataclasses.replace(TINY, norm_first=True, position="learned", activation="gelu", tie_embeddings=False),
]
names = ["paper", "pre-norm"]
CODES = [dataclasses.replace(TINY, position=position) for position in POSITIONS]
START = 1


def code(config):
    return config.position


def new_model(config=TINY, seed=0):
    """A model none of whose parameters is zero, so that no part of it is without effect."""
    torch.manual_seed(seed)
    model = EncoderDecoder(config)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    return model.eval()


def new_batch(B=3, S=11, T=7):
    generator = torch.Generator().manual_seed(1)
    source = torch.randint(31, (B, S), generator=generator)
    ids = torch.randint(29, (B, T), generator=generator)
    return source, ids, torch.arange(S) < torch.tensor([11, 7, 2])[:, None]


def torchs(model):
    """torch.nn.Transformer with the model's weights; without a last norm where the paper has none."""
    c = model.config
    options = dict(
        d_model=c.d_model,
        nhead=c.n_heads,
        dim_feedforward=c.resolved.d_ff,
        dropout=0.0,
        activation=c.activation,
        batch_first=True,
        norm_first=c.norm_first,
    )
    last = [nn.LayerNorm(c.d_model) if c.norm_first else None for _ in range(2)]
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(**options), c.n_encoder_layers, last[0], enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**options), c.n_decoder_layers, last[1])
    theirs = nn.Transformer(c.d_model, c.n_heads, custom_encoder=encoder, custom_decoder=decoder, batch_first=True)

    def copy_attention(to, ours):
        to.in_proj_weight.copy_(torch.cat((ours.q.weight, ours.k.weight, ours.v.weight)))
        to.in_proj_bias.copy_(torch.cat((ours.q.bias, ours.k.bias, ours.v.bias)))
        to.out_proj.load_state_dict(ours.out.state_dict())

    with torch.no_grad():
        for block, layer in zip(model.encoder_blocks, encoder.layers, strict=True):
            copy_attention(layer.self_attn, block.attention)
            norms = (block.attention_norm, block.feedforward_norm)
            for ours, their in zip(norms, (layer.norm1, layer.norm2), strict=True):
                their.load_state_dict(ours.state_dict())
            layer.linear1.load_state_dict(block.feedforward.up.state_dict())
            layer.linear2.load_state_dict(block.feedforward.down.state_dict())
        for block, layer in zip(model.decoder_blocks, decoder.layers, strict=True):
            copy_attention(layer.self_attn, block.attention)
            copy_attention(layer.multihead_attn, block.cross_attention)
            norms = (block.attention_norm, block.cross_attention_norm, block.feedforward_norm)
            for ours, their in zip(norms, (layer.norm1, layer.norm2, layer.norm3), strict=True):
                their.load_state_dict(ours.state_dict())
            layer.linear1.load_state_dict(block.feedforward.up.state_dict())
            layer.linear2.load_state_dict(block.feedforward.down.state_dict())
        if c.norm_first:
            encoder.norm.load_state_dict(model.encoder_norm.state_dict())
            decoder.norm.load_state_dict(model.decoder_norm.state_dict())
    return theirs.eval()


def embedded(ids, embedding, positions):
    """√C times the embeddings, and the code of their positions."""
    C = embedding.embedding_dim
    code = positions.weight if isinstance(positions, LearnedPositions) else sinusoidal(ids.size(1), C)
    return embedding(ids) * C**0.5 + code[: ids.size(1)]


@pytest.mark.parametrize("config", VARIANTS, ids=names)
def test_equals_torchs_transformer(config):
    model, (source, ids, mask) = new_model(config), new_batch()
    theirs = torchs(model)
    expected = theirs(
        embedded(source, model.source_embedding, model.source_positions),
        embedded(ids, model.target_embedding, model.target_positions),
        tgt_mask=~torch.ones(7, 7, dtype=torch.bool).tril(),
        src_key_padding_mask=~mask,
        memory_key_padding_mask=~mask,
    )
    ours = model(source, ids, mask)
    torch.testing.assert_close(ours, model.head(expected), atol=1e-4, rtol=1e-4)
    weights = torch.randn_like(ours)
    (ours * weights).sum().backward()
    attention = model.encoder_blocks[0].attention
    grad = torch.cat([linear.weight.grad for linear in (attention.q, attention.k, attention.v)])
    (model.head(expected) * weights).sum().backward()
    torch.testing.assert_close(theirs.encoder.layers[0].self_attn.in_proj_weight.grad, grad, atol=1e-2, rtol=1e-3)


def test_count_on_paper():
    """C=2, d_ff=3, one head. Encoder block: attention 18 + 6, feed-forward (6+3) + (6+2), two norms of 4: 49. Decoder
    block: cross-attention 6 + 12 + 6 and a norm more, 49 + 24 + 4 = 77. Embeddings 5·2 + 7·2, the head shared: 150."""
    config = Seq2SeqConfig(5, 7, n_encoder_layers=1, n_decoder_layers=1, n_heads=1, d_model=2, d_ff=3)
    assert EncoderDecoder(config).count_parameters() == 49 + 77 + 24


@pytest.mark.parametrize("config", [*VARIANTS, *CODES], ids=[*names, *POSITIONS])
def test_no_target_token_sees_a_later_one_and_all_see_the_source(config):
    model, (source, ids, _) = new_model(config), new_batch()
    before = model(source, ids)
    later, other = ids.clone(), source.clone()
    later[:, 4] = (ids[:, 4] + 1) % 29
    other[:, -1] = (source[:, -1] + 1) % 31
    changed = (model(source, later) - before).abs().amax(-1)
    assert (changed[:, :4] == 0).all()
    assert (changed[:, 4:] > 1e-5).all()
    assert ((model(other, ids) - before).abs().amax(-1) > 1e-5).all()


@pytest.mark.parametrize("config", CODES, ids=code)
def test_padding_of_the_source_changes_nothing(config):
    model, (source, ids, mask) = new_model(config), new_batch()
    padded = model(source, ids, mask)
    for row, length in enumerate((11, 7, 2)):
        alone = model(source[row : row + 1, :length], ids[row : row + 1])
        torch.testing.assert_close(padded[row], alone[0], atol=1e-4, rtol=1e-4)


def naive_greedy(model, source, mask, n):
    ids = torch.full((len(source), 1), START)
    for _ in range(n):
        ids = torch.cat((ids, model(source, ids, mask)[:, -1:].argmax(-1)), dim=1)
    return ids


@pytest.mark.parametrize("config", [*VARIANTS, *CODES], ids=[*names, *POSITIONS])
def test_cached_decoding_equals_uncached(config):
    model, (source, _, mask) = new_model(config), new_batch()
    starts = torch.full((3, 1), START)
    ours = generate(model.reading(source, mask), starts, 9, GREEDY)
    assert torch.equal(ours, naive_greedy(model, source, mask, 9))


@pytest.mark.parametrize("config", CODES, ids=code)
def test_targets_of_different_lengths_go_on_as_they_would_alone(config):
    model, (source, _, mask) = new_model(config), new_batch()
    prompts = [[START], [START, 5, 3], [START, 4]]
    together = generate(model.reading(source, mask), prompts, 5, GREEDY)
    for row, prompt in enumerate(prompts):
        reading = model.reading(source[row : row + 1], mask[row : row + 1])
        assert torch.equal(generate(reading, prompt, 5, GREEDY), together[row])


def test_beam_search_finds_what_all_hypotheses_hold():
    """With as many beams as there are beginnings it is exhaustive."""
    model = new_model(dataclasses.replace(TINY, vocab_size=5))
    source, _, mask = new_batch(B=1)
    (best,) = beam_search(model.reading(source, mask[:1]), [START], 3, n_beams=25, length_penalty=0.0)
    every = torch.cartesian_prod(*[torch.arange(5)] * 3)
    ids = torch.cat((torch.full((125, 1), START), every), dim=1)
    logp = model(source.expand(125, -1), ids[:, :-1], mask[:1].expand(125, -1)).log_softmax(-1)
    totals = logp.gather(-1, ids[:, 1:, None]).sum((1, 2))
    assert best.ids.tolist() == ids[totals.argmax()].tolist()
    assert best.log_probability == pytest.approx(totals.max().item(), abs=1e-4)


def test_reading_leaves_modes_and_gradients_alone():
    model, (source, _, _) = new_model(dataclasses.replace(TINY, dropout=0.5)), new_batch()
    model.train()
    model.encoder_blocks[0].eval()
    memory = model.reading(source).memory
    assert model.training and not model.encoder_blocks[0].training
    assert not memory[0][0].requires_grad
    assert torch.equal(memory[0][0], model.reading(source).memory[0][0])  # no dropout
    before = [module.training for module in model.modules()]
    with pytest.raises(ValueError, match="got 3 to 99"):
        model.reading(torch.tensor([[3, 99]]))
    assert [module.training for module in model.modules()] == before  # also after an error


@pytest.mark.parametrize("config", [*VARIANTS, *CODES], ids=[*names, *POSITIONS])
def test_saved_and_read_back(tmp_path, config):
    model, (source, ids, mask) = new_model(config), new_batch()
    model.save_pretrained(tmp_path)
    again = EncoderDecoder.from_pretrained(tmp_path).eval()
    assert again.config.resolved == config.resolved
    torch.testing.assert_close(again(source, ids, mask), model(source, ids, mask))
    assert (again.head.weight is again.target_embedding.weight) == config.tie_embeddings
    saved = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(saved | {"model_type": "gpt2"}))
    with pytest.raises(ValueError, match="model_type must be aigc_book_seq2seq; got 'gpt2'"):
        EncoderDecoder.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d_model": 10, "n_heads": 3}, "d_model must be divisible by n_heads; got d_model=10, n_heads=3"),
        ({"d_model": 5, "n_heads": 1}, "sinusoidal positions need an even d_model; got 5"),
        ({"n_decoder_layers": 0}, "n_decoder_layers must be at least 1; got n_decoder_layers=0"),
        ({"position": "rotery"}, "position must be one of learned, sinusoidal, .*; got 'rotery'"),
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
    model, (source, ids, mask) = new_model(), new_batch()
    for arguments, message in (
        ((source[:2], ids), "source and ids need the same batch size"),
        ((source.float(), ids), "source must be whole numbers"),
        ((source[0], ids[0, :1]), "need the same batch size"),
        ((source + 31, ids), "source must be from 0 to source_vocab_size - 1 = 30; got"),
        ((source, ids + 29), "ids must be from 0 to vocab_size - 1 = 28; got"),
        ((source.repeat(1, 2), ids), "source is limited to max_seq_len=19 tokens; got 22"),
        ((source, ids.repeat(1, 3)), "target is limited to max_seq_len=19 tokens; got 21"),
        (
            (source, ids, mask.float()),
            r"source_mask must be boolean of shape \(3, 11\), True = may attend; got torch.float32",
        ),
        ((source, ids, mask[:, 1:]), r"source_mask must be boolean of shape \(3, 11\)"),
    ):
        with pytest.raises(ValueError, match=message):
            model(*arguments)
    with pytest.raises(ValueError, match="one row of ids for each of the 3 sources; got 2 rows"):
        generate(model.reading(source), [[1], [1]], 2)
