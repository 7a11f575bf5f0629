internal import Foundation

/// The thinking score that a reward model's free text states.
///
/// Read: `0.7`, `**0.7**`, `.7`, `70%`, `7/10`, `7 out of 10`, a number in `<answer>` or `\boxed{}`, a JSON object, and prose in
/// which exactly one number is called a score, or in which there is only one number. Where several numbers are called
/// scores, the last that is called final or overall counts, else the last. Ranges such as `0 to 1` are no scores.
///
/// - Returns: in [0, 1]; `nil` where nothing can be read without guessing or the number is out of range. Never clamped.
package func parseThinkingScore(_ text: String) -> Double? {
  let statements = ScoreScanner.statements(in: decisivePart(of: text))
  let strongest = statements.map(\.strength).max() ?? 0
  let decisive = strongest > 0 ? statements.filter { $0.strength == strongest }.suffix(1) : statements[...]
  guard decisive.count == 1, let score = decisive.first?.value, score >= 0, score <= 1 else { return nil }
  return score
}

/// The content of the last `<answer>` or `\boxed{}`, else the whole text.
private func decisivePart(of text: String) -> String {
  for (open, close) in [("<answer>", "</answer>"), ("\\boxed{", "}")] {
    guard let start = text.range(of: open, options: .backwards) else { continue }
    let rest = text[start.upperBound...]
    return String(rest[..<(rest.range(of: close)?.lowerBound ?? rest.endIndex)])
  }
  return text
}

/// Finds numbers and what is said about them, in one pass.
private struct ScoreScanner {
  struct Statement {
    /// `nil` for something that looks like a number and is none, such as `1.2.3` or `0,7`.
    let value: Double?
    /// 2 if it is called final or overall, 1 if it is called a score, else 0.
    let strength: Int
  }

  private let bytes: [UInt8]
  private var position = 0
  /// Where the words that may speak of the next number begin.
  private var wordsStart = 0
  private var statements: [Statement] = []

  static func statements(in text: String) -> [Statement] {
    var scanner = ScoreScanner(bytes: Array(text.lowercased().utf8))
    scanner.scan()
    return scanner.statements
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func isDigit(_ index: Int) -> Bool { index < bytes.count && 0x30...0x39 ~= bytes[index] }

  private func isLetter(_ index: Int) -> Bool {
    bytes.indices.contains(index) && (0x61...0x7A ~= bytes[index] || bytes[index] >= 0x80)
  }

  private mutating func scan() {
    while position < bytes.count {
      let isPoint = bytes[position] == UInt8(ascii: ".")
      guard isDigit(position) || (isPoint && isDigit(position + 1)) else {
        position += 1
        continue
      }
      let start = position
      let value = number()
      if isLetter(start - 1) || isLetter(position) {  // `step2`, `3D`, `1e-1`
        while isLetter(position) || isDigit(position) || (isLetter(position - 1) && follows("-", at: position) != nil) { position += 1 }
        continue
      }
      if isRange(from: start) || isCounted(start) { continue }
      let strength = strength(upTo: start)
      statements.append(Statement(value: value.map { scaled($0) } ?? nil, strength: strength))
      if isNegative(start), let last = statements.popLast() {
        statements.append(Statement(value: last.value.map { -$0 }, strength: last.strength))
      }
      wordsStart = position
    }
  }

  /// Reads digits with a decimal point; `nil` for further points and commas in between.
  private mutating func number() -> Double? {
    let start = position
    var separators = 0
    var isPlain = true
    while position < bytes.count {
      if isDigit(position) {
        position += 1
      } else if bytes[position] == UInt8(ascii: ".") || bytes[position] == UInt8(ascii: ","), isDigit(position + 1) {
        separators += 1
        isPlain = isPlain && bytes[position] == UInt8(ascii: ".")
        position += 1
      } else {
        break
      }
    }
    guard isPlain, separators <= 1 else { return nil }
    return Double(String(decoding: bytes[start..<position], as: UTF8.self))
  }

  private func isNegative(_ start: Int) -> Bool {
    guard start > 0, bytes[start - 1] == UInt8(ascii: "-") else { return false }
    return start == 1 || !(isDigit(start - 2) || isLetter(start - 2))
  }

  private func skipSpace(_ index: Int) -> Int {
    var index = index
    while index < bytes.count, bytes[index] == 0x20 { index += 1 }
    return index
  }

  private func follows(_ word: String, at index: Int) -> Int? {
    bytes[min(index, bytes.count)...].starts(with: word.utf8) ? index + word.utf8.count : nil
  }

  /// The words in front of a number since the number before, at most a short line of them.
  private func words(upTo end: Int) -> String {
    String(decoding: bytes[max(wordsStart, end - 48)..<end], as: UTF8.self)
  }

  /// `step 2`, `out of 10`: a count of something else, and no statement.
  private func isCounted(_ start: Int) -> Bool {
    let words = words(upTo: start)
    return Self.counters.contains { words.hasSuffix($0) }
  }

  private static let counters = ["step ", "line ", "figure ", "question ", "problem ", "option ", "#", "out of ", "scale of "]

  /// `0-1`, `0 to 1`, `between 0 and 1`: consumed whole, and no statement.
  private mutating func isRange(from start: Int) -> Bool {
    let next = skipSpace(position)
    let joints = ["-", "\u{2013}", "to "] + (words(upTo: start).hasSuffix("between ") ? ["and "] : [])
    for joint in joints {
      guard let end = follows(joint, at: next) else { continue }
      let other = skipSpace(end)
      guard isDigit(other) else { continue }
      position = other
      _ = number()
      return true
    }
    return false
  }

  /// `7/10`, `7 out of 10` and `70%` as a share of 1.
  private mutating func scaled(_ value: Double) -> Double? {
    let next = skipSpace(position)
    if let end = follows("%", at: next) {
      position = end
      return value / 100
    }
    for joint in ["/", "out of"] {
      guard let end = follows(joint, at: next) else { continue }
      let start = skipSpace(end)
      guard isDigit(start) else { continue }
      position = start
      guard let whole = number(), whole > 0 else { return nil }
      return value / whole
    }
    return value
  }

  private static let calls: [(word: String, strength: Int)] = [
    ("final", 2), ("overall", 2), ("score", 1), ("rating", 1), ("rate", 1), ("grade", 1), ("reward", 1), ("give", 1),
    ("assign", 1),
  ]

  /// What the words in front of a number call it.
  private func strength(upTo end: Int) -> Int {
    let text = words(upTo: end)
    return Self.calls.first { text.contains($0.word) }?.strength ?? 0
  }
}
