/// Finds added tokens in a text: leftmost first, then longest.
struct AddedTokenMatcher: Sendable {
  /// A stretch of text, or a token in its place. Offsets are in bytes.
  enum Piece: Equatable {
    case text(Range<Int>)
    case token(Int32)
  }

  private let tokens: [AddedToken]
  /// A trie over the contents: (node, byte) to node, the root being 0.
  private var edges: [UInt64: Int32] = [:]
  /// [node]: index of the token that ends there, or -1.
  private var ends: [Int] = [-1]
  /// [byte]: whether any token begins with it.
  private var begins = [Bool](repeating: false, count: 256)

  /// - Parameter content: the bytes to look for, for each token; not empty.
  init(_ tokens: [AddedToken], content: (AddedToken) -> [UInt8]) {
    self.tokens = tokens
    for (index, token) in tokens.enumerated() {
      var node: Int32 = 0
      let bytes = content(token)
      if let first = bytes.first { begins[Int(first)] = true }
      for byte in bytes {
        if let following = edges[Self.edge(node, byte)] {
          node = following
        } else {
          edges[Self.edge(node, byte)] = Int32(ends.count)
          node = Int32(ends.count)
          ends.append(-1)
        }
      }
      ends[Int(node)] = index
    }
  }

  /// - Parameters:
  ///   - text: valid UTF-8.
  ///   - allowingSpecial: if false, special tokens are text like any other.
  func pieces(of text: UnsafeBufferPointer<UInt8>, allowingSpecial: Bool) -> [Piece] {
    var pieces: [Piece] = []
    var done = 0
    var offset = 0
    while let match = firstMatch(from: offset, in: text) {
      offset = match.range.upperBound
      let token = tokens[match.token]
      if token.special, !allowingSpecial { continue }
      var (start, end) = (match.range.lowerBound, match.range.upperBound)
      if token.singleWord, !standsAlone(start..<end, in: text) { continue }
      if token.stripsLeft { start = max(done, startOfSpace(before: start, in: text)) }
      if token.stripsRight { end = endOfSpace(after: end, in: text) }
      if done < start { pieces.append(.text(done..<start)) }
      pieces.append(.token(token.id))
      done = end
    }
    if done < text.count { pieces.append(.text(done..<text.count)) }
    return pieces
  }

  private static func edge(_ node: Int32, _ byte: UInt8) -> UInt64 {
    UInt64(UInt32(bitPattern: node)) << 8 | UInt64(byte)
  }

  private func firstMatch(
    from offset: Int, in text: UnsafeBufferPointer<UInt8>
  ) -> (token: Int, range: Range<Int>)? {
    for start in offset..<max(offset, text.count) where begins[Int(text[start])] {
      var longest: (token: Int, range: Range<Int>)?
      var node: Int32 = 0
      var end = start
      while end < text.count, let following = edges[Self.edge(node, text[end])] {
        node = following
        end += 1
        if ends[Int(node)] >= 0 { longest = (ends[Int(node)], start..<end) }
      }
      if let longest { return longest }
    }
    return nil
  }

  private func standsAlone(_ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    let before = range.lowerBound > 0 ? lastScalar(before: range.lowerBound, in: text) : nil
    let after = range.upperBound < text.count ? text.scalar(at: range.upperBound).scalar : nil
    return before?.isWordCharacter != true && after?.isWordCharacter != true
  }

  private func startOfSpace(before end: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    var start = end
    while start > 0 {
      let scalar = lastScalar(before: start, in: text)
      guard scalar.properties.isWhitespace else { break }
      start -= UTF8.width(scalar)
    }
    return start
  }

  private func endOfSpace(after start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    var end = start
    while end < text.count {
      let (scalar, length) = text.scalar(at: end)
      guard scalar.properties.isWhitespace else { break }
      end += length
    }
    return end
  }

  /// - Precondition: `end > 0`.
  private func lastScalar(before end: Int, in text: UnsafeBufferPointer<UInt8>) -> Unicode.Scalar {
    var start = end - 1
    while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
    return text.scalar(at: start).scalar
  }
}

extension Unicode.Scalar {
  /// `\w` of Unicode's regular expressions (UTS 18, annex C).
  fileprivate var isWordCharacter: Bool {
    if properties.isAlphabetic || properties.isJoinControl { return true }
    return switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
    default: false
    }
  }
}
