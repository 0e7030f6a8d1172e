"""Something is lost, and something is found."""

from aigc_book.data.stories.kinds import Ask, Kind, Outcome, places
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.world import PORTABLE

LOSE = Kind(
    name="lose",
    theme=Pair("{P} loses {a_thing} {at}", "{P}在{at}丢了{a_thing}"),
    places=places(
        "library, museum, park, market, railway station, café, cinema, theatre, zoo, supermarket, airport, beach,"
        " botanical garden, bank, sports centre"
    ),
    things=PORTABLE,
    amounts=tuple(range(10, 60, 5)),
    events=(
        Pair(
            "{n} minutes later, {he} noticed that {his} {thing} {was} gone.",
            "{n}分钟以后，{ta}发现自己的{thing}不见了。",
        ),
        Pair(
            "{he} had been there for {n} minutes when {he} saw that {his} {thing} {was} missing.",
            "在那里待了{n}分钟以后，{ta}才发现自己的{thing}丢了。",
        ),
        Pair(
            "After {n} minutes {he} looked for the {thing} that {his} mother had given {him}, but {they} {was} gone.",
            "过了{n}分钟，{ta}想找妈妈送给{ta}的{thing}，却怎么也找不到了。",
        ),
    ),
    reactions=(
        Pair("{he} searched every corner but found nothing.", "{ta}找遍了每一个角落，什么也没找到。"),
        Pair('"Has anybody seen my {noun}?" {he} asked.', "{ta}问：“有人看见我的{noun}了吗？”"),
        Pair("{he} was worried and asked everybody who came by.", "{ta}很着急，见人就问。"),
    ),
    outcomes=(
        Outcome(
            name="found",
            sentiment="positive",
            told=(
                Pair(
                    "In the end {O} found the {noun} on the ground and brought {it} back.",
                    "最后，{O}在地上找到了{noun}，还给了{ta}。",
                ),
                Pair(
                    "Luckily {O} had already found the {noun} and was looking for {P}.",
                    "幸好{O}已经找到了{noun}，正在到处找{P}。",
                ),
            ),
            speech=(
                Pair('"Thank you so much!" said {P}.', "{P}说：“太谢谢你了！”"),
                Pair('"I can\'t believe my luck!" said {P}.', "{P}说：“我的运气真好！”"),
            ),
            summary=Pair(
                "{P} lost {his} {thing} {at}, but {O} found {it}.", "{P}在{at}丢了{thing}，不过{O}帮{ta}找到了。"
            ),
            asks=(
                Ask("Who found the {noun}?", "{O}", "谁找到了{noun}？", "{O}"),
                Ask("Did {P} get the {noun} back?", "Yes", "{P}找回{noun}了吗？", "找回来了"),
            ),
        ),
        Outcome(
            name="gone for good",
            sentiment="negative",
            told=(
                Pair(
                    "{O} helped {him} look for a long time, but they never found {it}.",
                    "{O}帮{ta}找了很久，可是一直没找到。",
                ),
                Pair(
                    "{O} came to help {him}, but somebody had already taken the {noun} away.",
                    "{O}来帮{ta}找，可是{noun}已经被人拿走了。",
                ),
            ),
            speech=(
                Pair('"I should have been more careful," said {P} sadly.', "{P}难过地说：“我应该小心一点儿的。”"),
                Pair('"I will never see {it} again," sighed {P}.', "{P}叹了口气，说：“再也找不回来了。”"),
            ),
            summary=Pair(
                "{P} lost {his} {thing} {at} and never got {it} back.", "{P}在{at}丢了{thing}，再也没找回来。"
            ),
            asks=(Ask("Did {P} get the {noun} back?", "No", "{P}找回{noun}了吗？", "没有"),),
        ),
        Outcome(
            name="replaced",
            sentiment="neutral",
            told=(
                Pair("The next day {P} went with {O} to buy {another}.", "第二天，{P}和{O}一起又去买了{one}。"),
                Pair(
                    "{P} did not look any longer; {he} and {O} bought {another} the next day.",
                    "{P}没有再找，第二天和{O}又去买了{one}。",
                ),
            ),
            speech=(Pair('"It was time for something new anyway," said {P}.', "{P}说：“反正也该换新的了。”"),),
            summary=Pair(
                "{P} lost {his} {thing} {at} and bought {another}.", "{P}在{at}丢了{thing}，后来又买了{one}。"
            ),
            asks=(Ask("Who went with {P} to buy {another}?", "{O}", "谁和{P}一起又去买了{one}？", "{O}"),),
        ),
    ),
    asks=(
        Ask("What did {P} lose?", "{thing}", "{P}丢了什么？", "{thing}"),
        Ask("After how many minutes did {P} miss the {noun}?", "{n}", "过了多少分钟，{P}才发现{noun}不见了？", "{n}"),
    ),
)


