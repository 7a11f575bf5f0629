internal import Foundation

/// Whether an answer names the same set of letters as the solution; where the solution names none, whether the texts agree.
package func sameChoice(_ answer: String, _ solution: String) -> Bool {
  guard let truth = choiceLetters(solution) else { return sameText(answer, solution) }
  return choiceLetters(answer) == truth
}

/// The letters that a multiple-choice answer names: `B`, `(b)`, `A, C`, `A and C`, `ACD`, `B. blue`, `\text{B}`, `option B`.
///
/// - Returns: upper-case letters; `nil` if no letters are named, for instance in the wording of an option.
package func choiceLetters(_ text: String) -> Set<Character>? {
  let words = choiceWords(text)
  guard !words.isEmpty else { return nil }
  if let bare = bareLetters(words) { return bare }
  return labelled(words)
}

/// A run of letters and digits, and what stands right behind it.
private struct ChoiceWord {
  let text: String
  let bracketed: Bool
  let follower: Unicode.Scalar?

  var letter: Character? {
    guard text.count == 1, let character = text.first, character.isASCII, character.isLetter else { return nil }
    return Character(character.uppercased())
  }

  /// `B.`, `B)`, `B:` or `(B)`: a letter that labels what follows it.
  var label: Character? {
    guard let letter else { return nil }
    if bracketed { return letter }
    return follower == "." || follower == ")" || follower == ":" ? letter : nil
  }
}

private func choiceWords(_ text: String) -> [ChoiceWord] {
  let noise: Set<String> = ["boxed", "text", "textbf", "mathrm", "mathbf"]
  let scalars = Array(text.unicodeScalars)
  var words: [ChoiceWord] = []
  var position = 0
  while position < scalars.count {
    guard CharacterSet.alphanumerics.contains(scalars[position]) else {
      position += 1
      continue
    }
    let start = position
    while position < scalars.count, CharacterSet.alphanumerics.contains(scalars[position]) || scalars[position] == "'" {
      position += 1
    }
    var word = ""
    word.unicodeScalars.append(contentsOf: scalars[start..<position])
    let before = start > 0 ? scalars[start - 1] : nil
    let after = position < scalars.count ? scalars[position] : nil
    if before == "\\", noise.contains(word) { continue }
    words.append(ChoiceWord(text: word, bracketed: before == "(" && after == ")", follower: after))
  }
  return words
}

/// Nothing but letters, joined or apart, with `and`, `or` and an introduction.
private func bareLetters(_ words: [ChoiceWord]) -> Set<Character>? {
  let silent: Set<String> = [
    "and", "or", "the", "answer", "answers", "is", "are", "option", "options", "choice", "choices", "correct", "final",
  ]
  var letters: Set<Character> = []
  for word in words {
    if let letter = word.letter {
      letters.insert(letter)
    } else if isRun(word.text) {
      letters.formUnion(word.text)
    } else if !silent.contains(word.text.lowercased()) {
      return nil
    }
  }
  return letters.isEmpty ? nil : letters
}

/// `ACD`: capital letters in rising order. Words such as `BAD` are not.
private func isRun(_ text: String) -> Bool {
  guard text.count <= 10, text.allSatisfy({ "A"..."J" ~= $0 }) else { return false }
  return zip(text, text.dropFirst()).allSatisfy { $0 < $1 }
}

/// `B. blue`, `(A) red, (C) green`, `the answer is B because ..`.
private func labelled(_ words: [ChoiceWord]) -> Set<Character>? {
  guard let first = words.first else { return nil }
  if first.label != nil { return Set(words.compactMap(\.label)) }
  // A capital that directly follows `option B`, `answer is B`, `answer: B`.
  for (word, previous) in zip(words.dropFirst(), words) {
    guard ["option", "choice", "answer", "is"].contains(previous.text.lowercased()), let letter = word.letter,
      word.text == String(letter), word.text != "A" || word.label != nil || previous.text.lowercased() != "is"
    else { continue }
    return [letter]
  }
  return nil
}
