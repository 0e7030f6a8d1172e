"""A playground in a page: sliders for temperature, top-k and top-p over next-token distributions that were recorded.

One piece of HTML with its data and its program inside. It asks no kernel and no network, so it works in a built book,
in a saved page and in a notebook. The program computes what :func:`aigc_book.decoding.sampling.distribution` computes,
in its order (temperature, top-k, top-p), and a test compares the two in a browser.
"""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from aigc_book.decoding.sampling import require_finite
from aigc_book.decoding.stopping import Decode

SHOWN = 12  # bars


@dataclass(frozen=True)
class Moment:
    """A beginning, and what a model said may follow.

    Args:
        text: the beginning, as the reader sees it.
        logits: (V,) of the next token.

    Raises:
        ValueError: no text, logits of another shape, or logits that are not finite.
    """

    text: str
    logits: Tensor

    def __post_init__(self):
        if not isinstance(self.text, str) or not self.text.strip():
            raise ValueError(f"text must be the beginning that the reader sees; got {self.text!r}")
        if not isinstance(self.logits, Tensor) or self.logits.dim() != 1 or not self.logits.numel():
            shape = tuple(self.logits.shape) if isinstance(self.logits, Tensor) else type(self.logits).__name__
            raise ValueError(f"logits must be (V,), with V at least 1; got {shape}")
        require_finite(self.logits)


def playground(moments: Sequence[Moment], tokens: Sequence[str], *, name: str = "playground") -> str:
    """The playground as HTML.

    Args:
        moments: what the reader can choose from, at least one. Logits are kept to a thousandth.
        tokens: the text of each token, V of them.
        name: of the element; one page can hold several that have different names.

    Returns:
        A ``<div>`` with a style, a form and a program.

    Raises:
        ValueError: no moments, another number of tokens than logits, or a name that is no word.
    """
    if not moments:
        raise ValueError("a playground needs at least one moment; got none")
    for i, moment in enumerate(moments):
        if len(moment.logits) != len(tokens):
            raise ValueError(
                f"expected a text for each of the {len(moment.logits)} logits of moment {i}; got {len(tokens)}"
            )
    if not name.isidentifier():
        raise ValueError(f"name must be a word of letters, digits and _; got {name!r}")
    data = {
        "tokens": [str(token) for token in tokens],
        "moments": [
            {"text": each.text, "logits": [round(x, 3) for x in (each.logits - each.logits.max()).tolist()]}
            for each in moments
        ],
    }
    # "<" is written so that no token can end the script.
    inline = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    options = "".join(f'<option value="{i}">{html.escape(m.text)}</option>' for i, m in enumerate(moments))
    page = _PAGE.replace("@OPTIONS@", options).replace("@V@", str(len(tokens))).replace("@SHOWN@", str(SHOWN))
    return page.replace("@NAME@", name).replace("@DATA@", inline)


def token_texts(decode: Decode, vocab_size: int) -> list[str]:
    """The text of each token of a vocabulary, each decoded alone.

    Args:
        decode: ids → text, the tokenizer's.
        vocab_size: V.
    """
    return [decode([token]) for token in range(vocab_size)]


