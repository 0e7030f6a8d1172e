"""Two people: one waits for the other, they quarrel, or a letter comes."""

from aigc_book.data.stories.kinds import Ask, Kind, Outcome, places
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.world import PORTABLE

WAIT = Kind(
    name="wait",
    theme=Pair("{P} waits for {O} {at}", "{P}在{at}等{O}"),
    places=places(
        "railway station, airport, café, park, cinema, theatre, restaurant, square, lake, library, zoo, hotel, beach"
    ),
    amounts=tuple(range(15, 65, 5)),
    openings=(
        Pair("At {time}, {P} was waiting for {O} {at}.", "{time}，{P}在{at}等{O}。"),
        Pair("{P} had agreed to meet {O} {at} at {time}.", "{P}和{O}约好{time}在{at}见面。"),
    ),
    events=(
        Pair("{n} minutes passed, but {O} did not come.", "{n}分钟过去了，{O}还没来。"),
        Pair("After {n} minutes {O} was still not there.", "等了{n}分钟，{O}还是没到。"),
    ),
    reactions=(
        Pair("{P} walked up and down and looked at the clock again and again.", "{P}走来走去，不停地看时间。"),
        Pair("{P} called three times, but nobody answered the phone.", "{P}打了三次电话，都没人接。"),
        Pair('"Something must have happened," thought {P}.', "{P}想：“一定是出了什么事。”"),
    ),
    outcomes=(
        Outcome(
            name="came with flowers",
            sentiment="positive",
            told=(
                Pair(
                    "At last {O} came running with a bunch of flowers, and they had a wonderful time together.",
                    "最后，{O}拿着一束花跑来了，两个人玩得很开心。",
                ),
                Pair(
                    "Then {O} came with a big bunch of flowers and hugged {P}.",
                    "后来{O}捧着一大束花来了，高兴地抱住了{P}。",
                ),
            ),
            speech=(
                Pair('"I am so happy that you waited!" said {O}.', "{O}说：“你一直在等我，我太高兴了！”"),
                Pair('"What beautiful flowers!" said {P}.', "{P}说：“多漂亮的花啊！”"),
            ),
            summary=Pair("{P} waited for {O}, who came late but with flowers.", "{P}等{O}，{O}来晚了，不过带来了花。"),
            asks=(
                Ask("What did {O} bring?", "flowers", "{O}带来了什么？", "花"),
                Ask("Did {O} come?", "Yes", "{O}来了吗？", "来了"),
            ),
        ),
        Outcome(
            name="never came",
            sentiment="negative",
            told=(
                Pair("{O} never came, and {P} had to eat alone.", "{O}一直没来，{P}只好一个人吃了饭。"),
                Pair(
                    "In the end {P}, who had been forgotten, went to eat alone.",
                    "{P}被忘得一干二净，最后只好一个人去吃饭。",
                ),
            ),
            speech=(
                Pair('"I will never wait for {O} again," said {P}.', "{P}说：“我再也不等{O}了。”"),
                Pair('"Nobody cares about me," said {P} sadly.', "{P}难过地说：“谁也不关心我。”"),
            ),
            summary=Pair("{P} waited for {O} {at}, but {O} never came.", "{P}在{at}等{O}，可是{O}一直没来。"),
            asks=(Ask("Did {O} come?", "No", "{O}来了吗？", "没有"),),
        ),
        Outcome(
            name="another day",
            sentiment="neutral",
            told=(
                Pair(
                    "Then {O} sent a message and asked {P} to come the next day instead.",
                    "后来{O}发来消息，请{P}第二天再来。",
                ),
                Pair(
                    "At last a message came: {O} could only come the next day.", "最后来了一条消息：{O}第二天才能来。"
                ),
            ),
            speech=(Pair('"All right, tomorrow then," said {P}.', "{P}说：“好吧，那就明天。”"),),
            summary=Pair(
                "{P} waited for {O}, who put the meeting off to the next day.", "{P}等{O}，{O}把见面改到了第二天。"
            ),
            asks=(Ask("When could {O} come?", "the next day", "{O}什么时候能来？", "第二天"),),
        ),
    ),
    asks=(
        Ask("For whom did {P} wait?", "{O}", "{P}在等谁？", "{O}"),
        Ask("How many minutes did {P} wait at first?", "{n}", "{P}先等了多少分钟？", "{n}分钟"),
    ),
)


