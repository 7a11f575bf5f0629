"""Writes parity.json: what rouge-score, nltk, jiwer and mathruler say of seeded and chosen texts.

Needs rouge-score, jiwer and mathruler (pip install rouge-score jiwer mathruler sympy pylatexenc tqdm); run it in this folder. Rows are lists, to
keep the file small: [word, stem], [text, reference, [three F-measures]], [text, reference, rate], [answer, solution, equal].
"""
import json
import random
import re
import signal

import jiwer
from mathruler.grader import grade_answer
from nltk.stem import porter
from pydoc_data import topics
from rouge_score import rouge_scorer

random.seed(11)

STEMS = """
caresses ponies ties caress cats feed agreed plastered bled motoring sing conflated troubled sized hopping tanned falling hissing
fizzed failing filing happy sky skies relational conditional rational valenci hesitanci digitizer conformabli radicalli differentli
vileli analogousli vietnamization predication operator feudalism decisiveness hopefulness callousness formaliti sensitiviti
sensibiliti triplicate formative formalize electriciti electrical hopeful goodness revival allowance inference airliner gyroscopic
adjustable defensible irritant replacement adjustment dependent adoption homologou communism activate angulariti homologous
effective bowdlerize probate rate cease controll roll dies died flies spied tied lying dying news innings proceed exceed succeed
enjoy enjoyment spy fly try tries tried by say play playing played geology theology archaeology biology logi generalization
generalizations oscillators triangles reasoning readings reading charts chart percentages increasing decreased largest smaller
bigger values showing shows shown yyyy yyyyes syzygy 2024s 3d x123ing fully gratefully beautifully really finally allied rallied
bally ali eed seed need ing bing ied vied ss s es ies mess messes buzzes buzzed using used uses oats trees troubles private
oaten orrery ivy tree aeiou bcdfg queueing rowing boxing snowed fixed eying ageing logic logical logically ational izer ator
""".split()

WORDS = """the a chart shows rising sales of red and blue cars in 2019 while total production was falling by 12 percent each year
because companies were reducing operations generally hopeful analysts expected relational changes, however; it isn't clear""".split()

SUFFIXES = """s es ies sses ss ed eed ied ing y ational tional enci anci izer bli alli entli eli ousli ization ation ator alism iveness
fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance ence er ic able ible ant ement ment ent
ion sion tion ou ism ate iti ous ive ize e ll le bl at iz""".split()
SYLLABLES = "b ca tr oy y ee ing st l ll zz w x ay qu io on er th ab".split()


def sentence(low, high, words=WORDS):
    return " ".join(random.choice(words) for _ in range(random.randint(low, high)))


def changed(text, words=WORDS):
    kept = [w for w in text.split() if random.random() > 0.2]
    for _ in range(random.randint(0, 4)):
        kept.insert(random.randint(0, len(kept)), random.choice(words))
    return " ".join(kept)


# Words

prose = sorted(set(re.findall(r"[a-z]+", " ".join(topics.topics.values()).lower())))
stem_words = list(STEMS) + random.sample(prose, 1500)
for _ in range(1500):
    stem_words.append("".join(random.choice(SYLLABLES) for _ in range(random.randint(0, 4))) + random.choice(SUFFIXES))
stem_words = sorted({w for w in stem_words if w})

# Texts

texts = [("", "word"), ("word", ""), ("", ""), ("same words", "same words"), ("The CAT's pyjamas!", "the cats pyjama"),
         ("Ünïcode café naïve", "unicode cafe naive"), ("a b c d", "d c b a"), ("one two", "one two three four five six"),
         ("\u212aelvin \u212a", "kelvin k"), ("\u0130stanbul", "i stanbul"), ("e\u0301t\u00e9", "\u00e9te\u0301"),
         ("don't", "dont"), ("x_1 = 3.5", "x 1 3 5"), ("😀 smile 😀", "smile"), ("\u4e2d\u6587 text", "text \u4e2d\u6587"),
         ("a " * 70, "a " * 64), ("a b " * 40, "b a " * 33), ("\u00df STRASSE", "ss strasse"), (".", "?!"), ("-", "-"),
         ("ＦＵＬＬ width", "full width"), ("\u0000 a", "a \u0000"), ("running runs ran", "run runner running")]
