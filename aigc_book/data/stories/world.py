"""The things that stories are made of: people, places, objects, times, jobs, weather, each in both languages.

Nothing here knows how a story is told. A word is written once with what its grammar needs: a person's gender, a place's
preposition and its Chinese locative (公园里, 海边), a thing's plural and its Chinese measure word (一把雨伞).
"""

from dataclasses import dataclass

from aigc_book.data.stories.language import (
    Pair,
    chinese_clock,
    chinese_number,
    english_clock,
    english_ordinal,
    part_of_day,
)


@dataclass(frozen=True)
class Person:
    """Somebody in the world; ``male`` decides the pronouns of both languages."""

    english: str
    chinese: str
    male: bool


@dataclass(frozen=True)
class Relation:
    """What the second person is to the first: "her friend", 她的朋友; brothers and sisters need no 的 (她哥哥)."""

    english: str
    chinese: str
    of: str = "的"
    male: bool | None = None  #: with None the word fits everybody


@dataclass(frozen=True)
class Place:
    """Where a story happens."""

    english: str  #: as in "went to the library"
    chinese: str  #: as in 去图书馆
    at: str  #: as in "in the library"
    inside: str = ""  #: what 在图书馆… takes at its end, 里 or 上 or nothing
    hours: tuple[int, int] = (9, 17)  #: the hours of the day at which somebody may sensibly go there
    motives: tuple[Pair, ...] = ()  #: what one goes there for, such as "to return some books", 还书
    outdoors: bool = False


@dataclass(frozen=True)
class Thing:
    """What a story is about: an object, an animal, a dish, a contest or a skill."""

    english: str
    chinese: str
    measure: str = "个"  #: the measure word
    plural: bool = False
    adjectives: tuple[Pair, ...] = ()
    named: bool = True  #: whether it counts as an entity; a skill ("to sing") does not


@dataclass(frozen=True)
class Moment:
    """A day and a clock time."""

    day: str  #: "yesterday", "weekday", "last" (with a weekday), or "date"
    number: int  #: the weekday (0 is Monday), or the day of the month
    month: int  #: 1 to 12 for a date, otherwise 0
    hour: int
    minute: int

    @property
    def english(self) -> str:
        """Such as "half past three on Saturday afternoon", without the "at" in front."""
        part = part_of_day(self.hour).english
        clock = english_clock(self.hour, self.minute)
        if self.day == "date":
            date = f"the {english_ordinal(self.number)} of {MONTHS[self.month - 1]}"
            return f"{clock} on {date}" if clock == "noon" else f"{clock} on the {part} of {date}"
        day = {
            "yesterday": "yesterday",
            "weekday": f"on {WEEKDAYS[self.number]}",
            "last": f"last {WEEKDAYS[self.number]}",
        }
        return f"{clock} {day[self.day]}" if clock == "noon" else f"{clock} {day[self.day]} {part}"

    @property
    def chinese(self) -> str:
        """Such as 星期六下午三点半, the larger unit first."""
        weekday = "星期" + "一二三四五六天"[self.number % 7]
        date = f"{chinese_number(self.month)}月{chinese_number(self.number)}号"
        day = {"yesterday": "昨天", "weekday": weekday, "last": f"上个{weekday}", "date": date}[self.day]
        return day + part_of_day(self.hour).chinese + chinese_clock(self.hour, self.minute)


@dataclass(frozen=True)
class Weather:
    """A sentence about the weather, the words in it that answer what it was like, and when it can be so."""

    sentence: Pair
    answer: Pair
    months: tuple[int, ...] = tuple(range(1, 13))
    hours: tuple[int, int] = (0, 23)
    outdoors: bool = True  #: whether one would do anything outdoors in it


WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
MINUTES = (0, 0, 5, 10, 15, 20, 30, 30, 40, 45, 50)  # full and half hours are said most often


def _people(male: bool, names: str) -> tuple[Person, ...]:
    pairs = (name.rsplit(" ", 1) for name in names.split(", "))
    return tuple(Person(english, chinese, male) for english, chinese in pairs)


PEOPLE = (
    *_people(
        False, "Anna 安娜, Emma 艾玛, Lucy 露西, Maria 玛丽亚, Alice 爱丽丝, Sophie 苏菲, Helen 海伦, Grace 格蕾丝"
    ),
    *_people(False, "Li Na 李娜, Wang Fang 王芳, Zhang Min 张敏, Chen Jing 陈静, Liu Yan 刘燕, Zhou Lan 周兰"),
    *_people(True, "Tom 汤姆, Peter 彼得, David 大卫, Paul 保罗, Jack 杰克, Daniel 丹尼尔, Mark 马克, Oliver 奥利弗"),
    *_people(True, "Li Wei 李伟, Wang Qiang 王强, Zhang Lei 张磊, Chen Hao 陈浩, Liu Yang 刘洋, Zhou Ming 周明"),
)

