/// The stem of a lower-case word: Porter's algorithm (Program 14.3, 1980) with the extensions of NLTK, which ROUGE is
/// commonly computed with.
package func porterStem(_ word: String) -> String {
  var letters = UTF8Text(word.utf8)
  PorterStemmer.stem(&letters, from: 0)
  return String(decoding: letters, as: UTF8.self)
}

/// Stems the word at the end of a text in place: no stem is longer than its word.
struct PorterStemmer {
  private var letters: UTF8Text
  private let start: Int
  /// The last eight letters of the word, the very last one in the lowest byte.
  private var tail: UInt64 = 0

  private init(_ letters: UTF8Text, start: Int) {
    self.letters = letters
    self.start = start
    for index in max(start, letters.count - 8)..<letters.count { tail = tail << 8 | UInt64(letters[index]) }
  }

  /// Makes the word `letters[start...]` its stem.
  static func stem(_ letters: inout UTF8Text, from start: Int) {
    guard letters.count - start > 2 else { return }
    var stemmer = PorterStemmer(letters, start: start)
    letters = []  // so that there is one owner, and no copy
    stemmer.run(rules)
    letters = stemmer.letters
  }

  private mutating func run(_ rules: Rules) {
    if letters.count - start <= 8, let irregular = rules.irregular.first(where: { $0.word == tail }) {
      drop(letters.count - start)
      return append(irregular.stem)
    }
    dropPlural(rules)
    dropPast()
    turnY()
    shortenDoubleSuffix(rules)
    replace(rules.third) { $0.measure(upTo: $1) > 0 }
    dropSuffix(rules)
    tidyUp()
  }

  // MARK: Suffixes

  /// Up to eight letters, the last one in the lowest byte.
  @inline(__always)
  private static func packed(_ text: StaticString) -> UInt64 { text.withUTF8Buffer { $0.reduce(0) { $0 << 8 | UInt64($1) } } }

  private struct Rule {
    let suffix: UInt64
    let mask: UInt64
    let count: Int
    let replacement: StaticString

    init(_ suffix: StaticString, _ replacement: StaticString) {
      self.suffix = packed(suffix)
      count = suffix.utf8CodeUnitCount
      mask = .max >> UInt64(64 - 8 * count)
      self.replacement = replacement
    }
  }

  /// Rules of which the first that fits applies, in order, and the letters that their suffixes end in.
  private struct RuleList {
    let rules: [Rule]
    private let lastLetters: UInt32

    init(_ rules: KeyValuePairs<StaticString, StaticString>) {
      self.rules = rules.map { Rule($0.key, $0.value) }
      lastLetters = self.rules.reduce(0) { $0 | 1 << UInt32($1.suffix & 0x1F) }
    }

    func first(for tail: UInt64) -> Rule? {
      guard lastLetters >> UInt32(tail & 0x1F) & 1 == 1 else { return nil }
      for index in rules.indices where tail & rules[index].mask == rules[index].suffix { return rules[index] }
      return nil
    }
  }

  private final class Rules: Sendable {
    let irregular: [(word: UInt64, stem: StaticString)] = [
      (packed("sky"), "sky"), (packed("skies"), "sky"), (packed("dying"), "die"), (packed("lying"), "lie"),
      (packed("tying"), "tie"), (packed("news"), "news"), (packed("innings"), "inning"), (packed("inning"), "inning"),
      (packed("outings"), "outing"), (packed("outing"), "outing"), (packed("cannings"), "canning"),
      (packed("canning"), "canning"), (packed("howe"), "howe"), (packed("proceed"), "proceed"), (packed("exceed"), "exceed"),
      (packed("succeed"), "succeed"),
    ]
    let plurals = RuleList(["sses": "ss", "ies": "i", "ss": "ss", "s": ""])
    let second = RuleList([
      "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "bli": "ble", "alli": "al",
      "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al",
      "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble", "fulli": "ful",
    ])
    let third = RuleList([
      "icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": "",
    ])
    let fourth = RuleList([
      "al": "", "ance": "", "ence": "", "er": "", "ic": "", "able": "", "ible": "", "ant": "", "ement": "", "ment": "",
      "ent": "", "ion": "", "ou": "", "ism": "", "ate": "", "iti": "", "ous": "", "ive": "", "ize": "",
    ])
  }

  private static let rules = Rules()

  @inline(__always)
  private func ends(in suffix: StaticString) -> Bool {
    suffix.withUTF8Buffer { suffix in
      var expected: UInt64 = 0
      for byte in suffix { expected = expected << 8 | UInt64(byte) }
      return tail & (.max >> UInt64(64 - 8 * suffix.count)) == expected
    }
  }

  private mutating func drop(_ count: Int) {
    letters.removeLast(count)
    tail = 0
    for index in max(start, letters.count - 8)..<letters.count { tail = tail << 8 | UInt64(letters[index]) }
  }

