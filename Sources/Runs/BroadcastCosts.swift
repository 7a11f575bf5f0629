internal import DurableFiles
internal import Foundation

/// What one core takes for what no worker can do without, measured in the chunks in which weights arrive.
package struct BroadcastCosts: Sendable, Hashable, Codable {
  /// Into memory that is in use, seconds a GiB.
  package let copy: Double
  /// Into memory that the system must clear first, seconds a GiB.
  package let copyIntoFreshMemory: Double
  /// SHA-256, seconds a GiB.
  package let hash: Double

  package static func measured(chunk: Int) -> BroadcastCosts {
    let size = 256 << 20
    let source = [UInt8](repeating: 7, count: size)
    var target = [UInt8](unsafeUninitializedCapacity: size) { $1 = size }
    func perGiB(_ body: (_ part: UnsafeRawBufferPointer, _ place: UnsafeMutableRawBufferPointer) -> Void) -> Double {
      let start = Lap.Start.now
      source.withUnsafeBytes { source in
        target.withUnsafeMutableBytes { target in
          for offset in stride(from: 0, to: size, by: chunk) {
            let range = offset..<min(offset + chunk, size)
            body(UnsafeRawBufferPointer(rebasing: source[range]), UnsafeMutableRawBufferPointer(rebasing: target[range]))
          }
        }
      }
      return start.lap.processor.inSeconds * Double(1 << 30) / Double(size)
    }
    let fresh = perGiB { $1.copyMemory(from: $0) }
    let copy = perGiB { $1.copyMemory(from: $0) }
    var hasher = SHA256Hasher()
    return BroadcastCosts(copy: copy, copyIntoFreshMemory: fresh, hash: perGiB { part, _ in hasher.update(part) })
  }

  /// What the cores of this machine could reach if they did nothing but this beside the plain transfer.
  ///
  /// - Returns: bytes that reach all receivers together, in MB/s.
  package func bound(besides plain: BroadcastBenchmark.Measurement, isFresh: Bool) -> Double {
    let bytes = plain.megabytesPerSecond * 1e6 * plain.seconds
    let coreSeconds = plain.coreSeconds + bytes / Double(1 << 30) * ((isFresh ? copyIntoFreshMemory : copy) + hash)
    return bytes * 1e-6 * Double(ProcessInfo.processInfo.activeProcessorCount) / coreSeconds
  }
}
