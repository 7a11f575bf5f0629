internal import Foundation

/// The content of the last `\boxed{}`, else the text without an introduction such as `The answer is`.
func mathematicalPart(of text: UTF8Text) -> UTF8Text {
  if let boxed = lastBoxed(in: text) { return UTF8Text(text[boxed]) }
  let trimmed = withoutEmphasis(text)
  var rest = text[trimmed]
  for introduction in introductions where starts(rest, with: introduction) {
    rest = rest.dropFirst(introduction.utf8CodeUnitCount).drop { $0 == 0x20 }
    if starts(rest, with: "is") { rest = rest.dropFirst(2) }
    rest = rest.drop { $0 == 0x20 || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "=") }
    break
  }
  for hedge in hedges where starts(rest, with: hedge) { rest = rest.dropFirst(hedge.utf8CodeUnitCount) }
  return UTF8Text(rest)
}

private let introductions: [StaticString] = ["the final answer", "the answer", "final answer", "answer"]
private let hedges: [StaticString] = ["approximately ", "about "]

private func starts(_ text: ArraySlice<UInt8>, with prefix: StaticString) -> Bool {
  guard text.count >= prefix.utf8CodeUnitCount else { return false }
  return prefix.withUTF8Buffer { prefix in
    for index in prefix.indices where lowerCase(text[text.startIndex + index]) != prefix[index] { return false }
    return true
  }
}

/// Without white space, asterisks and quotation marks at both ends.
private func withoutEmphasis(_ text: UTF8Text) -> Range<Int> {
  var (start, end) = (0, 0)
  var position = 0
  var isStart = true
  while position < text.count {
    let length = isEmphasis(text[position]) ? 1 : whiteSpaceLength(text, at: position)
    position += max(1, length)
    if length == 0 {
      isStart = false
      end = position
    } else if isStart {
      start = position
    }
  }
  return isStart ? 0..<0 : start..<end
}

private func isEmphasis(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: "*") || byte == UInt8(ascii: "`") || byte == UInt8(ascii: "\"")
}

private func lastBoxed(in text: UTF8Text) -> Range<Int>? {
  let mark: StaticString = "\\boxed{"
  let length = mark.utf8CodeUnitCount
  guard text.count > length else { return nil }
  var start = text.count - length
  while text[start] != UInt8(ascii: "\\") || !starts(text[start...], with: mark) {
    if start == 0 { return nil }
    start -= 1
  }
  var depth = 1
  for index in start + length..<text.count {
    if text[index] == UInt8(ascii: "{") { depth += 1 }
    if text[index] == UInt8(ascii: "}") { depth -= 1 }
    if depth == 0 { return start + length..<index }
  }
  return nil
}

/// Lower case, without dollar signs, a `\text{}` around it, a full stop at the end, and white space other than that between
/// digits.
func comparableText(_ text: UTF8Text) -> UTF8Text {
  var inner = 0..<text.count
  if starts(text[...], with: "\\text{"), text.last == UInt8(ascii: "}") { inner = 6..<text.count - 1 }
  let plain = isASCII(text) ? UTF8Text(text[inner]) : canonicalLowerCase(text[inner])
  var result = UTF8Text()
  result.reserveCapacity(plain.count)
  var behindSpace = false
  forEachSolidByte(of: plain) { byte, isBehindSpace in
    behindSpace = behindSpace || isBehindSpace
    if byte == UInt8(ascii: "$") { return }
    if behindSpace, isDigit(byte), let last = result.last, isDigit(last) { result.append(0x20) }
    behindSpace = false
    result.append(lowerCase(byte))
  }
  if result.last == UInt8(ascii: ".") { result.removeLast() }
  return result
}

private func canonicalLowerCase(_ text: ArraySlice<UInt8>) -> UTF8Text {
  UTF8Text(normalized(String(decoding: text, as: UTF8.self).lowercased()) { $0.precomposedStringWithCanonicalMapping }.utf8)
}
