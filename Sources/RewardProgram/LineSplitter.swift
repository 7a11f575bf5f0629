/// Lines out of bytes that come in pieces. It keeps no more than one line, and of that no more than `limit` bytes.
struct LineSplitter {
  struct Line: Equatable {
    /// Without the line feed, at most `limit`.
    let bytes: [UInt8]
    /// Whether there was more of it, which has been or will be dropped.
    let isCut: Bool
  }

  private let limit: Int
  private var partial: [UInt8] = []
  private var isDropping = false

  init(limit: Int) {
    self.limit = limit
  }

  /// - Returns: the lines that end in `bytes`, and a cut one as soon as it is too long.
  mutating func add(_ bytes: UnsafeRawBufferPointer) -> [Line] {
    var lines: [Line] = []
    for piece in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      // Every piece but the first comes after a line feed.
      if piece.offset > 0 { lines += finish() ?? [] }
      take(piece.element, &lines)
    }
    return lines
  }

  /// The last line, if it lacks its line feed.
  mutating func end() -> Line? {
    partial.isEmpty ? nil : finish()?.first
  }

  private mutating func take(_ piece: Slice<UnsafeRawBufferPointer>, _ lines: inout [Line]) {
    guard !isDropping else { return }
    partial += piece.prefix(limit - partial.count + 1)
    guard partial.count > limit else { return }
    lines.append(Line(bytes: Array(partial.prefix(limit)), isCut: true))
    partial = []
    isDropping = true
  }

  /// At a line feed.
  private mutating func finish() -> [Line]? {
    defer { (partial, isDropping) = ([], false) }
    return isDropping ? nil : [Line(bytes: partial, isCut: false)]
  }
}
