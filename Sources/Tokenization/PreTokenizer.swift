/// Cuts a text into the words that byte-pair merges stay within, by Qwen's pattern.
///
/// The pattern is matched by hand: it decides on one character at a time, and a scanner that knows it is many times as
/// fast as a machine for any pattern. Every character belongs to exactly one word.
enum PreTokenizer {
  /// What the scanner does, as `tokenizer.json` states it.
  static let pattern =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// - Parameters:
  ///   - text: valid UTF-8.
  ///   - word: receives each word's bytes, in order.
  static func forEachWord(in text: UnsafeBufferPointer<UInt8>, _ word: (UnsafeBufferPointer<UInt8>) -> Void) {
    var start = 0
    while start < text.count {
      let end = endOfWord(from: start, in: text)
      word(UnsafeBufferPointer(rebasing: text[start..<end]))
      start = end
    }
  }

  /// The end of the word that begins at `start`: the alternatives of the pattern, in its order.
  private static func endOfWord(from start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    let (first, length) = text.scalar(at: start)
    let next = start + length
    let kind = ScalarClass(first)
    switch kind {
    case .letter: return end(of: .letter, from: next, in: text)
    case .number: return next
    case .newline: return endOfWhiteSpace(from: start, in: text)
    case .space, .other: break
    }
    if first == "'", let end = endOfContraction(from: next, in: text) { return end }
    if next < text.count {
      switch ScalarClass(text.scalar(at: next).scalar) {
      case .letter: return end(of: .letter, from: next, in: text)
      case .other where first == " ": return endOfPunctuation(from: next, in: text)
      default: break
      }
    }
    return kind == .other ? endOfPunctuation(from: next, in: text) : endOfWhiteSpace(from: start, in: text)
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d` in either case, after the apostrophe. The long s folds to s, so it counts as one.
  private static func endOfContraction(from start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int? {
    guard start < text.count else { return nil }
    func lower(_ offset: Int) -> UInt8? { offset < text.count ? text[offset] | 0x20 : nil }
    switch (text[start] | 0x20, lower(start + 1)) {
    case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
      return start + 1
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 2
    default: return text.scalar(at: start).scalar == "\u{17F}" ? start + 2 : nil
    }
  }

  private static func end(of kind: ScalarClass, from start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    var end = start
    while end < text.count {
      let (scalar, length) = text.scalar(at: end)
      guard ScalarClass(scalar) == kind else { break }
      end += length
    }
    return end
  }

  /// `[^\s\p{L}\p{N}]+[\r\n]*`
  private static func endOfPunctuation(from start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    end(of: .newline, from: end(of: .other, from: start, in: text), in: text)
  }

  /// `\s*[\r\n]+|\s+(?!\S)|\s+`: through the run's last newline if it has one; else all of it, less the last character
  /// if something other than white space follows, for that goes with what follows.
  private static func endOfWhiteSpace(from start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    var end = start
    var last = start
    var afterNewline: Int?
    while end < text.count {
      let (scalar, length) = text.scalar(at: end)
      let kind = ScalarClass(scalar)
      guard kind == .space || kind == .newline else { break }
      last = end
      end += length
      if kind == .newline { afterNewline = end }
    }
    if let afterNewline { return afterNewline }
    return end == text.count || last == start ? end : last
  }
}
