/// The stem of a lower-case word: Porter's algorithm (Program 14.3, 1980) with the extensions of NLTK, which ROUGE is
/// commonly computed with.
package func porterStem(_ word: String) -> String {
  if let irregular = irregularStems[word] { return irregular }
  var stem = PorterWord(word)
  guard stem.letters.count > 2 else { return word }
  stem.dropPlural()
  stem.dropPast()
  stem.turnY()
  stem.shortenDoubleSuffix()
  stem.replace(PorterWord.thirdStep) { $0.measure > 0 }
  stem.dropSuffix()
  stem.tidyUp()
  return String(decoding: stem.letters, as: UTF8.self)
}

private let irregularStems = [
  "sky": "sky", "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie", "news": "news", "innings": "inning",
  "inning": "inning", "outings": "outing", "outing": "outing", "cannings": "canning", "canning": "canning", "howe": "howe",
  "proceed": "proceed", "exceed": "exceed", "succeed": "succeed",
]

private struct PorterWord {
  var letters: [UInt8]

  init(_ word: String) { letters = Array(word.utf8) }

  private init(letters: [UInt8]) { self.letters = letters }

  /// For each letter whether it is a consonant: not a, e, i, o or u, and not a y behind a consonant.
  private var consonants: [Bool] {
    var flags: [Bool] = []
    flags.reserveCapacity(letters.count)
    for letter in letters {
      switch letter {
      case UInt8(ascii: "a"), UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "o"), UInt8(ascii: "u"): flags.append(false)
      case UInt8(ascii: "y"): flags.append(!(flags.last ?? false))
      default: flags.append(true)
      }
    }
    return flags
  }

  /// m of [C](VC){m}[V].
  var measure: Int {
    let flags = consonants
    return zip(flags, flags.dropFirst()).count { !$0 && $1 }
  }

  private var hasVowel: Bool { consonants.contains(false) }

  private var endsInDoubleConsonant: Bool {
    letters.count >= 2 && letters[letters.count - 1] == letters[letters.count - 2] && consonants[letters.count - 1]
  }

  /// The condition *o, and for two letters vowel and consonant.
  private var endsShort: Bool {
    let flags = consonants
    if letters.count == 2 { return !flags[0] && flags[1] }
    guard letters.count >= 3, let last = letters.last else { return false }
    return flags[letters.count - 3] && !flags[letters.count - 2] && flags[letters.count - 1]
      && ![UInt8(ascii: "w"), UInt8(ascii: "x"), UInt8(ascii: "y")].contains(last)
  }

  private func ends(in suffix: StaticString) -> Bool {
    let count = suffix.utf8CodeUnitCount
    return letters.count >= count && suffix.withUTF8Buffer { letters.suffix(count).elementsEqual($0) }
  }

  private func without(_ count: Int) -> PorterWord { PorterWord(letters: Array(letters.dropLast(count))) }

  private mutating func append(_ suffix: StaticString) { suffix.withUTF8Buffer { letters += $0 } }

  typealias Rule = (suffix: StaticString, replacement: StaticString)

  /// Applies the first rule whose suffix fits if the stem meets the condition, and no other.
  mutating func replace(_ rules: [Rule], if condition: (PorterWord) -> Bool) {
    guard let rule = rules.first(where: { ends(in: $0.suffix) }) else { return }
    let stem = without(rule.suffix.utf8CodeUnitCount)
    guard condition(stem) else { return }
    self = stem
    append(rule.replacement)
  }

  /// Step 1a.
  mutating func dropPlural() {
    if ends(in: "ies"), letters.count == 4 {
      letters.removeLast()
      return
    }
    replace([("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")]) { _ in true }
  }

  /// Step 1b.
  mutating func dropPast() {
    if ends(in: "ied") {
      letters.removeLast(letters.count == 4 ? 1 : 2)
      return
    }
    if ends(in: "eed") {
      if without(3).measure > 0 { letters.removeLast() }
      return
    }
    let stem = ends(in: "ed") ? without(2) : ends(in: "ing") ? without(3) : nil
    guard let stem, stem.hasVowel, let last = stem.letters.last else { return }
    self = stem
    if ends(in: "at") || ends(in: "bl") || ends(in: "iz") {
      append("e")
    } else if endsInDoubleConsonant {
      if ![UInt8(ascii: "l"), UInt8(ascii: "s"), UInt8(ascii: "z")].contains(last) { letters.removeLast() }
    } else if measure == 1, endsShort {
      append("e")
    }
  }

  /// Step 1c: y behind a consonant becomes i, but not in a word of two letters.
  mutating func turnY() {
    guard ends(in: "y") else { return }
    let stem = without(1)
    if stem.letters.count > 1, stem.consonants[stem.letters.count - 1] {
      self = stem
      append("i")
    }
  }

  private static let secondStep: [Rule] = [
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"),
    ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"), ("ator", "ate"),
    ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"),
    ("biliti", "ble"), ("fulli", "ful"),
  ]

  /// Step 2.
  mutating func shortenDoubleSuffix() {
    while ends(in: "alli"), without(4).measure > 0 { letters.removeLast(2) }
    if ends(in: "logi") {
      if without(3).measure > 0 { letters.removeLast() }  // the l is the stem's, so that geo- works like archaeo-
      return
    }
    replace(Self.secondStep) { $0.measure > 0 }
  }

  static let thirdStep: [Rule] = [
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""),
  ]

  private static let fourthStep: [Rule] = [
    ("al", ""), ("ance", ""), ("ence", ""), ("er", ""), ("ic", ""), ("able", ""), ("ible", ""), ("ant", ""), ("ement", ""),
    ("ment", ""), ("ent", ""), ("ion", ""), ("ou", ""), ("ism", ""), ("ate", ""), ("iti", ""), ("ous", ""), ("ive", ""),
    ("ize", ""),
  ]

  /// Step 4.
  mutating func dropSuffix() {
    let isIon = ends(in: "ion")
    replace(Self.fourthStep) { stem in
      guard stem.measure > 1 else { return false }
      return !isIon || stem.letters.last == UInt8(ascii: "s") || stem.letters.last == UInt8(ascii: "t")
    }
  }

  /// Step 5.
  mutating func tidyUp() {
    if ends(in: "e") {
      let stem = without(1)
      if stem.measure > 1 || (stem.measure == 1 && !stem.endsShort) { self = stem }
    }
    if ends(in: "ll"), without(1).measure > 1 { letters.removeLast() }
  }
}
