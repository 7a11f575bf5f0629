/// Memory that stays where it is: the same address and the same bytes for as long as the value exists.
package protocol StableBytes: Sendable {
  func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
}

// Arrays of bytes lie in one heap object; whoever writes to it while another holds it writes to a copy.
extension [UInt8]: StableBytes {}
extension ArraySlice<UInt8>: StableBytes {}

/// Bytes that travel beside a message without being copied: a part of the learner's weights on the way out, memory of
/// the network library on the way in.
package struct Payload: Sendable {
  /// An object, so that messages, few of which have a payload, are small.
  private final class Storage: Sendable {
    let bytes: any StableBytes
    let count: Int

    init(_ bytes: some StableBytes) {
      self.bytes = bytes
      count = bytes.withUnsafeBytes(\.count)
    }
  }

  private let storage: Storage

  package init(_ bytes: some StableBytes) {
    storage = Storage(bytes)
  }

  package var count: Int { storage.count }

  /// The bytes in place. The address is good for as long as this payload exists.
  package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try storage.bytes.withUnsafeBytes(body)
  }

  /// A copy of the bytes.
  package var bytes: [UInt8] { withUnsafeBytes { Array($0) } }
}

extension Payload: Hashable {
  package static func == (left: Self, right: Self) -> Bool {
    left.withUnsafeBytes { left in right.withUnsafeBytes { right in left.elementsEqual(right) } }
  }

  package func hash(into hasher: inout Hasher) {
    withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}

extension Payload: ExpressibleByArrayLiteral {
  package init(arrayLiteral bytes: UInt8...) {
    self.init(bytes)
  }
}