RELATIONS = (
    Relation("friend", "朋友"),
    Relation("good friend", "好朋友"),
    Relation("neighbour", "邻居"),
    Relation("colleague", "同事"),
    Relation("old classmate", "老同学"),
    Relation("pen friend", "笔友"),
    Relation("older brother", "哥哥", "", male=True),
    Relation("younger brother", "弟弟", "", male=True),
    Relation("older sister", "姐姐", "", male=False),
    Relation("younger sister", "妹妹", "", male=False),
)


def _pairs(text: str) -> tuple[Pair, ...]:
    return tuple(Pair(*pair.rsplit(" ", 1)) for pair in text.split(", "))


JOBS = _pairs(
    "nurse 护士, teacher 老师, driver 司机, student 学生, farmer 农民, cook 厨师, painter 画家, engineer 工程师,"
    " journalist 记者, singer 歌手, baker 面包师, tailor 裁缝, doctor 医生, lawyer 律师, photographer 摄影师,"
    " pilot 飞行员, gardener 园丁, writer 作家, actor 演员, shop assistant 店员, police officer 警察, dentist 牙医"
)

HOBBIES = _pairs(
    "old films 看老电影, long walks 散步, strong tea 喝浓茶, jazz 听爵士乐, detective novels 看侦探小说, climbing 爬山,"
    " football 踢足球, folk songs 唱民歌, fresh flowers 养花, spicy food 吃辣, birdwatching 观鸟, poetry 读诗,"
    " card games 打牌, history 研究历史, travelling 旅行, crossword puzzles 玩填字游戏"
)

WEATHER = (
    Weather(Pair("The weather was fine.", "天气很好。"), Pair("fine", "很好")),
    Weather(Pair("The sun was shining.", "阳光灿烂。"), Pair("The sun was shining", "阳光灿烂"), hours=(8, 15)),
    Weather(Pair("It was raining hard.", "外面下着大雨。"), Pair("raining hard", "下着大雨"), outdoors=False),
    Weather(Pair("It was snowing.", "外面下着雪。"), Pair("snowing", "下着雪"), months=(12, 1, 2), outdoors=False),
    Weather(Pair("A cold wind was blowing.", "外面刮着冷风。"), Pair("cold wind", "冷风"), months=(11, 12, 1, 2, 3)),
    Weather(Pair("It was very hot.", "天气很热。"), Pair("very hot", "很热"), months=(6, 7, 8)),
    Weather(Pair("There was thick fog.", "外面雾很大。"), Pair("thick fog", "雾很大"), outdoors=False),
    Weather(Pair("The sky was grey.", "天空灰蒙蒙的。"), Pair("grey", "灰蒙蒙的"), hours=(8, 16)),
)


_INDOORS, _EARLY, _LATE, _DAYLIGHT = (9, 17), (7, 19), (9, 20), (8, 17)