  private mutating func append(_ suffix: StaticString) {
    suffix.withUTF8Buffer { suffix in
      for byte in suffix {
        letters.append(byte)
        tail = tail << 8 | UInt64(byte)
      }
    }
  }

  /// Applies the first rule whose suffix fits if the stem up to it meets the condition, and no other.
  @inline(__always)
  private mutating func replace(_ rules: RuleList, if condition: (PorterStemmer, Int) -> Bool) {
    guard let rule = rules.first(for: tail), condition(self, letters.count - rule.count) else { return }
    drop(rule.count)
    append(rule.replacement)
  }

  // MARK: Conditions

  private static func isVowel(_ letter: UInt8) -> Bool {
    switch letter {
    case UInt8(ascii: "a"), UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "o"), UInt8(ascii: "u"): true
    default: false
    }
  }

  /// What the letters up to `end` are: m of [C](VC){m}[V], whether there is a vowel, and which of the last three are consonants.
  ///
  /// A consonant is not a, e, i, o or u, and not a y behind a consonant.
  private func shape(upTo end: Int) -> (measure: Int, hasVowel: Bool, lastConsonants: UInt8) {
    var (measure, hasVowel, last) = (0, false, UInt8(0))
    for index in start..<end {
      let letter = letters[index]
      let isConsonant = letter == UInt8(ascii: "y") ? last & 1 == 0 || index == start : !Self.isVowel(letter)
      if isConsonant, index > start, last & 1 == 0 { measure += 1 }
      hasVowel = hasVowel || !isConsonant
      last = last << 1 | (isConsonant ? 1 : 0)
    }
    return (measure, hasVowel, last)
  }

  private func measure(upTo end: Int) -> Int { shape(upTo: end).measure }

  private func endsInConsonant(upTo end: Int) -> Bool { end > start && shape(upTo: end).lastConsonants & 1 == 1 }

  /// The condition *o, and for two letters vowel and consonant.
  private func endsShort(upTo end: Int) -> Bool {
    let consonants = shape(upTo: end).lastConsonants
    if end - start == 2 { return consonants & 0b11 == 0b01 }
    guard end - start >= 3, consonants & 0b111 == 0b101 else { return false }
    return ![UInt8(ascii: "w"), UInt8(ascii: "x"), UInt8(ascii: "y")].contains(letters[end - 1])
  }

  // MARK: Steps

  /// Step 1a.
  private mutating func dropPlural(_ rules: Rules) {
    if ends(in: "ies"), letters.count - start == 4 { return drop(1) }
    replace(rules.plurals) { _, _ in true }
  }

  /// Step 1b.
  private mutating func dropPast() {
    if ends(in: "ied") { return drop(letters.count - start == 4 ? 1 : 2) }
    if ends(in: "eed") {
      if measure(upTo: letters.count - 3) > 0 { drop(1) }
      return
    }
    let count = ends(in: "ed") ? 2 : ends(in: "ing") ? 3 : 0
    guard count > 0, shape(upTo: letters.count - count).hasVowel else { return }
    drop(count)
    let end = letters.count
    if ends(in: "at") || ends(in: "bl") || ends(in: "iz") {
      append("e")
    } else if end - start >= 2, letters[end - 1] == letters[end - 2], endsInConsonant(upTo: end) {
      if ![UInt8(ascii: "l"), UInt8(ascii: "s"), UInt8(ascii: "z")].contains(letters[end - 1]) { drop(1) }
    } else if measure(upTo: end) == 1, endsShort(upTo: end) {
      append("e")
    }
  }

  /// Step 1c: y behind a consonant becomes i, but not in a word of two letters.
  private mutating func turnY() {
    let last = letters.count - 1
    guard ends(in: "y"), last - start > 1, endsInConsonant(upTo: last) else { return }
    drop(1)
    append("i")
  }

  /// Step 2.
  private mutating func shortenDoubleSuffix(_ rules: Rules) {
    while ends(in: "alli"), measure(upTo: letters.count - 4) > 0 { drop(2) }
    if ends(in: "logi") {
      if measure(upTo: letters.count - 3) > 0 { drop(1) }  // the l is the stem's, so that geo- works like archaeo-
      return
    }
    replace(rules.second) { $0.measure(upTo: $1) > 0 }
  }

  /// Step 4.
  private mutating func dropSuffix(_ rules: Rules) {
    let isIon = ends(in: "ion")
    replace(rules.fourth) { word, end in
      guard word.measure(upTo: end) > 1 else { return false }
      return !isIon || word.letters[end - 1] == UInt8(ascii: "s") || word.letters[end - 1] == UInt8(ascii: "t")
    }
  }

  /// Step 5.
  private mutating func tidyUp() {
    if ends(in: "e") {
      let end = letters.count - 1
      let measure = measure(upTo: end)
      if measure > 1 || (measure == 1 && !endsShort(upTo: end)) { drop(1) }
    }
    if ends(in: "ll"), measure(upTo: letters.count - 1) > 1 { drop(1) }
  }
}
