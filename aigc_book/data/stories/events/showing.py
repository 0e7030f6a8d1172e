"""What one can do: a lesson, a contest, a performance."""

from aigc_book.data.stories.kinds import Ask, Kind, Outcome, places
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.world import CONTESTS, INSTRUMENTS, SKILLS

LEARN = Kind(
    name="learn",
    theme=Pair("{P} learns {thing} from {O} {at}", "{P}在{at}跟{O}学{thing}"),
    places=places("school, community centre, university, park, library, village, home, hotel, café, theatre"),
    things=SKILLS,
    amounts=tuple(range(20, 95, 5)),
    weather=False,
    openings=(
        Pair(
            "{P} wanted to learn {thing}, so {he} met {O} {at} at {time}.", "{P}想学{thing}，于是{time}在{at}见了{O}。"
        ),
        Pair("At {time}, {P} had a lesson with {O} {at} on how {thing}.", "{time}，{P}在{at}跟{O}上课，学{thing}。"),
    ),
    events=(
        Pair("They practised for {n} minutes without a break.", "{tamen}练了{n}分钟，一直没休息。"),
        Pair(
            "{O} showed {P} everything twice, and then they practised for {n} minutes.",
            "{O}给{P}示范了两遍，然后{tamen}练了{n}分钟。",
        ),
    ),
    reactions=(
        Pair("It was much harder than {P} had expected.", "这比{P}想的难多了。"),
        Pair('"I have never done this before," said {P}.', "{P}说：“我从来没学过这个。”"),
    ),
    outcomes=(
        Outcome(
            name="success",
            sentiment="positive",
            told=(
                Pair(
                    "In the end {P} could do it without help, and {O} was proud.", "最后{P}自己也会了，{O}感到很骄傲。"
                ),
                Pair("{P} learned so quickly that {O} was proud.", "{P}学得非常快，{O}感到很骄傲。"),
            ),
            speech=(
                Pair('"You have real talent!" said {O}.', "{O}说：“你真有天赋！”"),
                Pair('"I love it!" cried {P}.', "{P}叫道：“我太喜欢了！”"),
            ),
            summary=Pair("{P} learned {thing} from {O} and did very well.", "{P}跟{O}学{thing}，学得很好。"),
            asks=(Ask("Was {O} proud?", "Yes", "{O}感到骄傲吗？", "很骄傲"),),
        ),
        Outcome(
            name="gave up",
            sentiment="negative",
            told=(
                Pair(
                    "But {P} made the same mistakes again and again and gave up in tears.",
                    "可是{P}一次又一次犯同样的错误，最后哭着放弃了。",
                ),
                Pair("But nothing went right, and {P} gave up in tears.", "可是怎么学也学不会，{P}哭着放弃了。"),
            ),
            speech=(
                Pair('"I am just too stupid," said {P}.', "{P}说：“我实在太笨了。”"),
                Pair('"You are not even trying!" said {O} angrily.', "{O}生气地说：“你根本没用心！”"),
            ),
            summary=Pair("{P} tried to learn {thing} from {O} but gave up.", "{P}跟{O}学{thing}，可是最后放弃了。"),
            asks=(Ask("Did {P} give up?", "Yes", "{P}放弃了吗？", "放弃了"),),
        ),
        Outcome(
            name="homework",
            sentiment="neutral",
            told=(
                Pair("Then {O} set some homework for the next lesson.", "然后{O}布置了下次上课要交的作业。"),
                Pair("At the end {O} gave {P} some homework.", "最后{O}给{P}留了作业。"),
            ),
            speech=(Pair('"We will go on next week," said {O}.', "{O}说：“我们下个星期接着学。”"),),
            summary=Pair(
                "{P} had a lesson with {O} on how {thing} and got some homework.",
                "{P}跟{O}上课学{thing}，{O}留了作业。",
            ),
            asks=(Ask("What did {O} give {P}?", "homework", "{O}给{P}留了什么？", "作业"),),
        ),
    ),
    asks=(
        Ask("Who was the teacher?", "{O}", "谁是老师？", "{O}"),
        Ask("What did {P} learn?", "{thing}", "{P}学什么？", "{thing}"),
        Ask("How many minutes did they practise?", "{n}", "{tamen}练了多少分钟？", "{n}分钟"),
    ),
)


