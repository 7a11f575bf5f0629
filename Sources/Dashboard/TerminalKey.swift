/// A key that was pressed in a terminal.
package enum TerminalKey: Sendable, Hashable {
  case character(Character)
  case enter, backspace, escape
  case up, down, pageUp, pageDown, home, end
  /// Ctrl-C or Ctrl-\.
  case interrupt
  /// Ctrl-Z.
  case suspend
  /// Ctrl-L.
  case redraw
  /// Ctrl-U.
  case eraseLine
}

/// Makes keys of the bytes that a terminal sends. An arrow key is several bytes, which may come one by one; only a pause tells the
/// Escape key from the start of such a sequence.
package struct TerminalKeys: Sendable {
  private var held: [UInt8] = []
  /// Longer sequences are no keys.
  private static let longest = 32

  package init() {}

  /// Whether bytes are held back until more come or a pause ends them.
  package var isHolding: Bool { !held.isEmpty }

  package mutating func receive(_ bytes: some Sequence<UInt8>) -> [TerminalKey] {
    held += bytes
    var keys: [TerminalKey] = []
    var start = 0
    while start < held.count, let (length, key) = Self.first(of: held[start...]) {
      if let key { keys.append(key) }
      start += length
    }
    held.removeFirst(start)
    if held.count > Self.longest { held = [] }
    return keys
  }

  /// No more bytes came for a while.
  package mutating func pause() -> [TerminalKey] {
    defer { held = [] }
    return held.first == Self.escape ? [.escape] : []
  }

  private static let escape: UInt8 = 0x1B

  /// - Returns: the bytes that the first key takes and the key, nil if it means nothing here; nil if it is not complete.
  private static func first(of bytes: ArraySlice<UInt8>) -> (length: Int, key: TerminalKey?)? {
    guard let byte = bytes.first else { return nil }
    switch byte {
    case escape: return sequence(bytes)
    case 0x0D, 0x0A: return (1, .enter)
    case 0x7F, 0x08: return (1, .backspace)
    case 0x03, 0x1C: return (1, .interrupt)
    case 0x1A: return (1, .suspend)
    case 0x0C: return (1, .redraw)
    case 0x15: return (1, .eraseLine)
    case 0..<0x20: return (1, nil)
    case ..<0x80: return (1, .character(Character(Unicode.Scalar(byte))))
    default: return character(bytes, lead: byte)
    }
  }

  private static func character(_ bytes: ArraySlice<UInt8>, lead: UInt8) -> (Int, TerminalKey?)? {
    let length =
      switch lead {
      case 0xC2...0xDF: 2
      case 0xE0...0xEF: 3
      case 0xF0...0xF4: 4
      default: 1
      }
    let isWhole = bytes.prefix(length).dropFirst().allSatisfy { 0x80...0xBF ~= $0 }
    guard isWhole else { return (1, nil) }
    guard bytes.count >= length else { return nil }
    guard let text = String(validating: bytes.prefix(length), as: UTF8.self), text.count == 1, let character = text.first else {
      return (1, nil)
    }
    return (length, .character(character))
  }

  /// `ESC [ parameters letter`, `ESC O letter`, or the Escape key and then another.
  private static func sequence(_ bytes: ArraySlice<UInt8>) -> (Int, TerminalKey?)? {
    let body = bytes.dropFirst()
    guard let kind = body.first else { return nil }
    guard kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else { return (1, .escape) }
    let rest = body.dropFirst()
    guard let end = rest.firstIndex(where: { 0x40...0x7E ~= $0 }) else { return nil }
    let parameter = rest[..<end].prefix { $0 != UInt8(ascii: ";") }
    let length = end - bytes.startIndex + 1
    switch (rest[end], String(decoding: parameter, as: UTF8.self)) {
    case (UInt8(ascii: "A"), _): return (length, .up)
    case (UInt8(ascii: "B"), _): return (length, .down)
    case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), "1"), (UInt8(ascii: "~"), "7"): return (length, .home)
    case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), "4"), (UInt8(ascii: "~"), "8"): return (length, .end)
    case (UInt8(ascii: "~"), "5"): return (length, .pageUp)
    case (UInt8(ascii: "~"), "6"): return (length, .pageDown)
    default: return (length, nil)
    }
  }
}
