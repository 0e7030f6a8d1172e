"""Money is spent: on a present, on something for oneself."""

from aigc_book.data.stories.kinds import Ask, Kind, Outcome, places
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.world import GIFTS, GOODS

GIVE = Kind(
    name="give",
    theme=Pair("{P} buys {a_thing} as a present for {O} {at}", "{P}在{at}买了{a_thing}，送给{O}"),
    places=places(
        "market, department store, supermarket, night market, antique shop, airport, railway station, museum"
    ),
    things=GIFTS,
    amounts=(*range(20, 100, 5), *range(100, 320, 20)),
    motives=(
        Pair("to choose a birthday present", "挑生日礼物"),
        Pair("to look for a New Year present", "找新年礼物"),
        Pair("to buy a wedding present", "买结婚礼物"),
    ),
    openings=(
        Pair("At {time}, {P} went to {place} {why} for {O}.", "{time}，{P}去{place}给{O}{why}。"),
        Pair(
            "{P} wanted {why} for {O}, so {he} went to {place} at {time}.", "{P}想给{O}{why}，于是{time}去了{place}。"
        ),
    ),
    events=(
        Pair("{he} chose {a_thing} for {n} yuan.", "{ta}花{n}块钱买了{a_thing}。"),
        Pair(
            "After a long search {he} found {a_thing} and paid {n} yuan.",
            "{ta}找了半天，看中了{a_thing}，付了{n}块钱。",
        ),
    ),
    reactions=(
        Pair("At home {he} wrapped {it} in coloured paper.", "回到家，{ta}用彩纸把礼物包了起来。"),
        Pair('"I hope this is the right present," {he} thought.', "{ta}想：“希望我没买错礼物。”"),
    ),
    outcomes=(
        Outcome(
            name="loved",
            sentiment="positive",
            told=(
                Pair("{O} loved the {noun} and jumped for joy.", "{O}非常喜欢{this}，高兴得跳了起来。"),
                Pair(
                    "When {O} opened the parcel and saw the {noun}, {Ohe} laughed with joy.",
                    "{O}打开礼物，看见{noun}，高兴得笑了起来。",
                ),
            ),
            speech=(
                Pair('"It is just what I wanted!" said {O}.', "{O}说：“这正是我想要的！”"),
                Pair('"You are so kind!" said {O}.', "{O}说：“你真好！”"),
            ),
            summary=Pair("{P} gave {O} {a_thing}, and {O} loved {it}.", "{P}送给{O}{a_thing}，{O}非常喜欢。"),
            asks=(Ask("Did {O} like the present?", "Yes", "{O}喜欢这份礼物吗？", "喜欢"),),
        ),
        Outcome(
            name="disliked",
            sentiment="negative",
            told=(
                Pair("But {O} did not like the {noun} at all.", "可是{O}一点儿也不喜欢{this}。"),
                Pair(
                    "But {O} did not like the {noun} and gave {it} away the next day.",
                    "可是{O}不喜欢{this}，第二天就送给了别人。",
                ),
            ),
            speech=(
                Pair('"What am I supposed to do with this?" asked {O}.', "{O}问：“我要这个干什么？”"),
                Pair('"I have got enough of these," said {O}.', "{O}说：“这种东西我已经够多了。”"),
            ),
            summary=Pair("{P} gave {O} {a_thing}, but {O} did not like {it}.", "{P}送给{O}{a_thing}，可是{O}不喜欢。"),
            asks=(Ask("Did {O} like the present?", "No", "{O}喜欢这份礼物吗？", "不喜欢"),),
        ),
        Outcome(
            name="put aside",
            sentiment="neutral",
            told=(
                Pair("{O} said thank you and put the {noun} on the table.", "{O}说了声谢谢，把{noun}放在了桌子上。"),
                Pair(
                    "{O} thanked {him} and put the {noun} on the table with the other presents.",
                    "{O}谢了谢{ta}，把{noun}和别的礼物一起放在了桌子上。",
                ),
            ),
            speech=(Pair('"You need not have done that," said {O}.', "{O}说：“你不用这么客气。”"),),
            summary=Pair(
                "{P} gave {O} {a_thing}, and {O} put {it} on the table.", "{P}送给{O}{a_thing}，{O}把它放在了桌子上。"
            ),
            asks=(Ask("Where did {O} put the {noun}?", "on the table", "{O}把{noun}放在了哪里？", "桌子上"),),
        ),
    ),
    asks=(
        Ask("What did {P} buy?", "{thing}", "{P}买了什么？", "{thing}"),
        Ask("How much did the {noun} cost?", "{n} yuan", "{noun}多少钱？", "{n}块钱"),
        Ask("For whom was the present?", "{O}", "礼物是送给谁的？", "{O}"),
    ),
)


