/// A response that keeps to the format: `<think>..</think>` and then `<answer>..</answer>`.
package struct FormattedResponse: Sendable, Hashable {
  /// Between `<think>` and the first `</think>`, as it stands.
  package let thinking: String
  /// Between the `<answer>` that follows and its `</answer>`, as it stands.
  package let answer: String

  /// Reads a response; only white space may stand before, between and behind the two parts, so that there is exactly one
  /// answer to judge.
  ///
  /// - Returns: `nil` if the response is not of that form. One pass over the text.
  package init?(_ response: String) {
    let text = response.utf8.span
    guard let parts = FormattedParts(text) else { return nil }
    thinking = String(decoding: bytes(text, parts.thinking), as: UTF8.self)
    answer = String(decoding: bytes(text, parts.answer), as: UTF8.self)
  }
}

/// The answer of a response that keeps to the format; `nil` for others.
func formattedAnswer(_ response: String) -> UTF8Text? {
  let text = response.utf8.span
  return FormattedParts(text).map { bytes(text, $0.answer) }
}

/// What a data row's solution says: the content of its first `<answer>..</answer>`, or all of it where there are no tags.
package func solutionText(_ solution: String) -> String {
  let text = solution.utf8.span
  return taggedAnswer(text).map { String(decoding: bytes(text, $0), as: UTF8.self) } ?? solution
}

func solutionBytes(_ solution: String) -> UTF8Text {
  let text = solution.utf8.span
  return bytes(text, taggedAnswer(text) ?? 0..<text.count)
}

/// Where the parts of a response are, in bytes.
private struct FormattedParts {
  let thinking: Range<Int>
  let answer: Range<Int>

  init?(_ text: Span<UInt8>) {
    var position = skipSpace(text, from: 0)
    guard let thinking = element("<think>", "</think>", in: text, at: &position) else { return nil }
    position = skipSpace(text, from: position)
    guard let answer = element("<answer>", "</answer>", in: text, at: &position) else { return nil }
    guard skipSpace(text, from: position) == text.count else { return nil }
    (self.thinking, self.answer) = (thinking, answer)
  }
}

private func taggedAnswer(_ text: Span<UInt8>) -> Range<Int>? {
  guard var position = find("<answer>", in: text, from: 0) else { return nil }
  return element("<answer>", "</answer>", in: text, at: &position)
}

private func bytes(_ text: Span<UInt8>, _ range: Range<Int>) -> UTF8Text {
  UTF8Text(unsafeUninitializedCapacity: range.count) { buffer, count in
    for index in range { buffer[index - range.lowerBound] = text[index] }
    count = range.count
  }
}

private func skipSpace(_ text: Span<UInt8>, from start: Int) -> Int {
  var position = start
  while position < text.count, text[position] == 0x20 || 0x09...0x0D ~= text[position] { position += 1 }
  return position
}

/// The content of the element that begins exactly at `position`, which moves behind it.
private func element(
  _ open: StaticString, _ close: StaticString, in text: Span<UInt8>, at position: inout Int
) -> Range<Int>? {
  let start = position + open.utf8CodeUnitCount
  guard matches(open, in: text, at: position), let end = find(close, in: text, from: start) else { return nil }
  position = end + close.utf8CodeUnitCount
  return start..<end
}

private func matches(_ tag: StaticString, in text: Span<UInt8>, at position: Int) -> Bool {
  guard position + tag.utf8CodeUnitCount <= text.count else { return false }
  return tag.withUTF8Buffer { tag in
    for index in tag.indices where tag[index] != text[position + index] { return false }
    return true
  }
}

/// Linear for tags: their first character occurs in them once.
private func find(_ tag: StaticString, in text: Span<UInt8>, from start: Int) -> Int? {
  var position = start
  while position + tag.utf8CodeUnitCount <= text.count {
    if text[position] == UInt8(ascii: "<"), matches(tag, in: text, at: position) { return position }
    position += 1
  }
  return nil
}
