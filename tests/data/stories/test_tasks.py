"""Questions, instructions and preferences: what is asked can be answered from the text, and what is worse is worse."""

import re
from collections import Counter

from aigc_book.data.stories import FLAWS, stories
from aigc_book.data.stories.kinds import CLOSINGS
from aigc_book.data.stories.world import PEOPLE

STORIES = stories("train", 1500, seed=11)


def test_answers_stand_in_the_text():
    yes_or_no = 0
    for story in STORIES:
        assert len(story.questions) >= 4
        assert len({q.question for q in story.questions}) == len(story.questions)
        for question, answer, extractive in story.questions:
            assert question.english.endswith("?") and question.chinese.endswith("？")
            if extractive:  # apart from the capital of a sentence's first word
                assert answer.english.lower() in story.english.lower(), (question, answer, story.english)
                assert answer.chinese in story.chinese, (question, answer, story.chinese)
            else:
                yes_or_no += 1
                assert answer.english in ("Yes", "No")
                denied = bool(re.search("没|不", answer.chinese))
                assert denied == (answer.english == "No")
    assert yes_or_no > 500


def test_answers_are_of_the_record():
    """Where, when and why, by the questions' first words."""
    for story in STORIES:
        record = story.record
        answers = {q.question.english: q.answer for q in story.questions}
        assert answers["When did this happen?"] == (record.moment.english, record.moment.chinese)
        where = [a for q, a in answers.items() if re.match(r"Where (was|did) [A-Z][a-z]+( [A-Z][a-z]+)?( go)?\?", q)]
        assert where == [(record.place.english, record.place.chinese)]
        why = [a for q, a in answers.items() if q.startswith("Why")]
        assert bool(why) == bool(record.motive or story.kind == "buy")
        if record.weather:
            assert answers["What was the weather like?"] == record.weather.answer


def test_yes_and_no_follow_the_outcome():
    """The same question has one answer where the end is good and the other one where it is bad."""
    answers: dict[tuple, set] = {}
    for story in STORIES:
        for question, answer, extractive in story.questions:
            if not extractive:
                named = question.english
                for person in (story.record.person, story.record.other):
                    named = named.replace(person.english, "X")
                thing = story.record.thing
                named = named.replace(thing.english, "Y") if thing else named
                answers.setdefault((story.kind, story.sentiment, named), set()).add(answer.english)
    assert all(len(found) == 1 for found in answers.values())
    opposed = [
        (answers[kind, "positive", asked], found)
        for (kind, sentiment, asked), found in answers.items()
        if sentiment == "negative" and (kind, "positive", asked) in answers
    ]
    assert len(opposed) > 8 and all(good == {"Yes"} and bad == {"No"} for good, bad in opposed)


def test_summary_is_one_sentence_about_the_people():
    for story in STORIES:
        english, chinese = story.summary
        assert re.fullmatch(r"[A-Z][^.!?]*\.", english) and re.fullmatch("[^。！？]*。", chinese)
        people = [p for p in PEOPLE if re.search(rf"\b{p.english}\b", english)]
        assert people and set(people) <= {story.record.person, story.record.other}
        assert {p for p in PEOPLE if p.chinese in chinese} == set(people)
        assert "{" not in english + chinese and english not in story.english


def test_instructions():
    tasks = Counter()
    for story in STORIES:
        task, prompt, response = story.task
        tasks[task] += 1
        assert story.instruction == prompt and story.response == response
        assert "{" not in "".join((*prompt, *response)) and not re.search(r"\[\w+:", "".join((*prompt, *response)))
        if task == "write":
            assert response == (story.english, story.chinese)
            assert story.record.person.english in prompt.english and story.record.person.chinese in prompt.chinese
        elif task == "continue":
            beginning = prompt.english.split("\n\n")[1], prompt.chinese.split("\n\n")[1]
            assert f"{beginning[0]} {response.english}" == story.english
            assert beginning[1] + response.chinese == story.chinese
        elif task == "translate":
            assert response == (story.chinese, story.english)
            assert prompt.english.endswith(story.english) and prompt.chinese.endswith(story.chinese)
        else:
            assert prompt.english.endswith(story.english) and prompt.chinese.endswith(story.chinese)
        if task == "summarise":
            assert response == story.summary
        if task == "people":
            assert response.english == f"{story.record.person.english} and {story.record.other.english}."
            assert response.chinese == f"{story.record.person.chinese}和{story.record.other.chinese}。"
        if task == "mood":
            mood = {"positive": ("happy", "快乐"), "negative": ("sad", "悲伤"), "neutral": ("ordinary", "平淡")}
            english, chinese = mood[story.sentiment]
            assert re.match(rf"It is an? {english} story: ", response.english)
            assert response.chinese.startswith(f"这是一个{chinese}的故事：")
        if task == "answer":
            asked = prompt.english.split("\n\n")[0].removeprefix("Read the story and answer: ")
            answer = next(q.answer for q in story.questions if q.question.english == asked)
            assert (
                response.english.lower() == f"{answer.english}.".lower() and response.chinese == f"{answer.chinese}。"
            )
    assert set(tasks) == {"write", "continue", "summarise", "answer", "mood", "people", "translate"}
    assert min(tasks.values()) > 150


