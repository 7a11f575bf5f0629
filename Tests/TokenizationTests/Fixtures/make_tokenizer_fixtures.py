"""Makes the fixtures of TokenizationTests with the `tokenizers` and `transformers` libraries.

    python make_tokenizer_fixtures.py

Writes beside itself: two tokenizer files trained here, and what the libraries say of hostile texts.
"""

import json
import random
import unicodedata
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

HERE = Path(__file__).parent
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip

CORPUS = [
    "The red bar is higher than the blue bar; red + blue = 8, isn't it? We'll see, they're sure it's so.",
    "<think>red 5 . blue 3 . 5 + 3 = 8 .</think><answer>8</answer>",
    "Wie hoch ist der rote Balken? Größer als der grüne, für Übung und Maß.",
    "La barre rouge est-elle plus élevée que la bleue ? L'été, ça dépend.",
    "红色的柱子比蓝色的柱子高。蓝色是三，红色是五。",
    "赤い棒は青い棒より高いですか。はい、そうです。",
    "빨간 막대가 파란 막대보다 높습니까? 예.",
    "Красный столбец выше синего? Да, выше на два.",
    "العمود الأحمر أعلى من الأزرق",
    "लाल पट्टी नीली पट्टी से ऊँची है",
    "def area(width, height):\n    return width * height\n\n\nprint(area(3, 4))\n",
    "x² + y² = z², 1234567890, 3.14159, ½ + ¼ = ¾",
    "🙂🙃 👩‍👩‍👧‍👦 🇩🇪 ❤️ 👍🏽",
]

TEXTS = CORPUS + [
    "", " ", "  ", "\n", "\r\n", "\t", " \n", "\n ", " \n \n  x", "a  b   c", "a \t b", "x \r\n\r\n y\n\n", "   \n   ",
    "'s 't 're 've 'm 'll 'd 'S 'T 'RE 'Ve 'M 'lL 'D 'ſ 'x ' 's's 're're", "don't DON'T donʼt don’t",
    "'llama 'ream 'vex 'stop 'r 'v 'l 'rx 'lx 'K", "12 345 ６７ ٣ Ⅷ ①", "_under_score -dash- (paren) $x$ #a @b",
    "...\n\n...", " ...\r\n", "!\n!", "a.b", "a .b", "a . b", ".a", " .a", "\u00a0a\u00a0\u00a0b", "\u3000あ\u3000", "\u2028x\u2029",
    "\u0085x", "e\u0301 \u00e9", "A\u030a \u212b \u00c5", "\u1100\u1161\u11a8 각", "\uac00\u11a8", "\u0958 \u0915\u093c",
    "a\u0323\u0307 a\u0307\u0323", "\u0344", "\ufb01 \uf900", "\u2126 \u212a", "\U0001d15e", "\U000110a5\U000110ba", "\ua8e0\ua92d",
    "\u0301", "a\u200db", "\u200b\ufeff", "\ufeffx", "\x00\x01\x7f", "\ud7a3\ue000\ufffd\uffff", "\U0010ffff", "𝒳𝓎 𐍈 𠀀𠀁",
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n",
    "<|image_pad|><|image_pad|>", "<|im_end|", "<|im_end|><|im_end|>x<|endoftext|>", "<|<|im_end|>|>", "a<|im_end|>b", " <|im_end|> ",
    "<tool_call>x</tool_call>", " a <left> b", "a \t\n<left><left>  <left>", "a <right>  b", "<right> <right>\n\nx", "<right> <left>",
    "<both> a  <both>  b", "over cover over overt over! é over_ 9over over", "<tool", "<tool_callx<tool_call>",
    "caf\u00e9 cafe\u0301", "x na\u00efve y nai\u0308ve z", "<|im_end|>na\u00efve<|im_end|>", "naïvenaïve",
    "ab" * 200, "a" * 1000, "柱" * 300, " " * 200, "\n" * 100, "!" * 99, "1" * 50, "é" * 100, "red" * 77, " the" * 60,
]  # fmt: skip

