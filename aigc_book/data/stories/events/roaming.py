"""Under the open sky: a journey, a runaway animal, a storm."""

from aigc_book.data.stories.kinds import Ask, Kind, Outcome, places
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.world import ANIMALS, VEHICLES

TRAVEL = Kind(
    name="travel",
    theme=Pair("{P} travels to {place} by {noun}", "{P}坐{noun}去{place}"),
    places=places("Beijing, Shanghai, Hangzhou, Chengdu, London, Paris, Rome, Berlin, Tokyo"),
    things=VEHICLES,
    amounts=tuple(range(2, 19)),
    weather=False,
    motives=(
        Pair("to visit an aunt", "看望姑姑"),
        Pair("to look for a job", "找工作"),
        Pair("to see the old town", "看看老城"),
        Pair("to study music", "学音乐"),
        Pair("to watch a tennis match", "看网球比赛"),
    ),
    openings=(
        Pair("At {time}, {P} took {a_thing} to {place} {why}.", "{time}，{P}坐{noun}去{place}{why}。"),
        Pair(
            "{P} wanted {why}, so {he} took {a_thing} to {place} at {time}.",
            "{P}想去{place}{why}，于是{time}坐上了{noun}。",
        ),
    ),
    events=(
        Pair(
            "The journey took {n} hours, and {O} was waiting when {P} arrived.",
            "路上走了{n}个小时，{P}到的时候，{O}正等着{ta}。",
        ),
        Pair(
            "{n} hours later {O}, who lived there, met {P} with a map in {Ohis} hand.",
            "{n}个小时以后，住在那里的{O}拿着地图来接{P}。",
        ),
    ),
    reactions=(
        Pair("{P} had never seen so many people in one street.", "{P}从来没在一条街上见过这么多人。"),
        Pair('"You must be hungry," said {O}.', "{O}说：“你一定饿了吧。”"),
    ),
    outcomes=(
        Outcome(
            name="wonderful",
            sentiment="positive",
            told=(
                Pair(
                    "They walked through the old streets, ate well and laughed all day.",
                    "{tamen}逛了老街，吃了好吃的，笑了一整天。",
                ),
                Pair("They had a wonderful time and laughed all day.", "{tamen}玩得非常开心，笑了一整天。"),
            ),
            speech=(
                Pair('"I never want to leave!" said {P}.', "{P}说：“我真不想走！”"),
                Pair('"You must come again soon," said {O}.', "{O}说：“你一定要快点儿再来。”"),
            ),
            summary=Pair(
                "{P} went to {place} by {noun} and had a wonderful time with {O}.",
                "{P}坐{noun}去{place}，和{O}玩得非常开心。",
            ),
            asks=(Ask("Did {P} enjoy the journey?", "Yes", "{P}玩得开心吗？", "开心"),),
        ),
        Outcome(
            name="robbed",
            sentiment="negative",
            told=(
                Pair(
                    "But somebody stole all {his} money, and the journey was ruined.",
                    "可是{ta}的钱全被偷了，这次旅行全毁了。",
                ),
                Pair("But all {his} money was stolen in the street.", "可是{ta}的钱在街上全被人偷了。"),
            ),
            speech=(
                Pair('"I wish I had stayed at home," said {P}.', "{P}说：“早知道就不来了。”"),
                Pair('"Everything is gone," said {P} sadly.', "{P}难过地说：“什么都没了。”"),
            ),
            summary=Pair(
                "{P} went to {place} by {noun}, where all {his} money was stolen.", "{P}坐{noun}去{place}，钱全被偷了。"
            ),
            asks=(Ask("Did {P} enjoy the journey?", "No", "{P}玩得开心吗？", "不开心"),),
        ),
        Outcome(
            name="two days",
            sentiment="neutral",
            told=(
                Pair("{P} stayed for two days and then took the same way back.", "{P}住了两天，然后原路回去了。"),
                Pair("Two days later {P} travelled back the same way.", "两天以后，{P}从原路回去了。"),
            ),
            speech=(Pair('"Write to me when you are back," said {O}.', "{O}说：“回去以后给我写信。”"),),
            summary=Pair(
                "{P} went to {place} by {noun} and came back two days later.",
                "{P}坐{noun}去{place}，两天以后就回来了。",
            ),
            asks=(Ask("After how many days did {P} go back?", "two days", "{P}过了几天回去的？", "两天"),),
        ),
    ),
    asks=(
        Ask("Whom did {P} meet in {place}?", "{O}", "{P}在{place}见到了谁？", "{O}"),
        Ask("How many hours did the journey take?", "{n}", "路上花了多少个小时？", "{n}个小时"),
        Ask("How did {P} travel?", "{noun}", "{P}是坐什么去的？", "{noun}"),
    ),
)


