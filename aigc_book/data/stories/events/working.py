"""Work for the hands: a repair, a heavy load, a planting."""

from aigc_book.data.stories.kinds import Ask, Kind, Outcome, places
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.world import LOADS, MACHINES, PLANTS

REPAIR = Kind(
    name="repair",
    theme=Pair("{P} tries to repair {a_thing} {at}", "{P}想修好{at}的{a_thing}"),
    places=places(
        "school, office, library, hotel, bakery, restaurant, farm, post office, university, hospital, café, home"
    ),
    things=MACHINES,
    amounts=tuple(range(3, 25)),
    weather=False,
    openings=(
        Pair("At {time}, {P} saw that the {thing} {at} was broken.", "{time}，{P}发现{at}的{thing}坏了。"),
        Pair(
            "{P} was {at} at {time} when the {thing} stopped working.",
            "{time}，{P}在{at}的时候，那里的{thing}忽然不动了。",
        ),
    ),
    events=(
        Pair("{he} called {O}, and together they took out {n} screws.", "{ta}叫来{O}，两个人一起拆下了{n}个螺丝。"),
        Pair("{O}, who knew a lot about machines, took {n} screws out of it.", "懂机器的{O}从里面拆下了{n}个螺丝。"),
    ),
    reactions=(
        Pair('"Don\'t touch that wire!" cried {O}.', "{O}喊道：“别碰那根电线！”"),
        Pair("Inside they found a coin and a lot of dust.", "{tamen}在里面发现了一枚硬币和很多灰尘。"),
    ),
    outcomes=(
        Outcome(
            name="repaired",
            sentiment="positive",
            told=(
                Pair(
                    "An hour later the {noun} worked again, better than ever.",
                    "一个小时以后，{noun}又能用了，比以前还好用。",
                ),
                Pair("Soon the {noun} was running again, and {P} cheered.", "没过多久{noun}就修好了，{P}欢呼起来。"),
            ),
            speech=(
                Pair('"We are a great team!" said {O}.', "{O}说：“我们配合得真好！”"),
                Pair('"You are a genius!" said {P} to {O}.', "{P}对{O}说：“你真是个天才！”"),
            ),
            summary=Pair("{P} and {O} repaired the {thing} {at}.", "{P}和{O}修好了{at}的{thing}。"),
            asks=(Ask("Did the {noun} work again?", "Yes", "{noun}修好了吗？", "修好了"),),
        ),
        Outcome(
            name="ruined",
            sentiment="negative",
            told=(
                Pair(
                    "But there was smoke and a bang, and the {noun} was ruined.",
                    "可是砰的一声，{noun}冒出烟来，彻底坏了。",
                ),
                Pair(
                    "But they only made it worse, and in the end the {noun} was ruined.",
                    "可是越修越糟，最后{noun}彻底坏了。",
                ),
            ),
            speech=(
                Pair('"This is all my fault," said {P}.', "{P}说：“这都怪我。”"),
                Pair('"Now nobody can save it," sighed {O}.', "{O}叹了口气，说：“现在谁也救不了它了。”"),
            ),
            summary=Pair(
                "{P} and {O} tried to repair the {thing} {at}, but they ruined it.",
                "{P}和{O}修{at}的{thing}，结果把它彻底弄坏了。",
            ),
            asks=(Ask("Did the {noun} work again?", "No", "{noun}修好了吗？", "没有"),),
        ),
        Outcome(
            name="waiting for parts",
            sentiment="neutral",
            told=(
                Pair("They wrote down what was missing and ordered new parts.", "{tamen}记下缺了什么，订了新的零件。"),
                Pair(
                    "One part was missing, so they ordered a new one for the {noun}.",
                    "{noun}缺了一个零件，{tamen}就订了一个新的。",
                ),
            ),
            speech=(Pair('"The parts will be here next week," said {O}.', "{O}说：“零件下个星期到。”"),),
            summary=Pair(
                "{P} and {O} opened the {thing} {at} and ordered new parts.", "{P}和{O}拆开{at}的{thing}，订了新零件。"
            ),
        ),
    ),
    asks=(
        Ask("What was broken?", "{thing}", "什么东西坏了？", "{thing}"),
        Ask("How many screws did they take out?", "{n}", "拆下了多少个螺丝？", "{n}个"),
        Ask("Who helped {P}?", "{O}", "谁帮了{P}？", "{O}"),
    ),
)


