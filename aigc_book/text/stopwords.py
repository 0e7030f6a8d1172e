"""Stop words: the frequent words that say little about a text's subject, and much about its grammar.

Two lists can be had. NLTK's are used in most tutorials, and are data to be downloaded once; ours below are short,
written for this book, and always there. :func:`stop_words` says which one it gave, since counts depend on it.
"""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aigc_book.data.files import data_folder

SOURCES = ("own", "nltk")

_OWN = {
    "english": """
        a an the this that these those
        i me my mine myself we us our ours ourselves you your yours yourself he him his himself she her hers herself
        it its itself they them their theirs themselves one who whom whose which what
        am is are was were be been being do does did doing done have has had having
        can could may might must shall should will would cannot
        and or but nor so if then else than as because while although though unless until whether
        of in on at by for from to into onto with without within about above below over under between among
        through during before after against off out up down per via
        not no nor neither either both all any each every some such few many more most much other another same own
        only just also too very again once here there when where why how now ever never still yet even
        s t d m re ve ll don doesn didn isn aren wasn weren won wouldn couldn shouldn hasn haven hadn can't
        don't doesn't didn't isn't aren't wasn't weren't won't wouldn't couldn't shouldn't it's that's i'm you're
    """,
    "chinese": """
        的 地 得 了 着 过 吗 呢 吧 啊 呀 嘛 啦 哦
        我 你 他 她 它 您 咱 我们 你们 他们 她们 它们 咱们 自己 大家 人家
        这 那 哪 此 其 该 某 各 每 这个 那个 这些 那些 这里 那里 这样 那样 这么 那么 哪里 哪儿 哪个 哪些 谁
        什么 怎么 怎样 为什么 多少
        是 有 在 没 没有 不 不是 别 无 非 会 能 可以 能够 应该 要 想 让 使 被 把 将 给 对 向 往 从 由 于 自 以 为 为了
        和 与 跟 同 及 以及 或 或者 还是 而 而且 并 并且 但 但是 可是 不过 然而 却 虽然 尽管 如果 若 假如 只要 只有 除非
        因为 因此 所以 由于 于是 然后 那么 即 即使 无论 不管
        就 才 都 也 还 又 再 更 最 很 太 非常 十分 只 仅 已 已经 曾 正 正在 刚 总 常 一直 一 一个 一些 一样 几 些 个
        种 次 上 下 中 里 外 前 后 内 间 时 时候 之 之后 之前 等 等等 如 比 比如 例如 关于 对于 按照 根据 通过
    """,
}
LANGUAGES = tuple(_OWN)


@dataclass(frozen=True)
class StopWords:
    """A list of stop words that says where it is from; ``"the" in stop_words()`` asks it."""

    language: str  #: ``"english"`` or ``"chinese"``
    source: str  #: ``"own"``: written for this book; ``"nltk"``: NLTK's data
    words: frozenset[str]  #: in lower case

    def __contains__(self, word: str) -> bool:
        return word.lower() in self.words

    def __len__(self) -> int:
        return len(self.words)

    def remove(self, words: Iterable[str]) -> list[str]:
        """The words that are no stop words, in their order. The case doesn't matter.

        Raises:
            ValueError: ``words`` is one string; cut it into words first.
        """
        if isinstance(words, str):
            raise ValueError(f"words must be a list of words, not one string; got {words[:20]!r}")
        return [word for word in words if word not in self]


def stop_words(language: str = "english", *, source: str | None = None) -> StopWords:
    """The stop words of a language.

    Args:
        language: ``"english"``, or ``"chinese"`` (simplified characters).
        source: ``"own"``: this book's short list, the same on every machine. ``"nltk"``: NLTK's, from its data package
            ``stopwords``, looked for in the folder ``nltk_data`` of ``AIGC_BOOK_DATA`` and where NLTK looks. None:
            NLTK's if its data is there, and ours if not; the result's ``source`` says which.

    Raises:
        ValueError: there is no list for this language, or no such source.
        FileNotFoundError: NLTK's list was asked for and its data is not here; the message says how to get it.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}; got {language!r}")
    if source not in (None, *SOURCES):
        raise ValueError(f"source must be one of {', '.join(SOURCES)}, or None; got {source!r}")
    if source != "own":
        try:
            return StopWords(language, "nltk", _nltk_words(language))
        except FileNotFoundError:
            if source == "nltk":
                raise
    return StopWords(language, "own", frozenset(_OWN[language].split()))


def _nltk_words(language: str) -> frozenset[str]:
    """From the data package as it is published, a zip file, or unpacked; NLTK's own search path is searched last."""
    import nltk  # here, because it takes a second to import

    folder = data_folder()
    places = [*([] if folder is None else [folder / "nltk_data"]), *map(Path, nltk.data.path)]
    for corpora in (place / "corpora" for place in places):
        file, packed = corpora / "stopwords" / language, corpora / "stopwords.zip"
        if file.is_file():
            return frozenset(file.read_text(encoding="utf-8").lower().split())
        if packed.is_file():
            with zipfile.ZipFile(packed) as archive:
                return frozenset(archive.read(f"stopwords/{language}").decode().lower().split())
    raise FileNotFoundError(
        f"NLTK's stop words for {language} are not here: get them once with nltk.download('stopwords'), or ask for"
        " source='own'"
    )