RUNAWAY = Kind(
    name="runaway",
    theme=Pair("{P} looks for {his} {thing} {at}", "{P}在{at}找{ta}的{thing}"),
    places=places(
        "park, beach, lake, square, botanical garden, village, market, farm, railway station, school, bakery"
    ),
    things=ANIMALS,
    amounts=(2, 3, 4, 5),
    openings=(
        Pair("At {time}, {P} took {his} {thing} to {place}.", "{time}，{P}带着自己的{thing}去了{place}。"),
        Pair("{P} went to {place} with {his} {thing} at {time}.", "{P}{time}带着自己的{thing}去了{place}。"),
    ),
    events=(
        Pair(
            "A loud noise frightened the {noun} away, and {P} and {O} looked for it for {n} hours.",
            "一声巨响把{noun}吓跑了，{P}和{O}找了{n}个小时。",
        ),
        Pair(
            "Suddenly the {noun} ran away, and {O} helped {P} to look for it for {n} hours.",
            "{noun}忽然跑了，{O}帮{P}找了{n}个小时。",
        ),
    ),
    reactions=(
        Pair('"Where are you?" called {P} over and over again.', "{P}一遍又一遍地喊：“你在哪儿？”"),
        Pair("They looked under every tree and behind every wall.", "{tamen}把每一棵树下、每一堵墙后面都找遍了。"),
    ),
    outcomes=(
        Outcome(
            name="safe",
            sentiment="positive",
            told=(
                Pair(
                    "At last they found the {noun}, and {P} cried with joy.",
                    "最后，{tamen}终于找到了{noun}，{P}高兴得哭了。",
                ),
                Pair(
                    "Then {P} saw the {noun}, which was sleeping happily under a tree.",
                    "后来{P}看见{noun}正在一棵树下舒舒服服地睡着。",
                ),
            ),
            speech=(
                Pair('"Never run away from me again!" said {P} and laughed.', "{P}笑着说：“可别再跑了！”"),
                Pair('"What a clever {noun}!" laughed {O}.', "{O}笑着说：“多聪明的{noun}啊！”"),
            ),
            summary=Pair(
                "{P}'s {thing} ran away, but {he} and {O} found it again.",
                "{P}的{thing}跑了，不过{ta}和{O}又把它找到了。",
            ),
            asks=(Ask("Did they find the {noun}?", "Yes", "{tamen}找到{noun}了吗？", "找到了"),),
        ),
        Outcome(
            name="never back",
            sentiment="negative",
            told=(
                Pair("But the {noun} never came back.", "可是{noun}再也没回来。"),
                Pair("But nobody ever saw the {noun} again.", "可是谁也没再见过{noun}。"),
            ),
            speech=(
                Pair('"I miss it so much," said {P} and cried.', "{P}哭着说：“我好想它。”"),
                Pair('"I should have held it tight," said {P} sadly.', "{P}难过地说：“我应该抱紧它的。”"),
            ),
            summary=Pair("{P}'s {thing} ran away {at} and never came back.", "{P}的{thing}在{at}跑了，再也没回来。"),
            asks=(Ask("Did they find the {noun}?", "No", "{tamen}找到{noun}了吗？", "没有"),),
        ),
        Outcome(
            name="at home",
            sentiment="neutral",
            told=(
                Pair(
                    "When they came home, the {noun} was already there, as always.",
                    "{tamen}回到家的时候，{noun}已经在家里了，跟平常一样。",
                ),
                Pair(
                    "As always, the {noun} had simply gone home by itself.",
                    "跟平常一样，{noun}只是自己跑回家去了。",
                ),
            ),
            speech=(Pair('"It does that every week," said {P}.', "{P}说：“它每个星期都这样。”"),),
            summary=Pair(
                "{P}'s {thing} ran away {at} and went home by itself.", "{P}的{thing}在{at}跑了，自己回了家。"
            ),
            asks=(Ask("Where was the {noun}?", "home", "{noun}在哪里？", "家"),),
        ),
    ),
    asks=(
        Ask("Which animal ran away?", "{thing}", "什么动物跑了？", "{thing}"),
        Ask("Who helped {P}?", "{O}", "谁帮了{P}？", "{O}"),
        Ask("How many hours did they look for the {noun}?", "{n}", "{tamen}找了几个小时？", "{n}个小时"),
    ),
)


