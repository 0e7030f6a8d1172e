"""The words of one event record: what each slot of a template becomes, in English and in Chinese.

Words that are an entity are marked with their role in the record, as in ``[thing:red umbrella]``; see
:mod:`aigc_book.data.stories.telling`.
"""

from aigc_book.data.stories.language import chinese_count, english_number, with_article
from aigc_book.data.stories.records import Record
from aigc_book.data.stories.world import Person

#: Where the other person is named, until it is known which mention comes first.
OTHER = "\0"


def english_slots(record: Record) -> dict[str, str]:
    """What the slots become in English."""
    p, o = record.person, record.other
    name, place = f"[person:{p.english}]", record.place.english.removeprefix("the ")
    slots = {
        "P": name,
        "Ps": name if p.male == o.male else "he" if p.male else "she",
        "Pm": name if p.male == o.male else "him" if p.male else "her",
        "O": OTHER,
        "place": record.place.english.replace(place, f"[place:{place}]"),
        "at": record.place.at.replace(place, f"[place:{place}]"),
        "time": f"[moment:{record.moment.english}]",
        **_english_pronouns("", p),
        **_english_pronouns("O", o),
    }
    if record.thing:
        thing, noun = record.thing, record.thing.english
        full = f"{record.adjective.english} {noun}" if record.adjective else noun
        marked, marked_noun = (f"[thing:{words}]" if thing.named else words for words in (full, noun))
        article = "a pair of " if thing.plural else with_article(full).removesuffix(full)
        slots |= {
            "thing": marked,
            "noun": marked_noun,
            "a_thing": article + marked,
            "another": f"another pair of {marked_noun}" if thing.plural else f"another {marked_noun}",
            "it": "them" if thing.plural else "it",
            "they": "they" if thing.plural else "it",
            "was": "were" if thing.plural else "was",
        }
    if record.number is not None:
        slots["n"] = f"[number:{english_number(record.number)}]"
    if record.job:
        slots |= {"a_job": with_article(record.job.english), "hobby": record.hobby.english}
    if record.motive:
        slots["why"] = record.motive.english
    return slots


def chinese_slots(record: Record) -> dict[str, str]:
    """What the slots become in Chinese."""
    p, o = record.person, record.other
    name, place = f"[person:{p.chinese}]", f"[place:{record.place.chinese}]"
    slots = {
        "P": name,
        "Ps": name if p.male == o.male else "他" if p.male else "她",
        "O": OTHER,
        "ta": "他" if p.male else "她",
        "Ota": "他" if o.male else "她",
        "tamen": "他们" if p.male or o.male else "她们",
        "place": place,
        "at": place + record.place.inside,
        "time": f"[moment:{record.moment.chinese}]",
    }
    if record.thing:
        thing, noun = record.thing, record.thing.chinese
        adjective = record.adjective.chinese if record.adjective else ""
        if adjective.endswith("色") and len(noun) == 1:  # 红色雨伞, but 红色的包
            adjective += "的"
        marked, marked_noun = (f"[thing:{words}]" if thing.named else words for words in (adjective + noun, noun))
        slots |= {
            "thing": marked,
            "noun": marked_noun,
            "a_thing": f"一{thing.measure}{marked}",
            "one": f"一{thing.measure}{marked_noun}",
            "this": f"这{thing.measure}{marked_noun}",
            "measure": thing.measure,
        }
    if record.number is not None:
        slots["n"] = f"[number:{chinese_count(record.number)}]"
    if record.job:
        slots |= {"job": record.job.chinese, "hobby": record.hobby.chinese}
    if record.motive:
        slots["why"] = record.motive.chinese
    return slots


def _english_pronouns(prefix: str, person: Person) -> dict[str, str]:
    words = ("he", "him", "his", "himself") if person.male else ("she", "her", "her", "herself")
    return {prefix + slot: word for slot, word in zip(("he", "him", "his", "himself"), words, strict=True)}
