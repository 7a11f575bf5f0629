internal import Limits

/// Where and why a text is not the JSON that was expected.
struct JSONFailure: Error, Equatable {
  /// In bytes from the start.
  let offset: Int
  /// What should have stood there.
  let expected: String
}

/// Reads JSON from first to last byte, each value straight into the form its caller wants.
///
/// A tokenizer file is a dictionary of 150,000 entries and a list as long: built as a tree of boxed values it takes
/// seconds, read in passing it takes a twentieth of one.
struct JSONReader {
  private let bytes: [UInt8]
  private var offset = 0
  private var depth = 0

  /// Brackets within brackets; more than any tokenizer file has, less than a stack holds.
  private static let depthLimit = Limits.standard.texts.jsonDepth

  /// - Throws: `JSONFailure` if `bytes` are not UTF-8.
  init(_ bytes: [UInt8]) throws(JSONFailure) {
    var bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    guard bytes.withUnsafeBufferPointer({ String(validating: $0, as: UTF8.self) }) != nil else {
      throw JSONFailure(offset: 0, expected: "UTF-8 text")
    }
    self.bytes = bytes
  }

  /// Reads an object; `member` must read the value of each key.
  mutating func object(_ member: (inout JSONReader, _ key: [UInt8]) throws -> Void) throws {
    try open("{", "an object")
    if try closes("}") { return }
    repeat {
      let key = try string()
      guard skipSpace() == UInt8(ascii: ":") else { throw failure("a colon") }
      offset += 1
      try member(&self, key)
    } while try !closes("}", orComma: true)
  }

  /// Reads an array; `element` must read each value.
  mutating func array(_ element: (inout JSONReader) throws -> Void) throws {
    try open("[", "an array")
    if try closes("]") { return }
    repeat { try element(&self) } while try !closes("]", orComma: true)
  }

  /// - Returns: the string's characters as UTF-8, escapes resolved.
  mutating func string() throws(JSONFailure) -> [UInt8] {
    guard skipSpace() == UInt8(ascii: "\"") else { throw failure("a string") }
    offset += 1
    var start = offset
    var text: [UInt8] = []
    while offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: "\""):
        text.append(contentsOf: bytes[start..<offset])
        offset += 1
        return text
      case UInt8(ascii: "\\"):
        text.append(contentsOf: bytes[start..<offset])
        try escape(into: &text)
        start = offset
      case 0..<0x20: throw failure("an escaped control character")
      default: offset += 1
      }
    }
    throw failure("the end of a string")
  }

  mutating func integer() throws(JSONFailure) -> Int {
    skipSpace()
    let start = offset
    if peek == UInt8(ascii: "-") { offset += 1 }
    let digits = offset
    while let byte = peek, isDigit(byte) { offset += 1 }
    let leadingZero = offset > digits + 1 && bytes[digits] == UInt8(ascii: "0")
    guard offset > digits, !leadingZero, let value = Int(String(decoding: bytes[start..<offset], as: UTF8.self)),
      peek != UInt8(ascii: "."), peek.map({ $0 | 0x20 }) != UInt8(ascii: "e")
    else {
      offset = start
      throw failure("a whole number")
    }
    return value
  }

  mutating func boolean() throws(JSONFailure) -> Bool {
    if skipWord("true") { return true }
    if skipWord("false") { return false }
    throw failure("true or false")
  }

  /// Steps over `null` if it stands here.
  mutating func null() -> Bool { skipWord("null") }

  /// The first byte of the value that stands here.
  @discardableResult
  mutating func skipSpace() -> UInt8? {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    return peek
  }

  /// Reads a value of any kind.
  mutating func value() throws -> JSONValue {
    switch skipSpace() {
    case UInt8(ascii: "{"):
      var members: [String: JSONValue] = [:]
      try object { members[String(decoding: $1, as: UTF8.self)] = try $0.value() }
      return .object(members)
    case UInt8(ascii: "["):
      var elements: [JSONValue] = []
      try array { elements.append(try $0.value()) }
      return .array(elements)
    case UInt8(ascii: "\""): return .string(String(decoding: try string(), as: UTF8.self))
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean(try boolean())
    case UInt8(ascii: "n") where null(): return .null
    default: return .number(try number())
    }
  }

  /// - Throws: if anything but white space is left.
  mutating func end() throws(JSONFailure) {
    guard skipSpace() == nil else { throw failure("the end") }
  }

  func failure(_ expected: String) -> JSONFailure { JSONFailure(offset: offset, expected: expected) }

  private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  private mutating func open(_ bracket: Unicode.Scalar, _ what: String) throws(JSONFailure) {
    guard skipSpace() == UInt8(ascii: bracket) else { throw failure(what) }
    guard depth < Self.depthLimit else { throw failure("at most \(Self.depthLimit) brackets within brackets") }
    depth += 1
    offset += 1
  }

  private mutating func closes(_ bracket: Unicode.Scalar, orComma: Bool = false) throws(JSONFailure) -> Bool {
    let byte = skipSpace()
    if byte == UInt8(ascii: bracket) {
      offset += 1
      depth -= 1
      return true
    }
    guard orComma else { return false }
    guard byte == UInt8(ascii: ",") else { throw failure("a comma or \(bracket)") }
    offset += 1
    return false
  }

  private mutating func skipWord(_ word: StaticString) -> Bool {
    skipSpace()
    let count = word.utf8CodeUnitCount
    guard offset + count <= bytes.count,
      bytes[offset..<offset + count].elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: count))
    else { return false }
    offset += count
    return true
  }

  private mutating func number() throws(JSONFailure) -> Double {
    let start = offset
    while let byte = peek, isDigit(byte) || "+-.eE".utf8.contains(byte) { offset += 1 }
    guard offset > start, let value = Double(String(decoding: bytes[start..<offset], as: UTF8.self)), value.isFinite
    else {
      offset = start
      throw failure("a value")
    }
    return value
  }

  /// Reads the escape whose backslash stands here.
  private mutating func escape(into text: inout [UInt8]) throws(JSONFailure) {
    let backslash = offset
    offset += 1
    guard let letter = peek else { throw failure("an escape") }
    offset += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var units = [try hexadecimalUnit()]
      if UTF16.isLeadSurrogate(units[0]), peek == UInt8(ascii: "\\"), offset + 1 < bytes.count,
        bytes[offset + 1] == UInt8(ascii: "u")
      {
        offset += 2
        units.append(try hexadecimalUnit())
      }
      guard let character = String(validating: units, as: UTF16.self) else {
        offset = backslash
        throw failure("a whole surrogate pair")
      }
      text.append(contentsOf: character.utf8)
    default:
      offset = backslash
      throw failure("an escape that JSON knows")
    }
  }

  private mutating func hexadecimalUnit() throws(JSONFailure) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw failure("four hexadecimal digits")
      }
      unit = unit << 4 | UInt16(digit)
      offset += 1
    }
    return unit
  }
}
