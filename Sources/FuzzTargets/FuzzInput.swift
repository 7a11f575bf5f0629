/// The parts of an input, for decoders that take more than one thing.
struct FuzzInput {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  /// The next byte; 0 where there is none.
  mutating func byte() -> Int { Int(rest.popFirst() ?? 0) }

  /// One of `choices`.
  mutating func one<Choice>(of choices: [Choice]) -> Choice { choices[byte() % choices.count] }

  /// The last bytes, as many as there are up to `count`.
  mutating func last(_ count: Int) -> [UInt8] {
    defer { rest = rest.dropLast(count) }
    return Array(rest.suffix(count))
  }

  /// What is left.
  var bytes: [UInt8] { Array(rest) }

  /// What is left up to a byte that occurs in no UTF-8, or all of it.
  mutating func text() -> String {
    let end = rest.firstIndex(of: 0xFF) ?? rest.endIndex
    defer { rest = rest[end...].dropFirst() }
    return String(decoding: rest[..<end], as: UTF8.self)
  }
}