CARRY = Kind(
    name="carry",
    theme=Pair("{P} helps {O} to carry {a_thing} {at}", "{P}在{at}帮{O}搬{a_thing}"),
    places=places(
        "railway station, airport, market, university, post office, school, library, museum, supermarket, hospital"
    ),
    things=LOADS,
    amounts=tuple(range(12, 48)),
    events=(
        Pair(
            "There {he} met {O}, who was carrying {a_thing} that weighed {n} kilograms.",
            "在那里，{ta}碰见了{O}，{Ota}正搬着{a_thing}，足足有{n}公斤重。",
        ),
        Pair(
            "{O} was standing in front of the door with {a_thing} that weighed {n} kilograms.",
            "{O}正站在门口，身边放着{a_thing}，有{n}公斤重。",
        ),
    ),
    reactions=(
        Pair('"Shall I help you?" asked {P}.', "{P}问：“要我帮你吗？”"),
        Pair("Nobody else stopped to help.", "别人谁也没停下来帮忙。"),
    ),
    outcomes=(
        Outcome(
            name="carried",
            sentiment="positive",
            told=(
                Pair(
                    "Together they carried the {noun} to the car, and {O} invited {P} to a fine dinner.",
                    "{tamen}一起把{noun}搬到了车上，{O}还请{P}吃了一顿好饭。",
                ),
                Pair(
                    "With a laugh they lifted the {noun} into the car, and {O} thanked {P} with a fine dinner.",
                    "{tamen}说说笑笑地把{noun}抬上了车，{O}请{P}吃了一顿好饭表示感谢。",
                ),
            ),
            speech=(
                Pair('"What luck that you came by!" said {O}.', "{O}说：“碰见你真是太好了！”"),
                Pair('"It was a pleasure," said {P}.', "{P}说：“很高兴能帮上忙。”"),
            ),
            summary=Pair(
                "{P} helped {O} to carry {a_thing}, and {O} invited {him} to dinner.",
                "{P}帮{O}搬{a_thing}，{O}请{ta}吃了饭。",
            ),
            asks=(Ask("Who invited {P} to dinner?", "{O}", "谁请{P}吃了饭？", "{O}"),),
        ),
        Outcome(
            name="dropped",
            sentiment="negative",
            told=(
                Pair("But {P} slipped, and the {noun} fell on {his} foot.", "可是{P}滑了一下，{noun}砸伤了{ta}的脚。"),
                Pair(
                    "{P} tried to lift the {noun}, but it fell and hurt {his} foot badly.",
                    "{P}想把{noun}抬起来，可是{noun}掉了下来，砸伤了{ta}的脚。",
                ),
            ),
            speech=(
                Pair('"I am so sorry!" cried {O}.', "{O}叫道：“真对不起！”"),
                Pair('"It hurts terribly!" cried {P}.', "{P}叫道：“疼死我了！”"),
            ),
            summary=Pair(
                "{P} wanted to help {O} with {a_thing} and hurt {his} foot.", "{P}想帮{O}搬{a_thing}，结果砸伤了脚。"
            ),
            asks=(Ask("What did {P} hurt?", "foot", "{P}哪里受伤了？", "脚"),),
        ),
        Outcome(
            name="to the door",
            sentiment="neutral",
            told=(
                Pair("{P} held the door open, and {O} carried the {noun} in.", "{P}扶着门，{O}把{noun}搬了进去。"),
                Pair(
                    "{O} carried the {noun} in while {P} held the door open.",
                    "{O}把{noun}搬进去的时候，{P}帮忙扶着门。",
                ),
            ),
            speech=(Pair('"I can do the rest alone," said {O}.', "{O}说：“剩下的我自己来就行。”"),),
            summary=Pair(
                "{P} held the door open for {O}, who was carrying {a_thing}.",
                "{O}搬{a_thing}的时候，{P}帮{Ota}扶着门。",
            ),
            asks=(Ask("Who held the door open?", "{P}", "谁扶着门？", "{P}"),),
        ),
    ),
    asks=(
        Ask("How heavy was the {noun}?", "{n} kilograms", "{noun}有多重？", "{n}公斤"),
        Ask("What did {O} have with {Ohim}?", "{thing}", "{O}带着什么东西？", "{thing}"),
    ),
)


