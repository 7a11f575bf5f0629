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
    let bytes = Array(response.utf8)
    var position = skipSpace(bytes, from: 0)
    guard let thinking = element("think", in: bytes, at: &position) else { return nil }
    position = skipSpace(bytes, from: position)
    guard let answer = element("answer", in: bytes, at: &position) else { return nil }
    guard skipSpace(bytes, from: position) == bytes.count else { return nil }
    self.thinking = thinking
    self.answer = answer
  }
}

/// What a data row's solution says: the content of its first `<answer>..</answer>`, or all of it where there are no tags.
package func solutionText(_ solution: String) -> String {
  let bytes = Array(solution.utf8)
  guard let start = find("<answer>", in: bytes, from: 0) else { return solution }
  var position = start
  return element("answer", in: bytes, at: &position) ?? solution
}

private func skipSpace(_ bytes: [UInt8], from start: Int) -> Int {
  var position = start
  while position < bytes.count, bytes[position] == 0x20 || 0x09...0x0D ~= bytes[position] { position += 1 }
  return position
}

/// The content of the element that begins exactly at `position`, which moves behind it.
private func element(_ name: String, in bytes: [UInt8], at position: inout Int) -> String? {
  let open = "<\(name)>"
  let close = "</\(name)>"
  guard bytes[position...].starts(with: open.utf8) else { return nil }
  let start = position + open.utf8.count
  guard let end = find(close, in: bytes, from: start) else { return nil }
  position = end + close.utf8.count
  return String(decoding: bytes[start..<end], as: UTF8.self)
}

/// Linear for tags: their first character occurs in them once.
private func find(_ tag: String, in bytes: [UInt8], from start: Int) -> Int? {
  let tag = Array(tag.utf8)
  var position = start
  while position + tag.count <= bytes.count {
    if bytes[position] == tag[0], bytes[position..<position + tag.count].elementsEqual(tag) { return position }
    position += 1
  }
  return nil
}
