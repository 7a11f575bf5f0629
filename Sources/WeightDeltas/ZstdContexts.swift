internal import CZstd
internal import Synchronization

/// Memory that zstd works in. Making it costs more than a small delta does, so it is kept for the next one.
enum ZstdContexts {
  /// Freed with the process; no more of each than were ever in use at once.
  private struct Spare: @unchecked Sendable {
    // zstd's contexts belong to no thread: each is used by one at a time, whoever took it out of here.
    var compressors: [OpaquePointer] = []
    var decompressors: [OpaquePointer] = []
  }

  private static let spare = Mutex(Spare())

  /// - Returns: nil if there is no memory.
  static func withCompressor<Result, Failure: Error>(
    _ body: (OpaquePointer) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard let context = spare.withLock({ $0.compressors.popLast() }) ?? ZSTD_createCCtx() else { return nil }
    defer { spare.withLock { $0.compressors.append(context) } }
    return try body(context)
  }

  /// - Returns: nil if there is no memory.
  static func withDecompressor<Result, Failure: Error>(
    _ body: (OpaquePointer) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard let context = spare.withLock({ $0.decompressors.popLast() }) ?? ZSTD_createDCtx() else { return nil }
    defer { spare.withLock { $0.decompressors.append(context) } }
    return try body(context)
  }
}
