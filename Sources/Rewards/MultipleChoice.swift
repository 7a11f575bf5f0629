/// Whether an answer names the same set of letters as the solution; where the solution names none, whether the texts agree.
package func sameChoice(_ answer: String, _ solution: String) -> Bool {
  sameChoice(UTF8Text(answer.utf8), UTF8Text(solution.utf8))
}

func sameChoice(_ answer: UTF8Text, _ solution: UTF8Text) -> Bool {
  guard let truth = choiceLetters(solution) else { return sameText(answer, solution) }
  return choiceLetters(answer) == truth
}

/// The letters that a multiple-choice answer names: `B`, `(b)`, `A, C`, `A and C`, `ACD`, `B. blue`, `\text{B}`, `option B`.
///
/// - Returns: upper-case letters; `nil` if no letters are named, for instance in the wording of an option.
package func choiceLetters(_ text: String) -> Set<Character>? {
  choiceLetters(UTF8Text(text.utf8)).map { letters in Set(letters.members.map { Character(Unicode.Scalar($0)) }) }
}

/// A set of the letters A to Z.
private struct ChoiceLetters: Equatable {
  private var bits: UInt32 = 0

  var isEmpty: Bool { bits == 0 }
  var members: [UInt8] { (0x41...0x5A).filter { bits >> UInt32($0 - 0x41) & 1 == 1 } }

  mutating func insert(_ letter: UInt8) { bits |= 1 << UInt32(letter - 0x41) }

  mutating func formUnion(_ other: ChoiceLetters) { bits |= other.bits }
}

private func choiceLetters(_ text: UTF8Text) -> ChoiceLetters? {
  let words = choiceWords(text)
  return bareLetters(words) ?? labelled(words)
}

/// A run of letters and digits, and what stands around it.
private struct ChoiceWord {
  /// Lower case where it is short enough to be one of the words that are looked for, else empty.
  let text: String
  /// Upper case, if the word is one letter.
  let letter: UInt8?
  let isCapital: Bool
  /// For `ACD`, its letters.
  let run: ChoiceLetters?
  let bracketed: Bool
  /// Whether a comma, a semicolon, a slash, an ampersand or a line break separates it from the word before.
  let separated: Bool
  let follower: UInt8?
  let isLast: Bool

  /// `B.`, `B)`, `B:` or `(B)`: a letter that labels what follows it.
  var label: UInt8? {
    guard let letter else { return nil }
    if bracketed { return letter }
    switch follower {
    case UInt8(ascii: "."), UInt8(ascii: ")"), UInt8(ascii: ":"): return letter
    default: return nil
    }
  }
}

/// Words of the answers looked for are no longer.
private let longestChoiceWord = 8

private func choiceWords(_ text: UTF8Text) -> [ChoiceWord] {
  var words: [ChoiceWord] = []
  var position = 0
  var separated = true
  while position < text.count {
    let length = wordCharacterLength(text, at: position)
    guard length > 0 else {
      separated = separated || isSeparator(text[position])
      position += decodedScalar(text, at: position).length
      continue
    }
    let start = position
    position += length
    while position < text.count {
      let length = text[position] == UInt8(ascii: "'") ? 1 : wordCharacterLength(text, at: position)
      if length == 0 { break }
      position += length
    }
    if start > 0, text[start - 1] == UInt8(ascii: "\\"), isCommand(text[start..<position]) { continue }
    words.append(choiceWord(text, start..<position, separated: separated))
    separated = false
  }
  return words
}

private func isSeparator(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "/"), UInt8(ascii: "&"), UInt8(ascii: "\n"): true
  default: false
  }
}

private func isCommand(_ word: ArraySlice<UInt8>) -> Bool {
  guard word.count <= 6 else { return false }
  return ["boxed", "text", "textbf", "mathrm", "mathbf"].contains(String(decoding: word, as: UTF8.self))
}

private func choiceWord(_ text: UTF8Text, _ range: Range<Int>, separated: Bool) -> ChoiceWord {
  let follower = range.upperBound < text.count ? text[range.upperBound] : nil
  let isLetter = range.count == 1 && isLetter(text[range.lowerBound])
  return ChoiceWord(
    text: range.count <= longestChoiceWord ? String(decoding: text[range].map(lowerCase), as: UTF8.self) : "",
    letter: isLetter ? text[range.lowerBound] & 0xDF : nil, isCapital: isLetter && text[range.lowerBound] < 0x60,
    run: capitalRun(text[range]),
    bracketed: range.lowerBound > 0 && text[range.lowerBound - 1] == UInt8(ascii: "(") && follower == UInt8(ascii: ")"),
    separated: separated, follower: follower, isLast: range.upperBound + 1 >= text.count)
}

/// `ACD`: capital letters in rising order. Words such as `BAD` are not.
private func capitalRun(_ word: ArraySlice<UInt8>) -> ChoiceLetters? {
  guard 2...10 ~= word.count else { return nil }
  var letters = ChoiceLetters()
  var last: UInt8 = 0
  for byte in word {
    guard UInt8(ascii: "A")...UInt8(ascii: "J") ~= byte, byte > last else { return nil }
    letters.insert(byte)
    last = byte
  }
  return letters
}

/// The length of a letter, mark or digit; 0 for anything else.
private func wordCharacterLength(_ text: UTF8Text, at position: Int) -> Int {
  let byte = text[position]
  if byte < 0x80 { return isLetter(byte) || isDigit(byte) ? 1 : 0 }
  let (scalar, length) = decodedScalar(text, at: position)
  switch scalar.properties.generalCategory {
  case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark, .spacingMark,
    .enclosingMark, .decimalNumber, .letterNumber, .otherNumber:
    return length
  default: return 0
  }
}

/// Nothing but letters, joined or apart, with `and`, `or` and an introduction.
private func bareLetters(_ words: [ChoiceWord]) -> ChoiceLetters? {
  var letters = ChoiceLetters()
  for word in words {
    if let letter = word.letter {
      letters.insert(letter)
    } else if let run = word.run {
      letters.formUnion(run)
    } else if !silentWords.contains(word.text) {
      return nil
    }
  }
  return letters.isEmpty ? nil : letters
}

private let silentWords: Set<String> = [
  "and", "or", "the", "answer", "answers", "is", "are", "option", "options", "choice", "choices", "correct", "final", "both",
  "only",
]

/// `B. blue`, `(A) red, (C) green`, `the answer is B because ..`.
private func labelled(_ words: [ChoiceWord]) -> ChoiceLetters? {
  var letters = ChoiceLetters()
  guard let first = words.first else { return nil }
  if let label = first.label {
    letters.insert(label)
    // A letter in the wording, as in `B. Vitamin A.`, is no label.
    for (word, previous) in zip(words.dropFirst(), words) {
      guard word.separated || previous.text == "and" || previous.text == "or", word.bracketed || !word.isLast else { continue }
      if let label = word.label { letters.insert(label) }
    }
    return letters
  }
  // A capital that directly follows `option B`, `answer is B`, `answer: B`.
  for (word, previous) in zip(words.dropFirst(), words) {
    guard ["option", "choice", "answer", "is"].contains(previous.text), let letter = word.letter, word.isCapital,
      letter != UInt8(ascii: "A") || word.label != nil || previous.text != "is"
    else { continue }
    letters.insert(letter)
    return letters
  }
  return nil
}
