"""At home and ill: a meal for guests, a fever."""

from aigc_book.data.stories.kinds import Ask, Kind, Outcome, places
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.world import DISHES

COOK = Kind(
    name="cook",
    theme=Pair("{P} cooks {thing} {at}", "{P}在{at}做{thing}"),
    places=places("home, school, village, farm, hotel, restaurant, community centre, hospital, university, office"),
    things=DISHES,
    amounts=tuple(range(2, 13)),
    weather=False,
    openings=(
        Pair(
            "At {time}, {P} made {thing} {at} for {O} and {n} guests.",
            "{time}，{P}在{at}给{O}和{n}位客人做{thing}。",
        ),
        Pair(
            "{P} wanted to make {thing} for {O} and {n} guests, so {he} set to work {at} at {time}.",
            "{P}想给{O}和{n}位客人做{thing}，于是{time}在{at}动手了。",
        ),
    ),
    events=(
        Pair("{he} followed a recipe that {his} grandmother had written down.", "{ta}用的是奶奶写下来的菜谱。"),
        Pair("{he} had bought everything that was needed and put on an apron.", "{ta}买好了需要的东西，系上了围裙。"),
    ),
    reactions=(
        Pair("After a while {he} tasted a little and thought for a moment.", "过了一会儿，{ta}尝了一点儿，想了想。"),
        Pair('"When will the food be ready?" asked {O}.', "{O}问：“饭什么时候好？”"),
    ),
    outcomes=(
        Outcome(
            name="delicious",
            sentiment="positive",
            told=(
                Pair(
                    "{O} ate two helpings and said that the {noun} {was} delicious.", "{O}吃了两份，说{noun}好吃极了。"
                ),
                Pair("Everybody loved the {noun}, and {O} asked for more.", "大家都很喜欢{noun}，{O}吃完还想要。"),
            ),
            speech=(
                Pair('"You are the best cook in the world!" said {O}.', "{O}说：“你做饭天下第一！”"),
                Pair('"I am glad that you like {it}," said {P}.', "{P}说：“你们喜欢就好。”"),
            ),
            summary=Pair("{P} made {thing} {at}, and everybody loved {it}.", "{P}在{at}做了{thing}，大家都很喜欢。"),
            asks=(Ask("Did the food taste good?", "Yes", "饭好吃吗？", "好吃"),),
        ),
        Outcome(
            name="burnt",
            sentiment="negative",
            told=(
                Pair(
                    "But {P} forgot the time and burnt the {noun}, so {O} stayed hungry.",
                    "可是{P}忘了时间，把{noun}烧糊了，{O}只好饿着肚子。",
                ),
                Pair("But the {noun} {was} burnt, and nobody could eat {it}.", "可是{noun}糊了，谁也吃不下去。"),
            ),
            speech=(
                Pair('"What is that terrible smell?" asked {O}.', "{O}问：“什么味道这么难闻？”"),
                Pair('"Everything is black!" cried {P}.', "{P}叫道：“全都黑了！”"),
            ),
            summary=Pair("{P} made {thing} {at} and burnt {it}.", "{P}在{at}做{thing}，结果烧糊了。"),
            asks=(Ask("Did the food taste good?", "No", "饭好吃吗？", "不好吃"),),
        ),
        Outcome(
            name="washed up",
            sentiment="neutral",
            told=(
                Pair("{O} ate a little of the {noun} and washed the dishes.", "{O}吃了一点儿{noun}，然后把碗洗了。"),
                Pair("Everybody ate the {noun}, and then {O} washed the dishes.", "大家吃了{noun}，然后{O}洗了碗。"),
            ),
            speech=(Pair('"Where do the plates go?" asked {O}.', "{O}问：“盘子放在哪里？”"),),
            summary=Pair("{P} made {thing} {at}, and {O} washed the dishes.", "{P}在{at}做了{thing}，{O}洗了碗。"),
            asks=(Ask("Who washed the dishes?", "{O}", "谁洗了碗？", "{O}"),),
        ),
    ),
    asks=(
        Ask("What did {P} cook?", "{thing}", "{P}做了什么？", "{thing}"),
        Ask("How many guests were there besides {O}?", "{n}", "除了{O}，还有几位客人？", "{n}位"),
    ),
)