STORM = Kind(
    name="storm",
    theme=Pair("{P} and {O} are caught in the rain {at}", "{P}和{O}在{at}遇上了大雨"),
    places=places("park, lake, beach, square, zoo, market, botanical garden, university, railway station, school"),
    amounts=tuple(range(15, 65, 5)),
    weather=False,
    events=(
        Pair(
            "{he} had just met {O} when it began to rain, and for {n} minutes they stood under a tree.",
            "{ta}刚碰见{O}就下起雨来，{tamen}在树下站了{n}分钟。",
        ),
        Pair(
            "Suddenly it began to rain, and {P} and {O}, who had no umbrella, waited under a roof for {n} minutes.",
            "忽然下起雨来，没带伞的{P}和{O}在屋檐下等了{n}分钟。",
        ),
    ),
    reactions=(
        Pair("The rain grew heavier and heavier.", "雨越下越大。"),
        Pair('"I have left my raincoat at home," said {O}.', "{O}说：“我把雨衣忘在家里了。”"),
    ),
    outcomes=(
        Outcome(
            name="rainbow",
            sentiment="positive",
            told=(
                Pair(
                    "Then the sun came out, and they saw a wonderful rainbow.",
                    "后来太阳出来了，{tamen}看见了一道美丽的彩虹。",
                ),
                Pair(
                    "When the rain stopped, a beautiful rainbow stood in the sky, and {P} laughed with joy.",
                    "雨停了，天上出现了一道美丽的彩虹，{P}高兴得笑了。",
                ),
            ),
            speech=(
                Pair('"How lucky that we stayed!" said {P}.', "{P}说：“幸好我们没走！”"),
                Pair('"I have never seen such colours!" said {O}.', "{O}说：“我从来没见过这样的颜色！”"),
            ),
            summary=Pair(
                "{P} and {O} were caught in the rain {at} and then saw a rainbow.",
                "{P}和{O}在{at}遇上了雨，后来看见了彩虹。",
            ),
            asks=(Ask("What did they see?", "rainbow", "{tamen}看见了什么？", "彩虹"),),
        ),
        Outcome(
            name="soaked",
            sentiment="negative",
            told=(
                Pair(
                    "In the end they were wet to the skin, and {P} caught a bad cold.",
                    "最后{tamen}浑身都湿透了，{P}得了重感冒。",
                ),
                Pair(
                    "The rain did not stop, and {P} got so wet that {he} caught a bad cold.",
                    "雨一直没停，{P}全身湿透，得了重感冒。",
                ),
            ),
            speech=(
                Pair('"I am so cold and miserable," said {P}.', "{P}说：“我又冷又难受。”"),
                Pair('"What a terrible day!" said {O}.', "{O}说：“今天真倒霉！”"),
            ),
            summary=Pair(
                "{P} and {O} were caught in the rain {at}, and {P} caught a cold.",
                "{P}和{O}在{at}淋了雨，{P}得了重感冒。",
            ),
            asks=(Ask("Who caught a cold?", "{P}", "谁感冒了？", "{P}"),),
        ),
        Outcome(
            name="bus",
            sentiment="neutral",
            told=(
                Pair("Then a bus came, and {P} and {O} got on.", "后来来了一辆公共汽车，{P}和{O}就上了车。"),
                Pair(
                    "When the rain stopped, {P} and {O} took a bus into town.", "雨停以后，{P}和{O}坐公共汽车进城了。"
                ),
            ),
            speech=(Pair('"The bus is on time today," said {O}.', "{O}说：“今天公共汽车很准时。”"),),
            summary=Pair(
                "{P} and {O} were caught in the rain {at} and took a bus.", "{P}和{O}在{at}遇上了雨，后来坐了公共汽车。"
            ),
            asks=(Ask("What did they take?", "a bus", "{tamen}坐的是什么车？", "公共汽车"),),
        ),
    ),
    asks=(
        Ask("With whom did {P} wait?", "{O}", "{P}和谁一起等？", "{O}"),
        Ask("How many minutes did they wait?", "{n}", "{tamen}等了多少分钟？", "{n}分钟"),
    ),
)
