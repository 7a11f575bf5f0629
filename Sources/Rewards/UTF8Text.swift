/// Text is judged as its UTF-8 bytes: one step a byte, whatever the text. Swift's own `String` compares and hashes by canonical
/// equivalence, which takes the square of the length for a run of combining marks.
typealias UTF8Text = [UInt8]

/// - Returns: how many bytes the white space (Unicode's White_Space) at a position has; 0 where there is none.
@inline(__always)
func whiteSpaceLength(_ text: UTF8Text, at position: Int) -> Int {
  let byte = text[position]
  if byte < 0x80 { return byte == 0x20 || 0x09...0x0D ~= byte ? 1 : 0 }
  return wideWhiteSpaceLength(text, at: position)
}

private func wideWhiteSpaceLength(_ text: UTF8Text, at position: Int) -> Int {
  let rest = text.count - position
  switch text[position] {
  case 0xC2: return rest > 1 && (text[position + 1] == 0x85 || text[position + 1] == 0xA0) ? 2 : 0
  case 0xE1: return rest > 2 && text[position + 1] == 0x9A && text[position + 2] == 0x80 ? 3 : 0
  case 0xE2 where rest > 2:
    switch (text[position + 1], text[position + 2]) {
    case (0x80, 0x80...0x8A), (0x80, 0xA8), (0x80, 0xA9), (0x80, 0xAF), (0x81, 0x9F): return 3
    default: return 0
    }
  case 0xE3: return rest > 2 && text[position + 1] == 0x80 && text[position + 2] == 0x80 ? 3 : 0
  default: return 0
  }
}

/// The scalar that begins at a position of well-formed UTF-8, and its length in bytes.
func decodedScalar(_ text: UTF8Text, at position: Int) -> (scalar: Unicode.Scalar, length: Int) {
  let first = text[position]
  if first < 0x80 { return (Unicode.Scalar(first), 1) }
  let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
  guard position + length <= text.count else { return ("\u{FFFD}", text.count - position) }
  var value = UInt32(first) & (0x7F >> UInt32(length))
  for offset in 1..<length { value = value << 6 | UInt32(text[position + offset] & 0x3F) }
  return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
}

@inline(__always)
func lowerCase(_ byte: UInt8) -> UInt8 { 0x41...0x5A ~= byte ? byte | 0x20 : byte }

@inline(__always)
func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

@inline(__always)
func isLetter(_ byte: UInt8) -> Bool { 0x61...0x7A ~= (byte | 0x20) }

func isASCII(_ text: UTF8Text) -> Bool { text.allSatisfy { $0 < 0x80 } }

/// Calls `body` with each byte that is no white space, and with whether white space stands before it.
func forEachSolidByte(of text: UTF8Text, _ body: (_ byte: UInt8, _ isBehindSpace: Bool) -> Void) {
  var position = 0
  var isBehindSpace = false
  while position < text.count {
    let space = whiteSpaceLength(text, at: position)
    position += max(1, space)
    if space == 0 { body(text[position - 1], isBehindSpace) }
    isBehindSpace = space > 0
  }
}