PLANT = Kind(
    name="plant",
    theme=Pair("{P} and {O} plant {noun} {at}", "{P}和{O}在{at}种{noun}"),
    places=places("botanical garden, school, farm, village, park, zoo, university, community centre, lake, home"),
    things=PLANTS,
    amounts=tuple(range(3, 31)),
    weather=False,
    openings=(
        Pair("At {time}, {P} and {O} planted {n} {thing} {at}.", "{time}，{P}和{O}在{at}种了{n}{measure}{thing}。"),
        Pair(
            "{P} asked {O} to help, and at {time} they planted {n} {thing} {at}.",
            "{P}请{O}来帮忙，{time}，两个人在{at}种了{n}{measure}{thing}。",
        ),
    ),
    events=(
        Pair(
            "From then on {he} watered them every morning before breakfast.", "从那以后，{ta}每天吃早饭以前都去浇水。"
        ),
        Pair("{O} built a small fence that kept the rabbits away.", "{O}做了一道不让兔子进来的小篱笆。"),
    ),
    reactions=(
        Pair('"They look so small," said {P}.', "{P}说：“看起来真小啊。”"),
        Pair("Their hands were black with earth.", "{tamen}的手上全是黑土。"),
    ),
    outcomes=(
        Outcome(
            name="grew",
            sentiment="positive",
            told=(
                Pair(
                    "The {noun} grew so well that people came from far away to admire them.",
                    "{noun}长得好极了，远处的人都来看。",
                ),
                Pair(
                    "A few months later the {noun} were the most beautiful in the whole country.",
                    "几个月以后，这些{noun}成了全国最漂亮的。",
                ),
            ),
            speech=(
                Pair('"I am so proud of our work!" said {P}.', "{P}说：“我真为我们骄傲！”"),
                Pair('"I have never seen anything so lovely!" said {O}.', "{O}说：“我从来没见过这么好看的！”"),
            ),
            summary=Pair(
                "{P} and {O} planted {noun} {at}, and they grew very well.", "{P}和{O}在{at}种了{noun}，长得非常好。"
            ),
            asks=(Ask("Did the {noun} grow well?", "Yes", "{noun}长得好吗？", "好"),),
        ),
        Outcome(
            name="died",
            sentiment="negative",
            told=(
                Pair("But no rain fell all summer, and all the {noun} died.", "可是整个夏天没下雨，{noun}全都枯死了。"),
                Pair("But a storm came, and all the {noun} died.", "可是来了一场暴风雨，{noun}全都死了。"),
            ),
            speech=(
                Pair('"All our work was for nothing," said {O}.', "{O}说：“我们白忙了一场。”"),
                Pair('"Not a single one is left," said {P} sadly.', "{P}难过地说：“一棵也没剩下。”"),
            ),
            summary=Pair(
                "{P} and {O} planted {noun} {at}, but they all died.", "{P}和{O}在{at}种了{noun}，可是全都死了。"
            ),
            asks=(Ask("Did the {noun} grow well?", "No", "{noun}长得好吗？", "不好"),),
        ),
        Outcome(
            name="slowly",
            sentiment="neutral",
            told=(
                Pair("The {noun} grew slowly, like all the others.", "{noun}慢慢地长着，跟别的一样。"),
                Pair(
                    "Since then the {noun} have been growing slowly, and {O} looks after them on Sundays.",
                    "从那以后，{noun}慢慢地长着，{O}每个星期天都去照看。",
                ),
            ),
            speech=(Pair('"We have to wait for spring," said {O}.', "{O}说：“得等到春天。”"),),
            summary=Pair(
                "{P} and {O} planted {noun} {at}, and they grew slowly.", "{P}和{O}在{at}种了{noun}，它们慢慢地长着。"
            ),
            asks=(Ask("How did the {noun} grow?", "slowly", "{noun}长得怎么样？", "慢慢地"),),
        ),
    ),
    asks=(
        Ask("How many {noun} did they plant?", "{n}", "{tamen}种了多少{measure}{noun}？", "{n}{measure}"),
        Ask("Who planted them together with {P}?", "{O}", "谁和{P}一起种的？", "{O}"),
    ),
)