BUY = Kind(
    name="buy",
    theme=Pair("{P} buys {a_thing} {at}", "{P}在{at}买{a_thing}"),
    places=places(
        "market, department store, night market, antique shop, supermarket, square, village, community centre"
    ),
    things=GOODS,
    amounts=(*range(35, 100, 5), *range(100, 500, 20)),
    openings=(
        Pair(
            "At {time}, {P} and {O} went to {place} to buy {a_thing}.",
            "{time}，{P}和{O}去{place}买{a_thing}。",
        ),
        Pair(
            "{P} wanted to buy {a_thing}, so {he} took {O} to {place} at {time}.",
            "{P}想买{a_thing}，于是{time}带着{O}去了{place}。",
        ),
    ),
    events=(
        Pair("The seller wanted {n} yuan, and {P} paid at once.", "老板要{n}块钱，{P}马上就付了钱。"),
        Pair("After some talk with the seller, {P} paid {n} yuan.", "跟老板讲了一会儿价以后，{P}付了{n}块钱。"),
    ),
    reactions=(
        Pair('"Isn\'t that too expensive?" asked {O}.', "{O}问：“是不是太贵了？”"),
        Pair("{O} looked at the {noun} from all sides.", "{O}把{noun}看了又看。"),
    ),
    outcomes=(
        Outcome(
            name="bargain",
            sentiment="positive",
            told=(
                Pair(
                    "At home {P} found that the {noun} was even better than {he} had hoped.",
                    "回到家，{P}发现{noun}比想的还要好。",
                ),
                Pair(
                    "The {noun} was so good that everybody at home admired it.",
                    "{this}好极了，家里人看了都说好。",
                ),
            ),
            speech=(
                Pair('"That was a really good buy!" said {O}.', "{O}说：“买得真值！”"),
                Pair('"I am so glad that we went!" said {P}.', "{P}说：“幸好我们去了！”"),
            ),
            summary=Pair(
                "{P} bought {a_thing} for {n} yuan, and it was very good.", "{P}花{n}块钱买了{a_thing}，东西非常好。"
            ),
            asks=(Ask("Was the {noun} any good?", "Yes", "{noun}好不好？", "好"),),
        ),
        Outcome(
            name="broken",
            sentiment="negative",
            told=(
                Pair("But at home {P} found that the {noun} was broken.", "可是回到家，{P}发现{noun}是坏的。"),
                Pair("But the {noun} broke on the very first day.", "可是第一天{noun}就坏了。"),
            ),
            speech=(
                Pair('"All that money for nothing!" cried {P}.', "{P}叫道：“这些钱都白花了！”"),
                Pair('"I told you not to buy it," said {O}.', "{O}说：“我早就叫你别买了。”"),
            ),
            summary=Pair(
                "{P} bought {a_thing} for {n} yuan, but it was no good.", "{P}花{n}块钱买了{a_thing}，可是东西是坏的。"
            ),
            asks=(Ask("Was the {noun} any good?", "No", "{noun}好不好？", "不好"),),
        ),
        Outcome(
            name="put in the corner",
            sentiment="neutral",
            told=(
                Pair("At home {P} put the {noun} in a corner.", "回到家，{P}把{noun}放在了角落里。"),
                Pair(
                    "They took the {noun} home, and {P} put it in a corner.",
                    "{tamen}把{noun}带回家，{P}把它放在了角落里。",
                ),
            ),
            speech=(Pair('"You can use it tomorrow," said {O}.', "{O}说：“明天就可以用了。”"),),
            summary=Pair(
                "{P} bought {a_thing} for {n} yuan and put it in a corner.",
                "{P}花{n}块钱买了{a_thing}，放在了角落里。",
            ),
            asks=(Ask("Where did {P} put the {noun}?", "in a corner", "{P}把{noun}放在了哪里？", "角落里"),),
        ),
    ),
    asks=(
        Ask("How much did the {noun} cost?", "{n} yuan", "{noun}多少钱？", "{n}块钱"),
        Ask("What did {P} buy?", "{thing}", "{P}买了什么？", "{thing}"),
        Ask("Why did {P} go to {place}?", "to buy {a_thing}", "{P}去{place}做什么？", "买{a_thing}"),
        Ask("Who went with {P}?", "{O}", "谁和{P}一起去的？", "{O}"),
    ),
)
