internal import Rollout
internal import TrustGRPO
internal import Wire

/// The ledger's journal on the simulated disk: one entry after the other, each as its length (4 bytes), the wall-clock time
/// in microseconds (8), a checksum (8) and its content. An entry that is not whole is none, so what power was lost over
/// is cut off.
struct JournalFile: Sendable {
  enum Entry: Sendable {
    case commit([JournalRecord])
    /// The ledger was taken back to a checkpoint.
    case rollBack(to: UInt32)
  }

  static let name = "journal"
  private static let headerSize = 20

  let codec: Codec
  let settings: TrustGRPOSettings

  /// - Parameter encoded: the bytes of a group, if it has been encoded before.
  func bytes(of records: [JournalRecord], wall: UInt64, encoded: (ScoredGroup) -> [UInt8]? = { _ in nil }) -> [UInt8] {
    var body = RecordBytes(codec)
    for record in records { body.append(record, encoded) }
    return entry(body.bytes, wall)
  }

  func bytes(ofRollBackTo step: UInt32, wall: UInt64) -> [UInt8] {
    entry([RecordBytes.rollBackTag] + (0..<4).map { UInt8(truncatingIfNeeded: step >> (8 * $0)) }, wall)
  }

  private func entry(_ content: [UInt8], _ wall: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(content.count + Self.headerSize)
    append(UInt64(content.count), 4, to: &bytes)
    append(wall, 8, to: &bytes)
    append(Self.checksum(content[...], wall), 8, to: &bytes)
    bytes += content
    return bytes
  }

  private func append(_ number: UInt64, _ count: UInt64, to bytes: inout [UInt8]) {
    for shift in stride(from: UInt64(0), to: 8 * count, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
  }

  /// - Returns: every entry from `start` on that is whole, oldest first, and where the last one ends.
  func read(_ bytes: [UInt8], from start: Int) throws -> (entries: [Entry], end: Int) {
    func number(_ offset: Int, _ count: Int) -> UInt64 {
      (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }
    var entries: [Entry] = []
    var offset = start
    while bytes.count - offset >= Self.headerSize {
      let (count, content) = (Int(number(offset, 4)), offset + Self.headerSize)
      guard count <= bytes.count - content,
        Self.checksum(bytes[content..<content + count], number(offset + 4, 8)) == number(offset + 12, 8)
      else { break }
      if bytes[content] == RecordBytes.rollBackTag {
        entries.append(.rollBack(to: UInt32(number(content + 1, 4))))
      } else {
        var reader = RecordReader(bytes[content..<content + count], codec, settings)
        var records: [JournalRecord] = []
        while let record = try reader.next() { records.append(record) }
        entries.append(.commit(records))
      }
      offset = content + count
    }
    return (entries, offset)
  }

  private static func checksum(_ bytes: ArraySlice<UInt8>, _ wall: UInt64) -> UInt64 {
    var hash = TraceHash()
    hash.mix(wall)
    bytes.withUnsafeBytes { hash.mix($0) }
    return hash.value
  }
}