_PAGE = r"""<div id="@NAME@" class="playground"><style>
#@NAME@{color:inherit;max-width:44rem;margin:1rem 0;font-size:.95rem}
#@NAME@ .row{display:flex;flex-wrap:wrap;align-items:center;gap:.2rem .8rem;margin:.35rem 0}
#@NAME@ label{flex:0 0 7.5rem}#@NAME@ input[type=range]{flex:1 1 10rem;min-width:8rem}
#@NAME@ output{flex:0 0 4rem;font-variant-numeric:tabular-nums}
#@NAME@ select,#@NAME@ button{font:inherit;color:inherit;background:transparent;border:1px solid currentColor}
#@NAME@ select,#@NAME@ button{border-radius:.3rem;padding:.2rem .5rem;max-width:100%}
#@NAME@ option{color:#111;background:#fff}
#@NAME@ ol{list-style:none;padding:0;margin:.6rem 0}
#@NAME@ li{display:grid;grid-template-columns:8.5rem 1fr 4.2rem;gap:.5rem}
#@NAME@ li{align-items:center;line-height:1.5;margin:0}
#@NAME@ code{background:transparent;color:inherit;border:0;padding:0;white-space:pre}
#@NAME@ code{overflow:hidden;text-overflow:ellipsis}
#@NAME@ .bar{display:block;height:.8rem;background:#0072B2;min-width:0}
#@NAME@ .out code{text-decoration:line-through}#@NAME@ .n{text-align:right;font-variant-numeric:tabular-nums}
#@NAME@ .written{white-space:pre-wrap;overflow-wrap:anywhere;min-height:1.5em}
</style>
<div class="row"><label for="@NAME@-m">After</label><select id="@NAME@-m">@OPTIONS@</select></div>
<div class="row"><label for="@NAME@-t">temperature</label>
<input type="range" id="@NAME@-t" min="0" max="2" step="0.05" value="1">
<output id="@NAME@-to" for="@NAME@-t">1.00</output></div>
<div class="row"><label for="@NAME@-k">top-k</label>
<input type="range" id="@NAME@-k" min="1" max="@V@" step="1" value="@V@">
<output id="@NAME@-ko" for="@NAME@-k">all</output></div>
<div class="row"><label for="@NAME@-p">top-p</label>
<input type="range" id="@NAME@-p" min="0.01" max="1" step="0.01" value="1">
<output id="@NAME@-po" for="@NAME@-p">1.00</output></div>
<ol aria-label="the likeliest tokens and their probabilities"></ol>
<p class="summary" role="status" aria-live="polite"></p>
<div class="row"><button type="button">draw 20 tokens</button></div>
<p class="written" aria-live="polite"></p>
<script>(() => {
const data = @DATA@;
const root = document.getElementById("@NAME@"), at = (id) => document.getElementById("@NAME@-" + id);
const moment = at("m"), t = at("t"), k = at("k"), p = at("p"), V = data.tokens.length;
const show = (token) => data.tokens[token].replace(/\n/g, "⏎").replace(/ /g, "␣");
// As aigc_book.decoding.sampling.distribution: temperature, then top-k, then top-p; of equals the lowest id first.
function distribution(logits, temperature, topK, topP) {
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
  const probabilities = new Array(logits.length).fill(0);
  if (temperature === 0) { probabilities[order[0]] = 1; return { order, probabilities }; }
  const top = logits[order[0]];
  let kept = order.slice(0, topK), weights = kept.map((i) => Math.exp((logits[i] - top) / temperature));
  let total = weights.reduce((a, b) => a + b, 0);
  if (topP < 1) {
    let before = 0, n = 0;
    while (n < kept.length && (n === 0 || before < topP)) before += weights[n++] / total;
    kept = kept.slice(0, n); weights = weights.slice(0, n); total = weights.reduce((a, b) => a + b, 0);
  }
  kept.forEach((i, n) => { probabilities[i] = weights[n] / total; });
  return { order, probabilities };
}
const now = () => distribution(data.moments[+moment.value].logits, +t.value, +k.value, +p.value);
function draw() {
  at("to").value = (+t.value).toFixed(2); at("po").value = (+p.value).toFixed(2);
  at("ko").value = +k.value >= V ? "all" : k.value;
  const { order, probabilities } = now();
  const list = root.querySelector("ol"); list.replaceChildren();
  for (const i of order.slice(0, @SHOWN@)) {
    const line = document.createElement("li"), word = document.createElement("code");
    const [track, bar, n] = ["span", "span", "span"].map((name) => document.createElement(name));
    word.textContent = show(i); bar.className = "bar"; bar.style.width = 100 * probabilities[i] + "%";
    n.className = "n"; n.textContent = (100 * probabilities[i]).toFixed(1) + " %";
    line.className = probabilities[i] > 0 ? "in" : "out"; line.dataset.token = i; line.dataset.p = probabilities[i];
    track.append(bar); line.append(word, track, n); list.append(line);
  }
  const left = probabilities.filter((x) => x > 0);
  const bits = -left.reduce((sum, x) => sum + x * Math.log2(x), 0);
  root.querySelector(".summary").textContent =
    left.length + " of " + V + " tokens can come; the choice is worth " + Math.abs(bits).toFixed(2) + " bits.";
}
root.querySelector("button").addEventListener("click", () => {
  const { probabilities } = now(), drawn = [];
  for (let n = 0; n < 20; n++) {
    let u = Math.random(), i = -1, last = 0;
    while (u >= 0 && ++i < V) if (probabilities[i] > 0) { u -= probabilities[i]; last = i; }
    drawn.push(show(last));
  }
  root.querySelector(".written").textContent = drawn.join("  ");
});
for (const each of [moment, t, k, p]) each.addEventListener("input", draw);
draw();
})();</script></div>"""