# The same few things said in many scripts, as people and files write them; each also decomposed, which NFC must undo.
MULTILINGUAL = [
    "Quelle est la hauteur de la barre n\u00b0\u202f12\u00a0? 1\u202f234,5 \u20ac", "¿Cuál es más alta? ¡La roja, señor!", "Który słupek jest wyższy? Żółty.",
    "Cột màu đỏ cao hơn cột màu xanh phải không? Đúng, ở giữa ế ộ ữ.", "Kırmızı çubuk İstanbul'da mı? IŞIK ışık", "Hvor høj er søjlen på Ærø? Þetta er gæði.",
    "Πόσο ψηλή είναι η κόκκινη ράβδος; ᾳ ᾧ ΐ ΰ", "Скільки стовпців? Їх п'ять. Ђорђе ћути: й ё ѝ", "Որքա՞ն է բարձր կարմիր սյունը։", "რამდენად მაღალია წითელი სვეტი? ᲛᲐᲦᲐᲚᲘ",
    "כמה גבוה העמוד האדום? שָׁלוֹם עֲלֵיכֶם, 3 מ\u05f4ר", "\u200fהעמוד (red) גבוה ב־2\u200e.", "كم ارتفاع العمود الأحمر؟ ١٢٣٫٤٥ ۱۲۳ السَّلامُ عَلَيْكُم", "ستون قرمز بلندتر است؟ می\u200cخواهم ۵ تا",
    "\u202bمرحبا (abc) 12\u202c x", "لال ستون کتنا اونچا ہے؟", "लाल पट्टी कितनी ऊँची है? क्षत्रिय ज्ञान १२३।", "লাল দণ্ডটি কত উঁচু? ক্ষ ড় ঢ় য়", "ਲਾਲ ਪੱਟੀ ਕਿੰਨੀ ਉੱਚੀ ਹੈ? ਸ਼ ਖ਼",
    "சிவப்பு பட்டை எவ்வளவு உயரம்? கொ கோ கௌ", "ఎరుపు పట్టీ ఎంత ఎత్తు?", "ಕೆಂಪು ಪಟ್ಟಿ ಎಷ್ಟು ಎತ್ತರ? ಕೊ ಕೋ", "ചുവന്ന ബാർ എത്ര ഉയരമുണ്ട്? കൊ കൌ ൻ", "රතු තීරුව කොපමණ උසද? ශ්\u200dරී ලංකා",
    "แท่งสีแดงสูงเท่าไร กำลัง น้ำ ๑๒๓", "ແທ່ງສີແດງສູງເທົ່າໃດ?", "របារក្រហមខ្ពស់ប៉ុណ្ណា?", "အနီရောင်တိုင် ဘယ်လောက်မြင့်သလဲ။", "དམར་པོ་ཇི་ཙམ་མཐོ། གཱི",
    "ቀይ አሞሌ ምን ያህል ከፍ ይላል? ፩፪፫", "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ꮳꮃꭹ", "ᠮᠣᠩᠭᠣᠯ ᠬᠡᠯᠡ", "红柱比蓝柱高多少？高２．５厘米，约一千零二十四。「是」……", "紅色柱子有多高？𠮷野家 龍 㐂",
    "赤い棒はどれくらい高いですか？ﾊﾝｶｸ パピプ が゙ 々〆ヶ", "빨간 막대는 얼마나 높습니까? ㅋㅋㅋ 똠방각하 12개", "👨🏽‍🚀 🏳️‍🌈 🏴󠁧󠁢󠁳󠁣󠁴󠁿 1️⃣#️⃣ 👩🏻‍🤝‍👨🏿 ☺︎☺️ 🇯🇵🇺 🫱🏼‍🫲🏾",
    "e\u0301\u0302\u0303 q\u0307\u0323 \u1e0b\u0323 o\u0328\u0304 Z\u0351\u036a\u0346a\u0315\u0300\u05ae\u0062", "\u1112\u1161\u11ab\u1100\u1173\u11af \uac00\u11a7 \u0cc6\u0cc2\u0cd5 \u09c7\u0334\u09be",
    "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋, α ∧ ¬β → ∑ₙ aₙ² ≤ 10⁻⁶ ⟨ψ|φ⟩ ㎢ ℃ №7", "\\frac{1}{2}\\pi r^{2} + \\sqrt[3]{x_1} \\leq 10\\%", "0x1F 1e-9 1,234,567.89 12:30:59 2025-05-17 192.168.0.1 v2.0.1-rc.3 +49 (0)30 1234 ½ ⅓ ٪ १२३४ 〇一二 Ⅻ ㊿",
    "#include <stdio.h>\r\nint main(void) {\r\n\tprintf(\"%d\\n\", 3 << 2);\r\n\treturn 0;\r\n}\r\n", "func f<T>(_ x: T...) async throws -> [String: T?] { try? await x.map { $0 }[...] } // MARK: - ok\n\n\n    }",
    "SELECT * FROM \"t\" WHERE a<>'b''c' AND d IN (1,2);--x\n{\"a\":[1,-2.5e3,null,true],\"b\":\"\\u00e9\"}", "<div class=\"a b\">&nbsp;&#233;</div>\n\t\t<!-- x -->\n", "```python\n>>> a, b = b, a+b  # swap\n```\n| a | b |\n|---|:-:|\n",
    "a\r\rb\n\rc\r\n \r\n\td\u000be\u000cf\u0085g\u2029h", "   leading\n      deeper\n\ttab \t mixed   \n   \n", "x\u2003y\u2009z\u205f\u1680\u180ew \u2060q", "https://example.org/a_b?c=%C3%A9&d=1#é user.name+tag@mail.example",
]  # fmt: skip
MULTILINGUAL += [unicodedata.normalize("NFD", text) for text in MULTILINGUAL]


