"""Names and words that no one has seen: what a look-up must copy rather than remember.

Made-up words fall into two classes by their checksum; the test's class never occurs in training.
"""

import random
import zlib

ONSETS = "b bl br c cl cr d dr f fl fr g gl gr h j k kl l m n p pl pr qu r s sk sl sm sn sp st t tr v w y z ch sh th".split()
VOWELS = "a e i o u a e i o ai ea ou oo".split()
CODAS = ["", "", "", "n", "r", "l", "m", "s", "t", "d", "k", "x", "nd", "rt", "st", "ck", "ng", "lf"]
PEOPLE = """Ana Bo Chen Dara Eli Fatima Goran Hana Ivo Jun Kofi Lena Mila Noor Omar Pia Quinn Rosa Sami Tara Uma Vik Wen Xeno Yara Zoe Ada Ben
Cleo Dion Emre Faye Gita Hugo Iris Jonas Kira Leo Maya Nils Olga Pavel Rita Sven Tomas Ulla Vera Wanda Yusuf Zara""".split()
PLACES = "Paris Oslo Lima Cairo Tokyo Rome Quito Delhi Accra Berlin Madrid Sofia Seoul Perth Boston Dakar Turin Bergen Lagos Hanoi Kyoto Porto".split()
COLOURS = "red blue green yellow purple orange white black teal pink grey brown".split()
FOODS = "noodles bread mangoes soup rice cheese olives pancakes curry salad dates plums".split()
QUALITIES = "tiny swift calm bright north green amber quiet lunar solar river stone cedar delta prime nova soft rapid early round plain deep".split()
THINGS = """owl fox wolf lynx crane otter digit price risk mail leaf wave spark atlas orbit harbor reader sorter parser chart voice scan route
weather signal ledger garden engine filter router mapper bridge kernel lantern""".split()
SAMPLES = ("base/digits", "plus/digits", "clinic/tumour", "freehold/chat")
LICENCES = ("Apache-2.0", "MIT", "CC-BY-4.0", "BSD-3", "proprietary")
TEST_CLASS = 0
CLASSES = 8


class Words:
    """Draws from one random stream; `test` draws only made-up words that training never shows, otherwise never those."""

    def __init__(self, stream: random.Random, test: bool = False) -> None:
        self.stream = stream
        self.test = test

    def made_up(self) -> str:
        pick = self.stream.choice
        while True:
            parts = self.stream.choice((2, 2, 2, 3, 1))
            word = "".join(pick(ONSETS) + pick(VOWELS) for _ in range(parts)) + pick(CODAS)
            if len(word) > 3 and (zlib.crc32(word.encode()) % CLASSES == TEST_CLASS) == self.test:
                return word

    def person(self) -> str:
        return self.made_up().capitalize() if self.test or self.stream.random() < 0.5 else self.stream.choice(PEOPLE)

    def place(self) -> str:
        return self.made_up().capitalize() if self.test or self.stream.random() < 0.5 else self.stream.choice(PLACES)

    def thing(self) -> str:
        return self.made_up() if self.test or self.stream.random() < 0.4 else self.stream.choice(THINGS)

    def phrase(self) -> str:
        """One to three words that can be looked for."""
        kind = self.stream.random()
        if kind < 0.4:
            return self.thing()
        if kind < 0.8:
            return f"{self.stream.choice(QUALITIES)} {self.thing()}"
        return f"{self.made_up()} {self.thing()}"

    def model(self) -> str:
        pick, chance = self.stream.choice, self.stream.random
        if not self.test and chance() < 0.12:
            return pick(SAMPLES)
        space = self.made_up() if self.test or chance() < 0.5 else pick([name.lower() for name in PEOPLE] + THINGS)
        name = self.thing() if chance() < 0.5 else f"{pick(QUALITIES)}-{self.thing()}"
        return f"{space}/{name}" + (f"-{self.stream.randint(1, 9)}" if chance() < 0.3 else "")

    def hexadecimal(self, digits: int) -> str:
        return "".join(self.stream.choice("0123456789abcdef") for _ in range(digits))

    def account(self) -> str:
        kind = self.stream.random()
        if kind < 0.3:
            return f"dev-{self.stream.randint(0, 9)}"
        if kind < 0.7:
            return self.person().lower()
        return "0x" + self.hexadecimal(40 if kind > 0.97 else self.stream.choice((4, 6, 8)))

    def amount(self) -> str:
        whole = self.stream.choice((0, self.stream.randint(0, 9), self.stream.randint(0, 99), self.stream.randint(0, 999)))
        return f"{whole}.{self.stream.randint(0, 99):02d}" if self.stream.random() < 0.8 else str(whole + 1)

    def number(self) -> int:
        return self.stream.randint(0, self.stream.choice((9, 20, 99, 99, 999, 9999)))

    def token(self) -> str:
        """Anything that a person may ask to have repeated."""
        makers = (self.made_up, self.made_up, self.person, self.thing, self.model, self.amount, lambda: self.hexadecimal(6), lambda: str(self.number()))
        return self.stream.choice(makers)()
