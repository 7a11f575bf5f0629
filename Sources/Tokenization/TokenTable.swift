/// The tokens of a vocabulary by their spelling, and what each stands for.
struct TokenTable: Sendable {
  /// One more than the largest id.
  private(set) var size = 0
  /// Tokens that have an id.
  private(set) var count = 0
  private var idsBySpelling: [Spelling: Int32] = [:]
  /// All tokens' bytes, one after another, in the order they were added.
  private var bytes: [UInt8] = []
  /// [id]: where the token's bytes lie; nil for an id that stands for nothing.
  private var ranges: [Range<Int>?] = []

  /// UTF-8, compared byte for byte. (Strings compare as Unicode sees them, under which "é" has two spellings.)
  private struct Spelling: Hashable, Sendable {
    let bytes: [UInt8]

    func hash(into hasher: inout Hasher) {
      bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
  }

  mutating func reserveCapacity(_ tokens: Int) {
    idsBySpelling.reserveCapacity(tokens)
    ranges.reserveCapacity(tokens)
    bytes.reserveCapacity(8 * tokens)
  }

  /// - Parameters:
  ///   - spelling: as the tokenizer file has it, UTF-8.
  ///   - meaning: the bytes it stands for.
  ///   - id: at least 0.
  /// - Returns: false, and nothing is added, if the id or the spelling is taken.
  mutating func add(_ spelling: [UInt8], meaning: [UInt8], id: Int32) -> Bool {
    if Int(id) >= size {
      size = Int(id) + 1
      ranges.append(contentsOf: repeatElement(nil, count: size - ranges.count))
    }
    guard ranges[Int(id)] == nil, idsBySpelling.updateValue(id, forKey: Spelling(bytes: spelling)) == nil else {
      return false
    }
    ranges[Int(id)] = bytes.count..<bytes.count + meaning.count
    bytes.append(contentsOf: meaning)
    count += 1
    return true
  }

  func id(of spelling: [UInt8]) -> Int32? { idsBySpelling[Spelling(bytes: spelling)] }

  /// - Returns: what the token stands for, or nil if there is no such token.
  func bytes(of id: Int32) -> ArraySlice<UInt8>? {
    guard id >= 0, Int(id) < size, let range = ranges[Int(id)] else { return nil }
    return bytes[range]
  }
}