PLACES = {
    place.english.removeprefix("the "): place
    for place in (
        Place("the library", "图书馆", "in the library", "里", _INDOORS,
              _pairs("to return some books 还书, to study for an exam 准备考试, to read the newspapers 看报纸")),
        Place("the museum", "博物馆", "in the museum", "里", _INDOORS,
              _pairs("to see an exhibition 看展览, to look at the old paintings 看古画")),
        Place("the park", "公园", "in the park", "里", _DAYLIGHT,
              _pairs("to take a walk 散步, to fly a kite 放风筝, to feed the ducks 喂鸭子"), outdoors=True),
        Place("the market", "市场", "at the market", "", _DAYLIGHT,
              _pairs("to buy some fruit 买水果, to buy fresh fish 买鲜鱼, to sell vegetables 卖菜"), outdoors=True),
        Place("the railway station", "火车站", "at the railway station", "", _EARLY,
              _pairs("to meet a guest 接客人, to buy tickets 买票")),
        Place("the school", "学校", "at the school", "里", _DAYLIGHT,
              _pairs("to attend a meeting 开会, to fetch a child 接孩子")),
        Place("the hospital", "医院", "in the hospital", "里", _INDOORS,
              _pairs("to visit a sick friend 看望生病的朋友, to have an eye test 检查视力")),
        Place("the beach", "海边", "on the beach", "", _DAYLIGHT,
              _pairs("to collect shells 捡贝壳, to watch the ships 看船"), outdoors=True),
        Place("the café", "咖啡馆", "in the café", "里", _LATE,
              _pairs("to drink a cup of coffee 喝杯咖啡, to write some postcards 写明信片")),
        Place("the bookshop", "书店", "in the bookshop", "里", _LATE,
              _pairs("to buy a dictionary 买词典, to hear a talk 听讲座")),
        Place("the theatre", "剧院", "in the theatre", "里", (14, 20),
              _pairs("to see a play 看话剧, to hear a concert 听音乐会")),
        Place("the zoo", "动物园", "at the zoo", "里", _INDOORS,
              _pairs("to see the pandas 看熊猫, to photograph the tigers 拍老虎"), outdoors=True),
        Place("the post office", "邮局", "in the post office", "里", _INDOORS,
              _pairs("to send a parcel 寄包裹, to buy some stamps 买邮票")),
        Place("the bakery", "面包店", "in the bakery", "里", _EARLY,
              _pairs("to buy bread 买面包, to order a birthday cake 订生日蛋糕")),
        Place("the restaurant", "餐馆", "in the restaurant", "里", (11, 20),
              _pairs("to eat noodles 吃面条, to book a table 订座位")),
        Place("the bank", "银行", "in the bank", "里", _INDOORS,
              _pairs("to open an account 开账户, to change some money 换钱")),
        Place("the lake", "湖边", "by the lake", "", _DAYLIGHT,
              _pairs("to go fishing 钓鱼, to paint the mountains 画山"), outdoors=True),
        Place("the airport", "机场", "at the airport", "", _EARLY,
              _pairs("to meet some relatives 接亲戚, to watch the planes 看飞机")),
        Place("the cinema", "电影院", "in the cinema", "里", (13, 20),
              _pairs("to see a new film 看新电影, to see an old comedy 看一部老喜剧")),
        Place("the supermarket", "超市", "in the supermarket", "里", _LATE,
              _pairs("to buy milk and eggs 买牛奶和鸡蛋, to buy rice 买米")),
        Place("the square", "广场", "in the square", "上", _LATE,
              _pairs("to listen to a band 听乐队演奏, to dance 跳舞"), outdoors=True),
        Place("the university", "大学", "at the university", "里", _INDOORS,
              _pairs("to hear a lecture 听课, to meet a professor 见一位教授")),
        Place("the sports centre", "体育馆", "at the sports centre", "里", _LATE,
              _pairs("to play badminton 打羽毛球, to watch a basketball game 看篮球比赛")),
        Place("the botanical garden", "植物园", "in the botanical garden", "里", _INDOORS,
              _pairs("to see the roses 看玫瑰, to draw some leaves 画叶子"), outdoors=True),
        Place("the department store", "百货商店", "in the department store", "里", _LATE),
        Place("the night market", "夜市", "at the night market", "上", (18, 20), outdoors=True),
        Place("the antique shop", "古董店", "in the antique shop", "里", _INDOORS),
        Place("the community centre", "社区中心", "at the community centre", "", _LATE),
        Place("the hotel", "酒店", "in the hotel", "里", _EARLY),
        Place("the village", "村里", "in the village", "", _EARLY, outdoors=True),
        Place("the farm", "农场", "on the farm", "里", _EARLY, outdoors=True),
        Place("the office", "办公室", "in the office", "里", _DAYLIGHT),
        Place("home", "家", "at home", "里", _EARLY),
        *(Place(city, name, f"in {city}", "", _EARLY) for city, name in (
            ("Beijing", "北京"), ("Shanghai", "上海"), ("Hangzhou", "杭州"), ("Chengdu", "成都"),
            ("London", "伦敦"), ("Paris", "巴黎"), ("Rome", "罗马"), ("Berlin", "柏林"), ("Tokyo", "东京"),
        )),
    )
}  # fmt: skip

_COLOURS = tuple(
    Pair(english, f"{chinese}色")
    for english, chinese in (
        ("red", "红"), ("blue", "蓝"), ("green", "绿"), ("black", "黑"), ("white", "白"), ("yellow", "黄"),
        ("brown", "棕"), ("grey", "灰"), ("purple", "紫"), ("orange", "橙"),
    )
)  # fmt: skip
_AGES = (Pair("old", "旧"), Pair("new", "新"))
_COATS = (Pair("white", "白"), Pair("black", "黑"), Pair("spotted", "花"), Pair("little", "小"), Pair("old", "老"))
_SIZES = (Pair("heavy", "沉重的"), Pair("big", "大"), Pair("old", "旧"))


