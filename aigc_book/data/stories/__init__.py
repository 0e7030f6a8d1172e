"""The story world: short stories in English and Chinese, with everything known about them.

::

    from aigc_book.data.stories import stories

    for story in stories("train", 1000):
        print(story.english, story.chinese, story.sentiment)

A story begins with an event record (:class:`Record`): who, with whom, where, when, what, how many, why, and how
it ends. Hand-written sentences tell the record in both languages, and labels and tasks follow from it. So nothing has
to be guessed from the text, and the two languages say the same.
"""

from aigc_book.data.stories.labels import BIO_TAGS, Entity, bio_tags, tokens
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.preferences import FLAWS, Preference
from aigc_book.data.stories.records import KINDS, SPLITS, Record, is_held_out
from aigc_book.data.stories.story import SENTIMENTS, Story, endless, stories, story
from aigc_book.data.stories.tasks import Instruction, Question

__all__ = [
    "BIO_TAGS",
    "FLAWS",
    "KINDS",
    "SENTIMENTS",
    "SPLITS",
    "Entity",
    "Instruction",
    "Pair",
    "Preference",
    "Question",
    "Record",
    "Story",
    "bio_tags",
    "endless",
    "is_held_out",
    "stories",
    "story",
    "tokens",
]