for _ in range(150):
    reference = sentence(1, 25)
    texts.append((changed(reference), reference))
for _ in range(120):
    reference = sentence(3, 30, prose)
    texts.append((changed(reference, prose), reference))
for _ in range(30):  # beyond one machine word of an alignment
    few = random.sample(WORDS, random.choice([2, 5, 20]))
    texts.append((sentence(1, 200, few), sentence(50, 200, few)))
PIECES = ["a", "B", "cat", "Cat's", "\u00e9", "e\u0301", "\u0301", "😀", "\u212a", "3.5", "10%", "\u4e2d", "-", ".", "--", "x", "running", "\u200b", "\\frac"]
for _ in range(80):
    texts.append((" ".join(random.choices(PIECES, k=random.randint(0, 12))), " ".join(random.choices(PIECES, k=random.randint(1, 12)))))

scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
rouge = [[t, r, [scorer.score(r, t)[k].fmeasure for k in ("rouge1", "rouge2", "rougeL")]] for t, r in texts]
SPACED = [("a  b", "a b"), (" a b ", "a b"), ("a\nb", "a b"), ("a\tb", "a b"), ("a \n b", "a b"), ("a\u00a0b", "a b"), ("\n", "a")]
wer = [[t, r, float(jiwer.wer(reference=r, hypothesis=t))] for t, r in texts + SPACED if r.strip()]

# Answers. Some that are real-looking, each in several notations; then others like them; then hostile ones.