QUARREL = Kind(
    name="quarrel",
    theme=Pair("{P} and {O} quarrel over {a_thing} {at}", "{P}和{O}在{at}为{a_thing}吵架"),
    places=places(
        "school, library, park, café, cinema, restaurant, market, university, sports centre, beach, hotel, office"
    ),
    things=PORTABLE,
    amounts=tuple(range(2, 15)),
    openings=(
        Pair("At {time}, {P} and {O} met {at}.", "{time}，{P}和{O}在{at}见面了。"),
        Pair("{P} met {O} {at} at {time}.", "{P}{time}在{at}见到了{O}。"),
    ),
    events=(
        Pair(
            "They quarrelled because {O} had lost the {thing} that {P} had lent {Ohim}.",
            "{O}把{P}借给{Ota}的{thing}弄丢了，两个人吵了起来。",
        ),
        Pair(
            "{P} was angry because {O} had lost {his} {thing}, and they quarrelled.",
            "{P}很生气，因为{O}弄丢了{ta}的{thing}，两个人吵了一架。",
        ),
    ),
    reactions=(
        Pair('"I will never lend you anything again!" shouted {P}.', "{P}喊道：“我再也不借给你东西了！”"),
        Pair("Everybody around them turned to look.", "周围的人都转过头来看。"),
    ),
    outcomes=(
        Outcome(
            name="made up",
            sentiment="positive",
            told=(
                Pair(
                    "{n} days later {O} apologised, and they hugged each other.",
                    "{n}天以后，{O}道了歉，两个人拥抱在一起，和好了。",
                ),
                Pair(
                    "After {n} days {O} said sorry, and they laughed about it together.",
                    "过了{n}天，{O}说了对不起，两个人笑着和好了。",
                ),
            ),
            speech=(
                Pair('"You are more important to me than that," said {P}.', "{P}说：“对我来说，你比这重要得多。”"),
                Pair('"I have missed you," said {O}.', "{O}说：“我很想你。”"),
            ),
            summary=Pair(
                "{P} and {O} quarrelled over {a_thing}, but {n} days later they made up.",
                "{P}和{O}为{a_thing}吵了架，不过{n}天以后和好了。",
            ),
            asks=(
                Ask("Who apologised?", "{O}", "谁道了歉？", "{O}"),
                Ask("Did they make up?", "Yes", "{tamen}和好了吗？", "和好了"),
            ),
        ),
        Outcome(
            name="silence",
            sentiment="negative",
            told=(
                Pair(
                    "Even {n} days later they did not say a word to each other.", "{n}天以后，{tamen}还是谁也不理谁。"
                ),
                Pair("{n} days passed, and they were still not speaking.", "{n}天过去了，{tamen}还是不说话。"),
            ),
            speech=(
                Pair('"I don\'t want to see {O} ever again," said {P}.', "{P}说：“我再也不想见到{O}了。”"),
                Pair('"It will never be the same again," said {O} sadly.', "{O}难过地说：“再也回不到从前了。”"),
            ),
            summary=Pair(
                "{P} and {O} quarrelled over {a_thing} and did not speak even {n} days later.",
                "{P}和{O}为{a_thing}吵了架，{n}天以后还不说话。",
            ),
            asks=(Ask("Did they make up?", "No", "{tamen}和好了吗？", "没有"),),
        ),
        Outcome(
            name="paid",
            sentiment="neutral",
            told=(
                Pair("{n} days later {O} paid for the {noun}.", "{n}天以后，{O}赔了{noun}的钱。"),
                Pair("After {n} days {O} gave {P} the money for the {noun}.", "过了{n}天，{O}把{noun}的钱赔给了{P}。"),
            ),
            speech=(Pair('"Then the matter is closed," said {P}.', "{P}说：“那这件事就算了。”"),),
            summary=Pair(
                "{P} and {O} quarrelled over {a_thing}, and {n} days later {O} paid for {it}.",
                "{P}和{O}为{a_thing}吵了架，{n}天以后{O}赔了钱。",
            ),
            asks=(Ask("Who paid for the {noun}?", "{O}", "谁赔了{noun}的钱？", "{O}"),),
        ),
    ),
    asks=(
        Ask("What had {O} lost?", "{thing}", "{O}弄丢了什么？", "{thing}"),
        Ask("Whom did {P} meet?", "{O}", "{P}见了谁？", "{O}"),
    ),
)


