internal import ActionableErrors
internal import Limits

/// Text that is not JSON: where, and why.
package struct JSONError: ActionableError, Equatable {
  /// From the first byte of what was parsed.
  package let offset: Int
  package let reason: String

  package var code: String { "json.malformed" }
  package var message: String { "not JSON at byte \(offset): \(reason)" }
  package var advice: String { "correct it; strings are in double quotes and nothing follows the last value" }
}

/// A strict reader of JSON (RFC 8259) in one pass, with a bound on nesting and with positions in its errors.
package struct JSONParser {
  package static let depthLimit = Limits.standard.texts.jsonDepth

  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private var depth = 0

  private init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// Reads exactly one value, with white space around it.
  package static func parse(_ bytes: ArraySlice<UInt8>) throws(JSONError) -> JSONValue {
    var parser = JSONParser(bytes)
    let value = try parser.value()
    parser.skipSpace()
    guard parser.position == bytes.endIndex else { throw parser.error("something follows the value") }
    return value
  }

  package static func parse(_ text: String) throws(JSONError) -> JSONValue {
    try parse(Array(text.utf8)[...])
  }

  /// Reads the value that begins at `position` and moves it behind that value; what follows is the caller's.
  package static func parsePrefix(_ bytes: ArraySlice<UInt8>, position: inout Int) throws(JSONError) -> JSONValue {
    var parser = JSONParser(bytes)
    parser.position = position
    let value = try parser.value()
    position = parser.position
    return value
  }

  private func error(_ reason: String) -> JSONError {
    JSONError(offset: position - bytes.startIndex, reason: reason)
  }

  private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func value() throws(JSONError) -> JSONValue {
    skipSpace()
    guard let byte = next else { throw error("it ends where a value is expected") }
    switch byte {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default:
      if take(word: "true") { return .bool(true) }
      if take(word: "false") { return .bool(false) }
      if take(word: "null") { return .null }
      throw error("a value is expected here")
    }
  }

  private mutating func take(word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard bytes.endIndex - position >= count else { return false }
    let same = word.withUTF8Buffer { bytes[position..<position + count].elementsEqual($0) }
    if same { position += count }
    return same
  }

  private mutating func enter() throws(JSONError) {
    depth += 1
    if depth > Self.depthLimit { throw error("it is nested more than \(Self.depthLimit) deep") }
    position += 1
    skipSpace()
  }

  private mutating func array() throws(JSONError) -> JSONValue {
    try enter()
    defer { depth -= 1 }
    var elements: [JSONValue] = []
    if take("]") { return .array(elements) }
    while true {
      elements.append(try value())
      skipSpace()
      if take("]") { return .array(elements) }
      guard take(",") else { throw error("a list goes on with , or ends with ]") }
    }
  }

  private mutating func object() throws(JSONError) -> JSONValue {
    try enter()
    defer { depth -= 1 }
    var members: [JSONValue.Member] = []
    if take("}") { return .object(members) }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw error("a name in double quotes is expected here") }
      let name = try string()
      skipSpace()
      guard take(":") else { throw error("a : is expected after the name \"\(name.prefix(40))\"") }
      members.append(.init(name, try value()))
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { throw error("an object goes on with , or ends with }") }
    }
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    var whole = true
    _ = take("-")
    guard digits() else { throw error("a digit is expected here") }
    let first = bytes[start] == UInt8(ascii: "-") ? start + 1 : start
    if bytes[first] == UInt8(ascii: "0"), position > first + 1 { throw error("a number does not begin with 0") }
    if take(".") {
      whole = false
      guard digits() else { throw error("a digit is expected after the decimal point") }
    }
    if take("e") || take("E") {
      whole = false
      if !take("+") { _ = take("-") }
      guard digits() else { throw error("a digit is expected in the exponent") }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if whole, let integer = Int(text) { return .integer(integer) }
    guard let number = Double(text), number.isFinite else { throw error("the number is too large") }
    return .number(number)
  }

  private mutating func digits() -> Bool {
    let start = position
    while let byte = next, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
    return position > start
  }

  private mutating func string() throws(JSONError) -> String {
    position += 1
    var plain = position
    var text: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        text += bytes[plain..<position]
        guard let string = String(validating: text, as: UTF8.self) else { throw error("the string is not UTF-8") }
        position += 1
        return string
      case UInt8(ascii: "\\"):
        text += bytes[plain..<position]
        position += 1
        try escape(into: &text)
        plain = position
      case 0..<0x20: throw error("a line break or control character inside a string must be escaped")
      default: position += 1
      }
    }
    throw error("a string has no closing quote")
  }

  private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
    guard let byte = next else { throw error("an escape ends the text") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "u"):
      var code = UInt32(try codeUnit())
      if 0xD800..<0xDC00 ~= code {
        guard take("\\"), take("u") else { throw error("half of a surrogate pair") }
        let low = UInt32(try codeUnit())
        guard 0xDC00..<0xE000 ~= low else { throw error("half of a surrogate pair") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw error("half of a surrogate pair") }
      text += Array(String(Character(scalar)).utf8)
    default: throw error("\\\(Character(Unicode.Scalar(byte))) is no escape")
    }
  }

  private mutating func codeUnit() throws(JSONError) -> UInt16 {
    guard bytes.endIndex - position >= 4,
      let digits = String(validating: bytes[position..<position + 4], as: UTF8.self),
      digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let unit = UInt16(digits, radix: 16)
    else { throw error("\\u needs four hexadecimal digits") }
    position += 4
    return unit
  }
}