PAIRS = [
    ("42", "42"), ("42", "43"), (" 42 ", "42"), ("42.0", "42"), ("1,234", "1234"), ("1,234,567", "1234567"), ("0.5", ".5"),
    ("-3", "3"), ("- 3", "-3"), ("1/2", "\\frac{1}{2}"), ("\\frac12", "\\frac{1}{2}"), ("\\dfrac{1}{2}", "\\frac{1}{2}"),
    ("0.5", "1/2"), ("0.5", "\\frac{1}{2}"), ("50%", "50"), ("50\\%", "50"), ("12%", "13%"), ("$5", "5"), ("\\$5", "5"),
    ("5 cm", "5"), ("30^\\circ", "30"), ("30^{\\circ}", "30"), ("30 degrees", "30"), ("x=5", "5"), ("x = 5", "5"),
    ("7 3/4", "7.75"), ("7\\frac{3}{4}", "7.75"), ("\\sqrt{2}", "sqrt(2)"), ("\\sqrt{8}", "2\\sqrt{2}"), ("\\sqrt{8}", "2"),
    ("2\\pi", "2\\pi"), ("\\pi/2", "\\frac{\\pi}{2}"), ("2\\pi", "6.28"), ("(1,2)", "(1,2)"), ("(1, 2)", "(1,2)"),
    ("(1,2)", "(2,1)"), ("[1,2)", "(1,2)"), ("[1,2)", "[1,2)"), ("(1/2, 3)", "(0.5,3)"), ("3/5", "3/6"), ("0.333", "1/3"),
    ("3.14", "\\pi"), ("\\text{7}", "7"), ("\\frac{2}{3}", "2/3"), ("-\\frac{2}{3}", "-2/3"), ("2x+1", "1+2x"),
    ("x^2", "x*x"), ("(x+1)(x-1)", "x^2-1"), ("x+1", "x+2"), ("yes", "no"), ("yes", "Yes"),
    ("", "5"), ("five", "5"), ("1e3", "1000"), ("100", "1e3"), ("\\left(1,2\\right)", "(1,2)"), ("10", "10."),
]
# One value a line, in notations of it.
VALUES = r"""
42 | 42.0 | 42. | $42 | \$42 | x=42 | x = 42 | 42 cm | 42\text{ cm} | 42% | 42\% | \text{42} | 84/2 | 42^\circ | 42 degrees | +42
-7 | - 7 | -7.0 | −7 | $-7$ | x=-7 | -14/2 | -\frac{14}{2}
0 | 0.0 | -0 | 0.00 | 0/5 | 0%
1234 | 1,234 | 1{,}234 | 1234.0 | 1,\!234 | 1 234 | \$1,234 | 1234.00
1234567 | 1,234,567 | 1,\!234,\!567 | 1234567.0
1000 | 10^3 | 10^{3} | 1e3 | 1,000 | 1\times 10^3 | 1 thousand | 1000.000
0.5 | .5 | 1/2 | \frac{1}{2} | \frac12 | \dfrac{1}{2} | 0.50 | \tfrac{1}{2} | 50% | \frac{2}{4} | 2/4 | 5/10 | 2^{-1}
0.75 | 3/4 | \frac{3}{4} | \frac34 | 75\% | .75 | 0.7500 | 6/8
1/3 | \frac{1}{3} | \frac13 | \dfrac13 | 2/6 | 0.333
-2/3 | -\frac{2}{3} | \frac{-2}{3} | -\dfrac{2}{3} | \frac{2}{-3} | - 2/3
7.75 | 7 3/4 | 7\frac{3}{4} | 31/4 | \frac{31}{4} | 7\frac34
2.5 | 5/2 | 2 1/2 | 2\frac{1}{2} | \frac{5}{2} | 2.50 | 250%
3.14 | 3.140 | 314/100 | \frac{157}{50}
\pi | π | 1\pi | \pi{} | pi
2\pi | 2π | 2 \pi | 2\cdot\pi | 2*pi | 6.28
\frac{\pi}{2} | \pi/2 | π/2 | \frac{1}{2}\pi | 0.5\pi | \frac\pi2
\frac{3\pi}{4} | 3\pi/4 | \frac34\pi | 0.75\pi | \frac{3}{4}\pi
\sqrt{2} | \sqrt2 | sqrt(2) | √2 | 2^{1/2} | 2^{\frac{1}{2}} | 1.414
2\sqrt{2} | \sqrt{8} | 2\sqrt2 | 2 \sqrt{2} | 2*sqrt(2) | \frac{4}{\sqrt{2}}
\frac{\sqrt{3}}{2} | \sqrt{3}/2 | \frac{\sqrt3}{2} | \frac12\sqrt3 | 0.5\sqrt{3} | \frac{3}{2\sqrt{3}}
3+\sqrt{5} | \sqrt{5}+3 | 3 + \sqrt5 | \sqrt5 + 3
1-\sqrt{2} | 1 - \sqrt2 | -\sqrt{2}+1 | -(\sqrt{2}-1)
\frac{1+\sqrt{5}}{2} | (1+\sqrt{5})/2 | \frac12+\frac{\sqrt5}{2} | 0.5(1+\sqrt5)
\sqrt[3]{2} | 2^{1/3} | \sqrt[3]2
1024 | 2^{10} | 2^10 | 1,024 | 4^5 | 32^2
\frac{1}{8} | 2^{-3} | 1/8 | 0.125 | (1/2)^3 | \left(\frac{1}{2}\right)^3 | 12.5%
(1,2) | (1, 2) | \left(1,2\right) | (1.0,2.0) | ( 1 , 2 ) | (2/2, 2)
(-3,0.5) | (-3, 1/2) | (-3, \frac{1}{2}) | (-3.0, .5) | (-3,\frac12)
(1,2,3) | (1, 2, 3) | (1,2,3.0)
[1,2) | [1, 2) | \left[1,2\right) | [1.0,2)
[0,1] | [0, 1] | [0,1.0]
(-\infty,2] | (-\infty, 2] | \left(-\infty,2\right] | (-∞,2]
(2,\infty) | (2, \infty) | (2,∞) | (2,+\infty)
(-\infty,1)\cup(2,\infty) | (-\infty, 1) \cup (2, \infty) | (2,\infty)\cup(-\infty,1)
\{1,2,3\} | \{1, 2, 3\} | {1,2,3} | \{3,2,1\} | \left\{1,2,3\right\}
\{-1,1\} | \{1,-1\} | {-1, 1} | -1, 1 | -1 and 1 | \pm 1 | \pm1
2, 3 | 2,3 | 2 and 3 | 2 or 3 | 3, 2 | x=2 or x=3
5 cm | 5cm | 5 \text{ cm} | 5\text{ cm} | 5\,\text{cm} | 5\mathrm{cm} | 50 mm | 0.05 m | 5 centimeters | 5
120 minutes | 120 min | 2 hours | 2 h | 120
9 cm^2 | 9\text{ cm}^2 | 9 \text{ cm}^{2} | 9 square centimeters | 9 cm² | 9
3 m/s | 3\text{ m/s} | 3 meters per second | 10.8 km/h | 3
30^\circ | 30^{\circ} | 30° | 30 degrees | 30\degree | 30
$5.00 | \$5.00 | 5 dollars | \$5 | 5.00 | 500 cents
15 apples | 15 | 15 \text{ apples} | fifteen
5 million | 5,000,000 | 5000000 | 5 \times 10^6 | 5\cdot 10^{6} | 5e6
6.02\times10^{23} | 6.02 \times 10^{23} | 6.02\cdot 10^{23} | 6.02e23 | 602\times10^{21}
3:4 | 3 : 4 | 3/4
24 | 4! | 24.0 | 2\cdot 12 | 2 \times 12 | 3*8 | 48/2 | 12+12 | 30-6 | (4)(6) | 2^3\cdot 3
2x+1 | 1+2x | 2x + 1 | 2*x+1 | x+x+1 | y=2x+1
x^2-1 | (x+1)(x-1) | x^{2}-1 | -1+x^2 | x*x-1
\frac{x+1}{2} | (x+1)/2 | \frac{1}{2}(x+1) | 0.5x+0.5 | \frac{x}{2}+\frac12
\frac{a}{b} | a/b | \frac{2a}{2b}
-\frac{b}{2a} | -b/(2a) | \frac{-b}{2a}
\sin x | \sin(x) | sin(x) | \sin{x}
e^2 | e^{2} | \exp(2) | e*e
\ln 2 | \ln(2) | ln(2) | \ln{2} | 0.6931471805599453
yes | Yes | YES | \text{yes} | yes. | \text{Yes}
\text{No solution} | no solution | No Solution
blue | Blue | \text{blue} | the blue one
Monday | monday | \text{Monday}
10:30 | 10:30 AM
x>3 | x > 3 | 3<x | (3,\infty)
\emptyset | \varnothing
\infty | ∞ | infinity
-\infty | -∞
2^{3^2} | 512 | 2^9
100! | 100!
0.1 | 1/10 | \frac{1}{10} | 10% | 0.10 | 1e-1 | 10^{-1}
0.0001 | 10^{-4} | 1\times10^{-4} | 0.00010 | 1/10000 | 1e-4
99.9 | 99.90 | 999/10 | 99.9%
12345678901234567890 | 12345678901234567890.0 | 12,345,678,901,234,567,890
""".strip().splitlines()
values = [[n.strip() for n in line.split(" | ")] for line in VALUES]
HOSTILE = r"""
( | ) | (( | )) | { | } | {{1}} | \frac | \frac{1} | \frac{1}{0} | \frac{}{} | 1/0 | 0/0 | \sqrt | \sqrt{-1} | \sqrt{} | ^ | 2^ | ^2 | _ | --3 | +-3 | 1.2.3
1,2,3,4 | 1,23 | 12,34 | 1,2345 | ,5 | 5, | .. | . | - | + | * | / | % | ! | 5!! | = | x= | =5 | x==5 | NaN | nan | inf | -inf | None | null | \ | \\ | \text{ | \text{}
\text{\text{5}} | \boxed | \boxed{ | \boxed{5} | \boxed{\boxed{5}} | \left( | \right) | \left(5\right) | (5) | [5] | |5| | |-5| | 5 5 | 5 6 | 5.5.5 | 1e999 | 1e-999 | 0x10 | 1_000 | ٣ | ５ | Ⅳ | 1́
é | é | 😀 | 日本 | <b>5</b> | 5<6 | lambda | import os | __import__('os') | [x for x in y] | 'a' | "5" | f(5) | x_1 | x_{1} | 5°C | 41°F | 5 °C | 3 1/0 | 1/2/3 | 1//2 | 2**3 | 1 2 3 | a b | ab | ba
""".replace("\n", " | ").split(" | ")
hostile = [h.strip() for h in HOSTILE if h.strip()]

