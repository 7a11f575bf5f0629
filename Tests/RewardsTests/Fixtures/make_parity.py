"""Writes parity.json: what rouge-score, nltk, jiwer and mathruler say of seeded and chosen texts.

Needs rouge-score, jiwer and mathruler; run it in this folder.
"""
import json
import random

import jiwer
from mathruler.grader import grade_answer
from nltk.stem import porter
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


def sentence(low, high):
    return " ".join(random.choice(WORDS) for _ in range(random.randint(low, high)))


def changed(text):
    words = [w for w in text.split() if random.random() > 0.2]
    for _ in range(random.randint(0, 4)):
        words.insert(random.randint(0, len(words)), random.choice(WORDS))
    return " ".join(words)


texts = [("", "word"), ("word", ""), ("", ""), ("same words", "same words"), ("The CAT's pyjamas!", "the cats pyjama"),
         ("Ünïcode café naïve", "unicode cafe naive"), ("a b c d", "d c b a"), ("one two", "one two three four five six")]
for _ in range(40):
    reference = sentence(1, 25)
    texts.append((changed(reference), reference))

scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
rouge = [{"text": t, "reference": r, "scores": [scorer.score(r, t)[k].fmeasure for k in ("rouge1", "rouge2", "rougeL")]}
         for t, r in texts]
wer = [{"text": t, "reference": r, "rate": float(jiwer.wer(reference=r, hypothesis=t))} for t, r in texts]

# Answers and solutions on which this grader and mathruler agree. MathEqualityTests states where they differ, and why.
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
math = [{"answer": a, "solution": s, "equal": bool(grade_answer(a, s))} for a, s in PAIRS]

stemmer = porter.PorterStemmer()
stems = [{"word": w, "stem": stemmer.stem(w)} for w in STEMS]
with open("parity.json", "w") as file:
    json.dump({"stems": stems, "rouge": rouge, "wer": wer, "math": math}, file, indent=0, ensure_ascii=False)