COMPETE = Kind(
    name="compete",
    theme=Pair("{P} takes part in {a_thing} {at}", "{P}在{at}参加{a_thing}"),
    places=places("school, university, sports centre, park, square, community centre, village, theatre, office, hotel"),
    things=CONTESTS,
    amounts=tuple(range(5, 61, 5)),
    openings=(
        Pair("At {time}, {P} took part in {a_thing} {at}.", "{time}，{P}在{at}参加了{a_thing}。"),
        Pair("{P} entered {a_thing} that took place {at} at {time}.", "{P}参加了{time}在{at}举行的{a_thing}。"),
    ),
    events=(
        Pair(
            "{he} had practised for {n} days, and so had {O}, who also took part.",
            "{ta}练了{n}天，也来参加的{O}同样练了{n}天。",
        ),
        Pair(
            "{he} had practised for {n} days with {O}, who now sat in the first row.",
            "{ta}跟{O}一起练了{n}天，{O}现在就坐在第一排。",
        ),
    ),
    reactions=(
        Pair("{his} hands shook when somebody called {his} name.", "听到有人叫自己的名字，{ta}的手抖了起来。"),
        Pair('"Just do your best," said {O}.', "{O}说：“尽力就好。”"),
    ),
    outcomes=(
        Outcome(
            name="first",
            sentiment="positive",
            told=(
                Pair("{P} won first prize, and everybody clapped.", "{P}得了第一名，大家都鼓起掌来。"),
                Pair("In the end {P} won and was given a golden cup.", "最后{P}得了第一名，拿到了金杯。"),
            ),
            speech=(
                Pair('"You were wonderful!" said {O}.', "{O}说：“你太棒了！”"),
                Pair('"I have never won anything before!" cried {P}.', "{P}叫道：“我从来没得过奖！”"),
            ),
            summary=Pair("{P} won {a_thing} {at}.", "{P}在{at}的{noun}中得了第一名。"),
            asks=(Ask("Did {P} win?", "Yes", "{P}赢了吗？", "赢了"),),
        ),
        Outcome(
            name="last",
            sentiment="negative",
            told=(
                Pair("But {P} made a bad mistake and came last.", "可是{P}犯了一个大错，得了最后一名。"),
                Pair("But {P} could not remember anything and came last.", "可是{P}什么也想不起来，得了最后一名。"),
            ),
            speech=(
                Pair('"All that work for nothing!" said {P}.', "{P}说：“都白练了！”"),
                Pair('"I am ashamed of myself," said {P}.', "{P}说：“真丢人。”"),
            ),
            summary=Pair("{P} came last in {a_thing} {at}.", "{P}在{at}的{noun}中得了最后一名。"),
            asks=(Ask("Did {P} win?", "No", "{P}赢了吗？", "没有"),),
        ),
        Outcome(
            name="fifth",
            sentiment="neutral",
            told=(
                Pair("{P} came fifth out of ten.", "{P}在十个人里得了第五名。"),
                Pair("Of the ten people who took part, {P} came fifth.", "参加比赛的十个人里，{P}得了第五名。"),
            ),
            speech=(Pair('"That is neither good nor bad," said {P}.', "{P}说：“不好也不坏。”"),),
            summary=Pair("{P} came fifth in {a_thing} {at}.", "{P}在{at}的{noun}中得了第五名。"),
            asks=(Ask("Which place did {P} take?", "fifth", "{P}得了第几名？", "第五名"),),
        ),
    ),
    asks=(
        Ask("How many days had {P} practised?", "{n}", "{P}练了多少天？", "{n}天"),
        Ask("Who else had practised for it?", "{O}", "除了{P}，还有谁也练了？", "{O}"),
    ),
)