pairs = list(PAIRS)
for notations in values:
    first = notations[0]
    for other in notations[1:]:
        pairs.append((other, first))
        if random.random() < 0.4:
            pairs.append((first, other))
    for _ in range(2):
        pairs.append((random.choice(notations), random.choice(notations)))
for _ in range(450):  # answers to something else
    a, b = random.sample(values, 2)
    pairs.append((random.choice(a), random.choice(b)))
for _ in range(250):
    number = random.choice([random.randint(-50, 50), random.randint(1000, 10**7), round(random.uniform(-9, 9), 2)])
    other = number if random.random() < 0.5 else number + random.choice([1, -1, 10, 0.01, 0.1])
    grouped = f"{other:,}"
    pairs.append((random.choice([f"{other}", grouped, f"{other}.", f"$ {other}$", f"x = {other}", f"x={other}"]), f"{number}"))
for round in range(250):
    p, q, k = random.randint(-20, 20), random.randint(2, 20), random.choice([2, 3]) if round < 25 else 1
    notation = random.choice(["{}/{}", "\\frac{{{}}}{{{}}}", "\\dfrac{{{}}}{{{}}}"])
    pairs.append((notation.format(p * k, q * k), f"\\frac{{{p}}}{{{q}}}"))
    if round < 40:
        pairs.append((str(p / q), f"{p}/{q}"))
