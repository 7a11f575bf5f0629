internal import Foundation

/// The lines of an open file or pipe as they come, without their ends, as bytes: text may be no UTF-8, and whoever reads
/// it must be able to say on which line.
package struct ByteLines: Sequence, IteratorProtocol {
  private let descriptor: Int32
  private let limit: Int
  private var buffer: [UInt8] = []
  /// Where in `buffer` the next line begins.
  private var start = 0
  private var ended = false

  /// - Parameters:
  ///   - descriptor: open for reading; 0 is standard input. Not closed.
  ///   - limit: bytes in a line; a longer one is cut there, which no JSON survives.
  package init(descriptor: Int32 = 0, limit: Int = 1 << 26) {
    self.descriptor = descriptor
    self.limit = limit
  }

  package mutating func next() -> [UInt8]? {
    var searched = start
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        return Array(buffer[start..<end])
      }
      if ended || buffer.count - start >= limit {
        guard start < buffer.count else { return nil }
        defer { start = buffer.count }
        return Array(buffer[start...])
      }
      buffer.removeFirst(start)
      start = 0
      searched = buffer.count
      fill()
    }
  }

  /// Appends what the file has ready, and waits if it has nothing.
  private mutating func fill() {
    let chunk = [UInt8](unsafeUninitializedCapacity: 1 << 16) { space, count in
      var got: Int
      repeat { got = read(descriptor, space.baseAddress, space.count) } while got < 0 && errno == EINTR
      count = Swift.max(got, 0)
    }
    buffer += chunk
    ended = chunk.isEmpty
  }
}