LETTER = Kind(
    name="letter",
    theme=Pair("{P} reads a letter from {O} {at}", "{P}在{at}读{O}的来信"),
    places=places("home, office, school, post office, hotel, café, village, farm, university, hospital, library"),
    amounts=tuple(range(2, 13)),
    openings=(
        Pair("At {time}, {P} got a letter from {O} {at}.", "{time}，{P}在{at}收到了{O}的信。"),
        Pair("{P} was {at} at {time} when a letter from {O} came.", "{time}，{P}在{at}的时候，{O}的信到了。"),
    ),
    events=(
        Pair("The letter was {n} pages long, and {he} read it twice.", "信有{n}页，{ta}读了两遍。"),
        Pair("{he} opened it at once and read all {n} pages.", "{ta}马上打开信，一口气读完了{n}页。"),
    ),
    reactions=(
        Pair("{P} had not heard from {O} for a long time.", "{P}已经很久没有{O}的消息了。"),
        Pair("There was also a photograph in the envelope.", "信封里还有一张照片。"),
    ),
    outcomes=(
        Outcome(
            name="wedding",
            sentiment="positive",
            told=(
                Pair("{O} was getting married and invited {P} to the wedding.", "{O}要结婚了，邀请{P}参加婚礼。"),
                Pair(
                    "There was wonderful news in it: {O} was going to marry, and {P} was invited.",
                    "信里有个好消息：{O}要结婚了，请{P}去参加婚礼。",
                ),
            ),
            speech=(
                Pair('"I would not miss that for the world!" cried {P}.', "{P}喊道：“我一定要去！”"),
                Pair('"This is the best news of the year!" said {P}.', "{P}说：“这是今年最好的消息！”"),
            ),
            summary=Pair("{O} wrote to {P} and invited {him} to a wedding.", "{O}来信邀请{P}参加婚礼。"),
            asks=(Ask("Was the news good?", "Yes", "是好消息吗？", "是"),),
        ),
        Outcome(
            name="ill",
            sentiment="negative",
            told=(
                Pair(
                    "{O} wrote that {Ohe} was very ill and could not come to visit.",
                    "{O}说自己病得很重，不能来看{ta}了。",
                ),
                Pair(
                    "It was bad news: {O} was very ill and had to cancel the visit.",
                    "信里是坏消息：{O}病得很重，不能来看{P}了。",
                ),
            ),
            speech=(
                Pair('"How terrible!" said {P}.', "{P}说：“真是太糟糕了！”"),
                Pair('"I am very worried," said {P} in a low voice.', "{P}小声说：“我很担心。”"),
            ),
            summary=Pair("{O} wrote to {P} that {Ohe} was very ill.", "{O}写信告诉{P}，{Ota}病得很重。"),
            asks=(Ask("Was the news good?", "No", "是好消息吗？", "不是"),),
        ),
        Outcome(
            name="new address",
            sentiment="neutral",
            told=(
                Pair(
                    "{O} had moved to another street and sent {P} the new address.",
                    "{O}搬到了另一条街，把新地址告诉了{P}。",
                ),
                Pair("{O} only wanted to send {P} a new address.", "{O}只是想把新地址告诉{P}。"),
            ),
            speech=(Pair('"I must write that down," said {P}.', "{P}说：“我得记下来。”"),),
            summary=Pair("{O} wrote to {P} and sent a new address.", "{O}写信把新地址告诉了{P}。"),
            asks=(Ask("What did {O} send?", "new address", "{O}告诉了{P}什么？", "新地址"),),
        ),
    ),
    asks=(
        Ask("Who wrote to {P}?", "{O}", "谁给{P}写了信？", "{O}"),
        Ask("How many pages did the letter have?", "{n}", "信有多少页？", "{n}页"),
    ),
)