for h in hostile:
    pairs.append((h, random.choice(hostile)))
    pairs.append((h, "5"))
    pairs.append((h, h))
for _ in range(200):  # typing errors
    first = random.choice(random.choice(values))
    place = random.randrange(len(first) + 1)
    typed = first[:place] + random.choice(["", "", "(", ")", "{", "}", "1", ".", ",", "-", " "]) + first[place + random.randint(0, 1):]
    pairs.append((typed, first))


class TooSlow(Exception):
    pass


def alarm(*_):
    raise TooSlow()


signal.signal(signal.SIGALRM, alarm)
math, seen = [], set()
for answer, solution in pairs:
    if (answer, solution) in seen:
        continue
    seen.add((answer, solution))
    signal.alarm(5)
    try:
        equal = bool(grade_answer(answer, solution))
    except BaseException as error:  # mathruler has no opinion
        print("no verdict:", repr(answer), repr(solution), type(error).__name__)
        continue
    finally:
        signal.alarm(0)
    math.append([answer, solution, int(equal)])

stemmer = porter.PorterStemmer()
stems = [[w, stemmer.stem(w)] for w in stem_words]


def lines(rows):
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows) + "\n]"


with open("parity.json", "w") as file:
    file.write("{" + ",\n".join(f'"{name}": {lines(rows)}' for name, rows in
                                [("stems", stems), ("rouge", rouge), ("wer", wer), ("math", math)]) + "}\n")
print(len(stems), "stems", len(rouge), "rouge", len(wer), "wer", len(math), "math", sum(row[2] for row in math), "equal")