FIND = Kind(
    name="find",
    theme=Pair("{P} finds {a_thing} {at}", "{P}在{at}捡到{a_thing}"),
    places=LOSE.places,
    things=PORTABLE,
    events=(
        Pair("There {he} found {a_thing} on the ground.", "在那里，{ta}在地上捡到了{a_thing}。"),
        Pair(
            "{he} was about to leave when {he} saw {a_thing} that somebody had left behind.",
            "{ta}正要离开，忽然看见了别人落下的{a_thing}。",
        ),
    ),
    reactions=(
        Pair("{he} asked everybody, but nobody knew the owner.", "{ta}问了所有的人，可是谁也不认识失主。"),
        Pair('"Somebody must be very worried now," {he} thought.', "{ta}想：“现在一定有人很着急。”"),
    ),
    outcomes=(
        Outcome(
            name="thanked",
            sentiment="positive",
            told=(
                Pair(
                    "The {noun} belonged to {O}, who thanked {P} again and again.",
                    "原来{noun}是{O}的，{Ota}一再向{P}道谢。",
                ),
                Pair(
                    "Then {O}, who had lost the {noun}, came back and thanked {P} with a big smile.",
                    "这时，丢了{noun}的{O}回来了，笑着感谢了{P}。",
                ),
            ),
            speech=(
                Pair('"What would I have done without you?" said {O}.', "{O}说：“要是没有你，我可怎么办呢？”"),
                Pair('"It was nothing," said {P} with a smile.', "{P}笑着说：“这没什么。”"),
            ),
            summary=Pair("{P} found {a_thing} {at} and gave {it} back to {O}.", "{P}在{at}捡到{a_thing}，还给了{O}。"),
            asks=(
                Ask("Who had lost the {noun}?", "{O}", "谁丢了{noun}？", "{O}"),
                Ask("Did {O} thank {P}?", "Yes", "{O}感谢{P}了吗？", "感谢了"),
            ),
        ),
        Outcome(
            name="accused",
            sentiment="negative",
            told=(
                Pair(
                    "The {noun} belonged to {O}, but {Ohe} believed that {P} was a thief.",
                    "{noun}是{O}的，可是{Ota}以为{P}是小偷。",
                ),
                Pair(
                    "But {O}, who had lost the {noun}, called {P} a thief.",
                    "可是丢了{noun}的{O}却说{P}是小偷。",
                ),
            ),
            speech=(
                Pair('"I only wanted to help," said {P} sadly.', "{P}难过地说：“我只是想帮忙。”"),
                Pair('"I don\'t believe you!" shouted {O}.', "{O}大声说：“我不相信你！”"),
            ),
            summary=Pair(
                "{P} found {a_thing} {at}, and {O} took {him} for a thief.",
                "{P}在{at}捡到{a_thing}，却被{O}当成了小偷。",
            ),
            asks=(
                Ask("Who had lost the {noun}?", "{O}", "谁丢了{noun}？", "{O}"),
                Ask("Did {O} thank {P}?", "No", "{O}感谢{P}了吗？", "没有"),
            ),
        ),
        Outcome(
            name="handed in",
            sentiment="neutral",
            told=(
                Pair(
                    "{he} asked {O} for advice and then handed the {noun} in to the police.",
                    "{ta}问了问{O}，然后把{noun}交给了警察。",
                ),
                Pair(
                    "{O}, whom {he} asked, advised {him} to take the {noun} to the police, and {he} did so.",
                    "{ta}问{O}怎么办，{O}让{ta}把{noun}交给警察，{ta}就照做了。",
                ),
            ),
            speech=(Pair('"They will find the owner," said {O}.', "{O}说：“他们会找到失主的。”"),),
            summary=Pair(
                "{P} found {a_thing} {at} and handed {it} in to the police.", "{P}在{at}捡到{a_thing}，交给了警察。"
            ),
            asks=(
                Ask("Whom did {P} ask for advice?", "{O}", "{P}问了谁？", "{O}"),
                Ask("Did {P} keep the {noun}?", "No", "{P}把{noun}留下了吗？", "没有"),
            ),
        ),
    ),
    asks=(Ask("What did {P} find?", "{thing}", "{P}捡到了什么？", "{thing}"),),
)