PERFORM = Kind(
    name="perform",
    theme=Pair("{P} plays the {noun} {at}", "{P}在{at}演奏{noun}"),
    places=places("theatre, school, university, square, park, café, hotel, village, community centre, hospital, beach"),
    things=INSTRUMENTS,
    amounts=(*range(20, 100, 5), *range(100, 400, 20)),
    openings=(
        Pair("At {time}, {P} stood {at} with {a_thing}.", "{time}，{P}带着{a_thing}站在{at}。"),
        Pair("{P} was to play {his} {thing} {at} at {time}.", "{time}，{P}要在{at}演奏自己的{thing}。"),
    ),
    events=(
        Pair("{n} people had come to listen, and {O} was one of them.", "来听的有{n}个人，{O}也在里面。"),
        Pair("{O} had come with {n} other people to hear the music.", "除了{O}，还来了{n}个听众。"),
    ),
    reactions=(
        Pair("{P} took a deep bow and began.", "{P}深深地鞠了一躬，开始演奏。"),
        Pair(
            "{P} was nervous, because {he} had never played in public before.", "{P}很紧张，因为{ta}从来没当众演奏过。"
        ),
    ),
    outcomes=(
        Outcome(
            name="applause",
            sentiment="positive",
            told=(
                Pair(
                    "{P} played so beautifully that everybody stood up and clapped.",
                    "{P}演奏得太好了，所有人都站起来鼓掌。",
                ),
                Pair(
                    "When the last note was over, everybody stood up and clapped for {P}.",
                    "最后一个音一落，所有人都站起来为{P}鼓掌。",
                ),
            ),
            speech=(
                Pair('"I have never heard anything so beautiful!" said {O}.', "{O}说：“我从来没听过这么美的音乐！”"),
                Pair('"Play it once more!" cried {O}.', "{O}喊道：“再来一个！”"),
            ),
            summary=Pair(
                "{P} played the {noun} {at}, and everybody clapped.", "{P}在{at}演奏{noun}，大家都站起来鼓掌。"
            ),
            asks=(Ask("Did the people like the music?", "Yes", "大家喜欢{P}的演奏吗？", "喜欢"),),
        ),
        Outcome(
            name="laughed at",
            sentiment="negative",
            told=(
                Pair("But {P} forgot the notes, and people laughed at {him}.", "可是{P}忘了谱子，大家都笑话{ta}。"),
                Pair(
                    "But {P} played one wrong note after another, until people laughed at {him}.",
                    "可是{P}一个音接一个音地出错，大家都笑话{ta}。",
                ),
            ),
            speech=(
                Pair('"I want to go home," said {P} with tears in {his} eyes.', "{P}含着眼泪说：“我想回家。”"),
                Pair('"That was awful," said {O}.', "{O}说：“太难听了。”"),
            ),
            summary=Pair(
                "{P} played the {noun} {at}, and people laughed at {him}.", "{P}在{at}演奏{noun}，被大家笑话了。"
            ),
            asks=(Ask("Did the people like the music?", "No", "大家喜欢{P}的演奏吗？", "不喜欢"),),
        ),
        Outcome(
            name="next one",
            sentiment="neutral",
            told=(
                Pair(
                    "{P} played for a quarter of an hour, and then it was somebody else's turn.",
                    "{P}演奏了一刻钟，然后轮到了别人。",
                ),
                Pair(
                    "After a quarter of an hour {P} had finished, and the next player began.",
                    "一刻钟以后，{P}演奏完了，下一个人接着上场。",
                ),
            ),
            speech=(Pair('"When is the next concert?" asked {O}.', "{O}问：“下一场音乐会是什么时候？”"),),
            summary=Pair("{P} played the {noun} {at} for a quarter of an hour.", "{P}在{at}演奏了一刻钟{noun}。"),
            asks=(Ask("How long did {P} play?", "a quarter of an hour", "{P}演奏了多长时间？", "一刻钟"),),
        ),
    ),
    asks=(
        Ask("What did {P} play?", "{thing}", "{P}演奏的是什么？", "{thing}"),
        Ask("Whom did {P} know among the listeners?", "{O}", "听众里谁是{P}认识的人？", "{O}"),
    ),
)
