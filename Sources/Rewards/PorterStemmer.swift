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

  /// Makes the word `letters[start...]` its stem.
  static func stem(_ letters: inout UTF8Text, from start: Int) {
    guard letters.count - start > 2 else { return }
    var stemmer = PorterStemmer(letters: letters, start: start)
    letters = []  // so that there is one owner, and no copy
    stemmer.run()
    letters = stemmer.letters
  }

  private mutating func run() {
    if let irregular = irregularStem() {
      letters.removeSubrange(start...)
      irregular.withUTF8Buffer { letters.append(contentsOf: $0) }
      return
    }
    dropPlural()
    dropPast()
    turnY()
    shortenDoubleSuffix()
    replace(Self.thirdStep) { $0.measure(upTo: $1) > 0 }
    dropSuffix()
    tidyUp()
  }

  private static let irregular: [(word: Suffix, stem: StaticString)] = [
    (Suffix("sky"), "sky"), (Suffix("skies"), "sky"), (Suffix("dying"), "die"), (Suffix("lying"), "lie"),
    (Suffix("tying"), "tie"), (Suffix("news"), "news"), (Suffix("innings"), "inning"), (Suffix("inning"), "inning"),
    (Suffix("outings"), "outing"), (Suffix("outing"), "outing"), (Suffix("cannings"), "canning"),
    (Suffix("canning"), "canning"), (Suffix("howe"), "howe"), (Suffix("proceed"), "proceed"), (Suffix("exceed"), "exceed"),
    (Suffix("succeed"), "succeed"),
  ]

  private func irregularStem() -> StaticString? {
    let count = letters.count - start
    guard count <= 8 else { return nil }
    let tail = tail
    return Self.irregular.first { $0.word.count == count && $0.word.ends(tail) }?.stem
  }

  // MARK: Suffixes

  /// Up to eight letters at the end of a word, the last one in the lowest byte.
  private struct Suffix {
    let letters: UInt64
    let mask: UInt64
    let count: Int

    init(_ text: StaticString) {
      letters = text.withUTF8Buffer { $0.reduce(0) { $0 << 8 | UInt64($1) } }
      count = text.utf8CodeUnitCount
      mask = .max >> UInt64(64 - 8 * count)
    }

    @inline(__always)
    func ends(_ tail: UInt64) -> Bool { tail & mask == letters }
  }

  private struct Rule {
    let suffix: Suffix
    let replacement: StaticString

    init(_ suffix: StaticString, _ replacement: StaticString) {
      self.suffix = Suffix(suffix)
      self.replacement = replacement
    }
  }

  private var tail: UInt64 {
    var tail: UInt64 = 0
    for index in max(start, letters.count - 8)..<letters.count { tail = tail << 8 | UInt64(letters[index]) }
    return tail
  }

  private func ends(in suffix: Suffix) -> Bool { suffix.ends(tail) }

  private mutating func append(_ suffix: StaticString) { suffix.withUTF8Buffer { letters.append(contentsOf: $0) } }

  /// Applies the first rule whose suffix fits if the stem up to it meets the condition, and no other.
  private mutating func replace(_ rules: [Rule], if condition: (PorterStemmer, Int) -> Bool) {
    let tail = tail
    guard let rule = rules.first(where: { $0.suffix.ends(tail) }) else { return }
    let end = letters.count - rule.suffix.count
    guard condition(self, end) else { return }
    letters.removeSubrange(end...)
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
  private mutating func dropPlural() {
    if ends(in: Self.ies), letters.count - start == 4 {
      letters.removeLast()
      return
    }
    replace(Self.plurals) { _, _ in true }
  }

  private static let ies = Suffix("ies")
  private static let plurals = [Rule("sses", "ss"), Rule("ies", "i"), Rule("ss", "ss"), Rule("s", "")]

  /// Step 1b.
  private mutating func dropPast() {
    if ends(in: Self.ied) {
      letters.removeLast(letters.count - start == 4 ? 1 : 2)
      return
    }
    if ends(in: Self.eed) {
      if measure(upTo: letters.count - 3) > 0 { letters.removeLast() }
      return
    }
    let end = ends(in: Self.ed) ? letters.count - 2 : ends(in: Self.ing) ? letters.count - 3 : start
    guard end > start, shape(upTo: end).hasVowel else { return }
    letters.removeSubrange(end...)
    if ends(in: Self.at) || ends(in: Self.bl) || ends(in: Self.iz) {
      append("e")
    } else if end - start >= 2, letters[end - 1] == letters[end - 2], endsInConsonant(upTo: end) {
      if ![UInt8(ascii: "l"), UInt8(ascii: "s"), UInt8(ascii: "z")].contains(letters[end - 1]) { letters.removeLast() }
    } else if measure(upTo: end) == 1, endsShort(upTo: end) {
      append("e")
    }
  }

  private static let (ied, eed, ed, ing) = (Suffix("ied"), Suffix("eed"), Suffix("ed"), Suffix("ing"))
  private static let (at, bl, iz) = (Suffix("at"), Suffix("bl"), Suffix("iz"))

  /// Step 1c: y behind a consonant becomes i, but not in a word of two letters.
  private mutating func turnY() {
    let last = letters.count - 1
    guard last - start > 1, letters[last] == UInt8(ascii: "y"), endsInConsonant(upTo: last) else { return }
    letters[last] = UInt8(ascii: "i")
  }

  private static let (alli, logi) = (Suffix("alli"), Suffix("logi"))
  private static let secondStep = [
    Rule("ational", "ate"), Rule("tional", "tion"), Rule("enci", "ence"), Rule("anci", "ance"), Rule("izer", "ize"),
    Rule("bli", "ble"), Rule("alli", "al"), Rule("entli", "ent"), Rule("eli", "e"), Rule("ousli", "ous"),
    Rule("ization", "ize"), Rule("ation", "ate"), Rule("ator", "ate"), Rule("alism", "al"), Rule("iveness", "ive"),
    Rule("fulness", "ful"), Rule("ousness", "ous"), Rule("aliti", "al"), Rule("iviti", "ive"), Rule("biliti", "ble"),
    Rule("fulli", "ful"),
  ]

  /// Step 2.
  private mutating func shortenDoubleSuffix() {
    while ends(in: Self.alli), measure(upTo: letters.count - 4) > 0 { letters.removeLast(2) }
    if ends(in: Self.logi) {
      if measure(upTo: letters.count - 3) > 0 { letters.removeLast() }  // the l is the stem's, so that geo- works like archaeo-
      return
    }
    replace(Self.secondStep) { $0.measure(upTo: $1) > 0 }
  }

  private static let thirdStep = [
    Rule("icate", "ic"), Rule("ative", ""), Rule("alize", "al"), Rule("iciti", "ic"), Rule("ical", "ic"), Rule("ful", ""),
    Rule("ness", ""),
  ]

  private static let fourthStep = [
    Rule("al", ""), Rule("ance", ""), Rule("ence", ""), Rule("er", ""), Rule("ic", ""), Rule("able", ""), Rule("ible", ""),
    Rule("ant", ""), Rule("ement", ""), Rule("ment", ""), Rule("ent", ""), Rule("ion", ""), Rule("ou", ""), Rule("ism", ""),
    Rule("ate", ""), Rule("iti", ""), Rule("ous", ""), Rule("ive", ""), Rule("ize", ""),
  ]
  private static let ion = Suffix("ion")

  /// Step 4.
  private mutating func dropSuffix() {
    let isIon = ends(in: Self.ion)
    replace(Self.fourthStep) { word, end in
      guard word.measure(upTo: end) > 1 else { return false }
      return !isIon || word.letters[end - 1] == UInt8(ascii: "s") || word.letters[end - 1] == UInt8(ascii: "t")
    }
  }

  /// Step 5.
  private mutating func tidyUp() {
    if letters.count > start, letters[letters.count - 1] == UInt8(ascii: "e") {
      let end = letters.count - 1
      let measure = measure(upTo: end)
      if measure > 1 || (measure == 1 && !endsShort(upTo: end)) { letters.removeLast() }
    }
    let end = letters.count - 1
    if end - start >= 1, letters[end] == UInt8(ascii: "l"), letters[end - 1] == UInt8(ascii: "l"), measure(upTo: end) > 1 {
      letters.removeLast()
    }
  }
}