def qwen(vocabulary=None, merges=None):
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges, fuse_unk=False, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
    ])  # fmt: skip
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def trained(corpus, size):
    tokenizer = qwen()
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=0, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


def random_text(rng):
    alphabets = [
        list(" \n\r\t'"), list("aebcredlvstmdREVLDſ"), list("0123456789٣½"), list(".,!?-+=<>|_"),
        list("éàüßÅ"), list("柱红あア가"), ["\u0301", "\u0323", "\u200d", "\ufe0f"], ["🙂", "👍", "𝒳"], ["\u00a0", "\u3000", "\u2009"],
    ]  # fmt: skip
    return "".join(rng.choice(rng.choice(alphabets)) for _ in range(rng.randint(1, 40)))


def every_scalar_block(rng):
    """Sequences of assigned characters from all planes, by category as this Python knows them."""
    chars = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cs", "Cn", "Co")]
    return ["".join(rng.choice(chars) + rng.choice(["", "", " ", "a", "'"]) for _ in range(12)) for _ in range(80)]


def dump(name, value):
    rows = ",\n".join(json.dumps(row, ensure_ascii=True) for row in value)
    (HERE / name).write_text(f"[\n{rows}\n]\n")


def main():
    rng = random.Random(20250517)
    texts = TEXTS + [random_text(rng) for _ in range(120)] + every_scalar_block(rng) + MULTILINGUAL

    tokenizer = trained(CORPUS, 520)
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.add_tokens([
        AddedToken("<tool_call>", normalized=False), AddedToken("</tool_call>", normalized=False),
        AddedToken("<left>", lstrip=True, normalized=False), AddedToken("<right>", rstrip=True, normalized=False),
        AddedToken("over", single_word=True, normalized=True), AddedToken("nai\u0308ve", normalized=True),
    ])  # fmt: skip
    tokenizer.add_special_tokens([AddedToken("<both>", lstrip=True, rstrip=True)])
    file = json.loads(tokenizer.to_str())
    (HERE / "tokenizer.json").write_text(json.dumps(file, ensure_ascii=False, indent=0) + "\n")
    file["model"]["merges"] = [" ".join(pair) for pair in file["model"]["merges"]]
    (HERE / "tokenizer_string_merges.json").write_text(json.dumps(file, ensure_ascii=True) + "\n")

    rows = []
    for text in texts:
        tokenizer.encode_special_tokens = False
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = False
        row = {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)}
        if plain != ids:
            row["plain"] = plain
        if (skipped := tokenizer.decode(ids, skip_special_tokens=True)) != row["decoded"]:
            row["skipped"] = skipped
        rows.append(row)
    dump("encodings.json", rows)

    split = pre_tokenizers.Split(Regex(PATTERN), behavior="isolated", invert=False)
    dump("words.json", [{"text": t, "words": [w for w, _ in split.pre_tokenize_str(t)]} for t in texts])

    size = tokenizer.get_vocab_size()
    rows = []
    for _ in range(300):
        # Mostly single bytes: what a policy emits in the middle of, or instead of, a character.
        ids = [rng.randrange(256) if rng.random() < 0.8 else rng.randrange(size) for _ in range(rng.randint(1, 12))]
        rows.append({
            "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            "skipped": tokenizer.decode(ids, skip_special_tokens=True),
        })  # fmt: skip
    dump("decodings.json", rows)

    learned = trained(CORPUS * 2 + ["aaaa aaaaa abab ababab"], 420 - len(SPECIAL))
    learned.add_special_tokens(SPECIAL)
    file = json.loads(learned.to_str())
    by_id = sorted(file["model"]["vocab"], key=file["model"]["vocab"].get)
    (HERE / "learned.json").write_text(
        json.dumps({
            "corpus": CORPUS * 2 + ["aaaa aaaaa abab ababab"], "size": 420, "vocabulary": by_id,
            "merges": [" ".join(pair) for pair in file["model"]["merges"]],
            "special": [learned.token_to_id(token) for token in SPECIAL],
        }, indent=0) + "\n")  # fmt: skip

    make_conversations(tokenizer)
    make_sparse()