def _things(
    text: str, adjectives: tuple[Pair, ...] = (), *, plural: bool = False, named: bool = True
) -> tuple[Thing, ...]:
    """Things written as "umbrella 把雨伞": English, then the measure word (one character) and the Chinese noun."""
    words = (thing.rsplit(" ", 1) for thing in text.split(", "))
    return tuple(Thing(english, zh[1:], zh[0], plural, adjectives, named) for english, zh in words)


PORTABLE = _things(
    "umbrella 把雨伞, bag 个包, hat 顶帽子, scarf 条围巾, notebook 个笔记本, phone 部手机, wallet 个钱包, watch 块手表,"
    " jacket 件外套, camera 台相机, pen 支钢笔, book 本书, water bottle 个水壶, key ring 个钥匙扣",
    _COLOURS + _AGES,
) + _things("glasses 副眼镜, gloves 副手套, trainers 双运动鞋", _COLOURS, plural=True)  # fmt: skip
GIFTS = _things(
    "scarf 条围巾, vase 个花瓶, teapot 把茶壶, hat 顶帽子, cup 个杯子, sweater 件毛衣, pen 支钢笔, lamp 盏台灯,"
    " music box 个音乐盒, photo album 本相册, clock 个闹钟, bag 个包", _COLOURS,
) + _things("slippers 双拖鞋, gloves 副手套", _COLOURS, plural=True)  # fmt: skip
GOODS = _things(
    "lamp 盏台灯, radio 台收音机, camera 台相机, bicycle 辆自行车, guitar 把吉他, chair 把椅子, clock 个闹钟,"
    " watch 块手表, kettle 个烧水壶, fan 台电风扇, suitcase 个箱子, toy car 辆玩具车", _COLOURS,
)  # fmt: skip
MACHINES = _things(
    "computer 台电脑, washing machine 台洗衣机, radio 台收音机, television 台电视机, fridge 台冰箱,"
    " printer 台打印机, coffee machine 台咖啡机, clock 个挂钟, fan 台电风扇", _AGES,
)  # fmt: skip
LOADS = _things(
    "suitcase 个箱子, box 个纸箱, table 张桌子, carpet 块地毯, basket 个篮子, mirror 面镜子, bookcase 个书架,"
    " drum 面鼓",
    _SIZES,
)  # fmt: skip
ANIMALS = _things("cat 只猫, dog 条狗, rabbit 只兔子, parrot 只鹦鹉, goat 只山羊, duck 只鸭子", _COATS)
INSTRUMENTS = _things(
    "violin 把小提琴, guitar 把吉他, flute 支长笛, clarinet 支单簧管, trumpet 把小号, cello 把大提琴", _AGES
)
VEHICLES = _things("train 列火车, high-speed train 列高铁, bus 辆大巴, plane 架飞机")
DISHES = _things(
    "tomato soup 碗西红柿汤, fried rice 盘炒饭, roast chicken 只烤鸡, vegetable curry 盘蔬菜咖喱,"
    " apple cake 个苹果蛋糕, mushroom pizza 个蘑菇比萨, sweet and sour fish 盘糖醋鱼",
) + _things("dumplings 盘饺子, beef noodles 碗牛肉面, pancakes 盘煎饼, spring rolls 盘春卷", plural=True)
PLANTS = _things(
    "apple trees 棵苹果树, roses 棵玫瑰, tulips 棵郁金香, sunflowers 棵向日葵, lemon trees 棵柠檬树,"
    " tomato plants 棵西红柿, cherry trees 棵樱桃树, cabbages 棵白菜", plural=True,
)  # fmt: skip
CONTESTS = _things(
    "chess tournament 场象棋比赛, singing contest 场歌唱比赛, drawing contest 场绘画比赛, dance contest 场舞蹈比赛,"
    " cooking contest 场烹饪比赛, photo contest 场摄影比赛, general knowledge quiz 场知识竞赛,"
    " reading contest 场朗读比赛",
    named=False,
)  # fmt: skip
SKILLS = _things(
    "to play the piano 种弹钢琴, to play the flute 种吹长笛, to speak French 种说法语, to dance 种跳舞,"
    " to paint 种画画, to play chess 种下象棋, to sew 种缝衣服, to sing 种唱歌, to juggle 种抛球,"
    " to write poems 种写诗",
    named=False,
)  # fmt: skip
