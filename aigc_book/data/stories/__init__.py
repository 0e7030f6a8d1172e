"""The story world: short stories in English and Chinese, with everything known about them.

::

    from aigc_book.data.stories import stories

    for story in stories("train", 1000, seed=0):
        story.english, story.chinese      # the texts; story.sentences has them sentence by sentence, in pairs
        story.sentiment                   # "positive", "neutral" or "negative"
        story.english_tokens, story.english_tags   # words and their BIO tags; chinese_tokens, chinese_tags
        story.entities, story.summary, story.questions
        story.instruction, story.response
        story.preferred, story.rejected   # two endings, and story.preference with the prompt and the reason

What any text says is read by :func:`~aigc_book.data.stories.facts.facts_in`, to be compared with a record: so one
counts what a model's stories get wrong.

Whatever is there in both languages is a :class:`~aigc_book.data.stories.language.Pair`, ``.english`` and ``.chinese``.

A story begins with an event record, a :class:`~aigc_book.data.stories.records.Record`: who, with whom, where, when,
what, how many, why, and how it ends. Hand-written sentences tell the record in both languages, and labels and tasks
follow from it. So nothing has to be guessed from the text, and the two languages say the same.

The splits are ``train``, ``validation``, ``test``, and ``held_out``, whose combinations of person, place and kind of
event occur in no other split. A record belongs to one split only, whatever the seed.
"""

from aigc_book.data.stories.events import KINDS
from aigc_book.data.stories.facts import Facts, facts_in
from aigc_book.data.stories.labels import BIO_TAGS, Entity, bio_tags, tokens
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.preferences import FLAWS, Preference
from aigc_book.data.stories.records import SPLITS, Record, is_held_out
from aigc_book.data.stories.story import SENTIMENTS, Story, endless, stories, story
from aigc_book.data.stories.tasks import Instruction, Question

__all__ = [
    "BIO_TAGS",
    "FLAWS",
    "KINDS",
    "SENTIMENTS",
    "SPLITS",
    "Entity",
    "Facts",
    "Instruction",
    "Pair",
    "Preference",
    "Question",
    "Record",
    "Story",
    "bio_tags",
    "endless",
    "facts_in",
    "is_held_out",
    "stories",
    "story",
    "tokens",
]