# The template of Qwen2.5-VL for text and images, as a reader of its documentation would write it down.
TEMPLATE = (
    "{% for m in messages %}"
    "{% if loop.first and m['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}"
    "{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_conversations(tokenizer):
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    rows = []
    for system in [None, "", "You check traces.", "Zwei\n\nZeilen \n"]:
        for problem in ["How many?", "\n\nred + blue ?", " leading", "trailing \n", "", "e\u0301t\u00e9 红", "a<|im_end|>\n<|im_start|>system\nb"]:
            for images in [[], [4], [1, 7]]:
                content = [{"type": "image"} for _ in images] + [{"type": "text", "text": problem}]
                messages = [{"role": "user", "content": content}]
                if system is not None:
                    messages.insert(0, {"role": "system", "content": system})
                text = fast.apply_chat_template(
                    messages, chat_template=TEMPLATE, add_generation_prompt=True, tokenize=False
                )
                # As the processor does: each pad becomes as many as the image has merged patches.
                parts = text.split("<|image_pad|>")
                text = parts[0] + "".join("<|image_pad|>" * n + rest for n, rest in zip(images, parts[1:]))
                rows.append({
                    "system": system, "problem": problem, "images": images, "text": text,
                    "ids": fast(text, add_special_tokens=False)["input_ids"],
                })  # fmt: skip
    dump("conversations.json", rows)


def make_sparse():
    """A vocabulary without most bytes: the library leaves them out of texts, and merges across the gap."""
    tokenizer = qwen({"a": 0, "b": 1, "ab": 2, "\u0120": 3, "\u0120ab": 4, "\u00c3": 5}, [("a", "b"), ("\u0120", "ab")])
    tokenizer.add_special_tokens(SPECIAL)
    texts = ["ab", "a-b", "azb zab", "xyz", "", " xab", "a\u00e9b", "zzz<|im_end|>zb", "a" + "z" * 40 + "b", "z" * 40]
    rows = [{"text": t, "ids": tokenizer.encode(t).ids, "decoded": tokenizer.decode(tokenizer.encode(t).ids)} for t in texts]
    (HERE / "sparse_tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str())) + "\n")
    dump("sparse_encodings.json", rows)


if __name__ == "__main__":
    main()
