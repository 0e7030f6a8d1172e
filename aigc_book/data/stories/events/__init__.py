"""The eighteen kinds of event, each with its sentences in both languages."""

from aigc_book.data.stories.events.living import COOK, ILLNESS
from aigc_book.data.stories.events.losing import FIND, LOSE
from aigc_book.data.stories.events.meeting import LETTER, QUARREL, WAIT
from aigc_book.data.stories.events.roaming import RUNAWAY, STORM, TRAVEL
from aigc_book.data.stories.events.showing import COMPETE, LEARN, PERFORM
from aigc_book.data.stories.events.spending import BUY, GIVE
from aigc_book.data.stories.events.working import CARRY, PLANT, REPAIR

# By name, in a fixed order: a place in it is a class id.
KINDS = {
    kind.name: kind
    for kind in (
        LOSE, FIND, GIVE, BUY, REPAIR, CARRY, WAIT, QUARREL, LETTER,
        LEARN, COMPETE, PERFORM, TRAVEL, COOK, ILLNESS, RUNAWAY, PLANT, STORM,
    )
}  # fmt: skip