def test_the_preferred_ending_is_the_storys_own():
    for story in STORIES:
        preference = story.preference
        assert f"{preference.prompt.english} {story.preferred.english}" == story.english
        assert preference.prompt.chinese + story.preferred.chinese == story.chinese
        assert story.rejected.english != story.preferred.english and story.rejected.chinese != story.preferred.chinese
        assert story.rejected.english and story.rejected.chinese and "{" not in "".join(story.rejected)
        assert preference.reason == FLAWS[preference.flaw]


def with_flaw(flaw: str) -> list:
    found = [story for story in STORIES if story.preference.flaw == flaw]
    assert len(found) > 40
    return found


def test_wrong_person():
    """Somebody is named who is not in the story, in both languages the same one."""
    for story in with_flaw("wrong person"):
        known = {story.record.person, story.record.other}
        strangers = {p for p in PEOPLE if re.search(rf"\b{p.english}\b", story.rejected.english)} - known
        assert len(strangers) == 1
        assert {p for p in PEOPLE if p.chinese in story.rejected.chinese} - known == strangers


def test_wrong_pronoun():
    """Two men and a "she", or two women and a "he"."""
    for story in with_flaw("wrong pronoun"):
        assert story.record.person.male == story.record.other.male
        wrong = {True: ({"she", "her", "herself"}, "她"), False: ({"he", "him", "his", "himself"}, "他")}
        english, chinese = wrong[story.record.person.male]
        assert english & set(re.findall(r"\w+", story.rejected.english.lower()))
        assert chinese in story.rejected.chinese


def test_wrong_thing():
    for story in with_flaw("wrong thing"):
        others = [t for t in story.record.how.things if t is not story.record.thing]
        assert any(t.english in story.rejected.english and t.chinese in story.rejected.chinese for t in others)


def test_wrong_mood():
    for story in with_flaw("wrong mood"):
        assert story.sentiment != "neutral"
        opposite = {"positive": "negative", "negative": "positive"}[story.sentiment]
        shapes = [re.sub(r"\\\{\w+\\\}", ".+", re.escape(pair.english)) for pair in CLOSINGS[opposite]]
        assert any(re.fullmatch(shape, story.rejected.english) for shape in shapes)
        assert len(re.findall(r"[.!?]", story.preferred.english)) == 1, "a closing answers a closing"


def test_repetition():
    for story in with_flaw("repetition"):
        last = max(s for s in story.sentences if story.preference.prompt.english.endswith(s.english))
        assert story.rejected.english.startswith(last.english) and story.rejected.chinese.startswith(last.chinese)


def test_off_topic():
    """Its first sentence is in no story at all; what follows is the story's own."""
    texts = " ".join(story.english for story in STORIES)
    for story in with_flaw("off topic"):
        first, *others = re.split(r"(?<=[.]) ", story.rejected.english, maxsplit=1)
        assert first not in texts
        assert not others or story.english.endswith(others[0])


def test_rude():
    for story in with_flaw("rude"):
        assert re.search("idiot|fool|ugly pig", story.rejected.english)
        assert re.search("白痴|傻瓜|丑猪", story.rejected.chinese)
        assert story.record.person.english in story.rejected.english


def test_length_gives_nothing_away():
    """Unless it breaks off, the worse ending has as many sentences as the better one."""
    for story in STORIES:
        if story.preference.flaw != "broken off":
            counts = [len(re.findall("[。！？]”?", text)) for text in (story.preferred.chinese, story.rejected.chinese)]
            assert counts[0] == counts[1], (story.preferred, story.rejected)


def test_broken_off():
    for story in with_flaw("broken off"):
        for preferred, rejected in zip(story.preferred, story.rejected, strict=True):
            assert preferred.startswith(rejected) and not re.search('[.!?。！？”"]$', rejected)
            assert len(rejected) > 2