ILLNESS = Kind(
    name="illness",
    theme=Pair("{P} falls ill {at}", "{P}在{at}生病了"),
    places=places("library, school, museum, market, cinema, theatre, university, railway station, zoo, bookshop, café"),
    amounts=(38, 39, 40),
    events=(
        Pair(
            "Suddenly {he} felt ill, and {O} found that {he} had a temperature of {n} degrees.",
            "{ta}忽然觉得不舒服，{O}给{ta}一量体温，有{n}度。",
        ),
        Pair(
            "There {he} met {O}, who saw that {he} was ill and had a temperature of {n} degrees.",
            "在那里，{ta}遇见了{O}，{O}看出{ta}病了，一量体温，有{n}度。",
        ),
    ),
    reactions=(
        Pair('"You must see a doctor at once," said {O}.', "{O}说：“你得马上去看医生。”"),
        Pair("{he} could hardly stand and had to sit down.", "{ta}几乎站不住，只好坐了下来。"),
    ),
    outcomes=(
        Outcome(
            name="well again",
            sentiment="positive",
            told=(
                Pair(
                    "But the doctor's medicine helped, and two days later {P} was dancing again.",
                    "不过医生开的药很有效，两天以后{P}又能跳舞了。",
                ),
                Pair(
                    "{O} looked after {P} so well that two days later {he} was healthy again.",
                    "{O}把{P}照顾得很好，两天以后{ta}就完全好了。",
                ),
            ),
            speech=(
                Pair('"I feel better than ever!" said {P}.', "{P}说：“我觉得比以前还好！”"),
                Pair('"How good to see you smile again!" said {O}.', "{O}说：“又看见你笑了，真好！”"),
            ),
            summary=Pair(
                "{P} fell ill {at} but was well again two days later.", "{P}在{at}生了病，不过两天以后就好了。"
            ),
            asks=(Ask("Was {P} soon well again?", "Yes", "{P}很快就好了吗？", "好了"),),
        ),
        Outcome(
            name="weeks in bed",
            sentiment="negative",
            told=(
                Pair(
                    "{P} had to stay in bed for three weeks and was in great pain.",
                    "{P}不得不在床上躺了三个星期，疼得厉害。",
                ),
                Pair(
                    "It got worse and worse, and {P} lay in bed in pain for three weeks.",
                    "病越来越重，{P}在床上疼了三个星期。",
                ),
            ),
            speech=(
                Pair('"Why does nothing help?" asked {P}.', "{P}问：“为什么什么药都不管用？”"),
                Pair('"I can\'t bear it any longer," said {P}.', "{P}说：“我受不了了。”"),
            ),
            summary=Pair(
                "{P} fell ill {at} and had to stay in bed for three weeks.", "{P}在{at}生了病，在床上躺了三个星期。"
            ),
            asks=(Ask("Was {P} soon well again?", "No", "{P}很快就好了吗？", "没有"),),
        ),
        Outcome(
            name="drink water",
            sentiment="neutral",
            told=(
                Pair("The doctor told {P} to drink more water and to rest.", "医生让{P}多喝水，多休息。"),
                Pair(
                    "{O} took {him} to a doctor, who told {him} to drink more water and to rest.",
                    "{O}带{ta}去看医生，医生让{ta}多喝水，多休息。",
                ),
            ),
            speech=(Pair('"I will take you home now," said {O}.', "{O}说：“我现在送你回家。”"),),
            summary=Pair("{P} fell ill {at}, and a doctor told {him} to rest.", "{P}在{at}生了病，医生让{ta}多休息。"),
            asks=(Ask("Who told {P} to rest?", "doctor", "谁让{P}多休息？", "医生"),),
        ),
    ),
    asks=(
        Ask("How high was the temperature?", "{n} degrees", "{P}的体温是多少度？", "{n}度"),
        Ask("Who noticed that {P} was ill?", "{O}", "谁发现{P}病了？", "{O}"),
    ),
)
