internal import CZstd
internal import Limits
package import Rollout

/// A lossless way from one policy version to the next: the exclusive or of their bytes, in the order of `BytePlanes`, cut
/// into blocks of 1 MiB, each written as its length (4 bytes, the lowest first) and its bytes: compressed with zstd, or
/// as they are if that is no shorter, which their length tells.
package enum WeightDelta {
  /// Bytes of a block before compression.
  static let blockSize = Limits.standard.messages.deltaBlock
  private static let lengthSize = 4
  /// zstd's fastest; higher levels gain under a hundredth here.
  private static let level: Int32 = 1

  /// Why bytes are not a delta between these versions.
  package struct Damage: Error, CustomStringConvertible {
    package let description: String
  }

  /// - Parameters:
  ///   - base: the bytes of the version before, as many and in the same tensors as those of `target`.
  ///   - manifest: of `target`.
  /// - Returns: nil if the delta would be no smaller than `target`.
  package static func make(from base: [UInt8], to target: [UInt8], _ manifest: WeightManifest) -> [UInt8]? {
    let order = BytePlanes(manifest)
    guard base.count == target.count, target.count == order.byteCount else { return nil }
    let delta = ZstdContexts.withCompressor { make(from: base, to: target, order, $0) }
    return delta ?? nil
  }

  private static func make(
    from base: [UInt8], to target: [UInt8], _ order: BytePlanes, _ compressor: OpaquePointer
  ) -> [UInt8]? {
    let largestBlock = min(blockSize, order.byteCount)
    let blockBound = ZSTD_compressBound(largestBlock)
    var delta: [UInt8] = []
    delta.reserveCapacity(target.count / 8)
    var block = [UInt8](repeating: 0, count: largestBlock)
    var packed = [UInt8](repeating: 0, count: blockBound)
    do throws(Damage) {
      try order.forEachBlock(of: blockSize) { pieces throws(Damage) in
        var count = 0
        for piece in pieces {
          difference(base, target, piece, into: &block, at: count)
          count += piece.count
        }
        let size = ZSTD_compressCCtx(compressor, &packed, blockBound, block, count, level)
        let isShorter = ZSTD_isError(size) == 0 && size < count
        let length = isShorter ? size : count
        guard delta.count + lengthSize + length < target.count else { throw Damage(description: "no smaller") }
        for shift in stride(from: 0, to: 8 * lengthSize, by: 8) { delta.append(UInt8(truncatingIfNeeded: length >> shift)) }
        delta.append(contentsOf: (isShorter ? packed : block)[..<length])
      }
    } catch {
      return nil
    }
    return delta.isEmpty ? nil : delta
  }

  /// - Parameter manifest: of the version that the delta leads to.
  /// - Returns: that version's bytes, if nothing is damaged; only the manifest's hashes can tell.
  package static func apply(_ delta: [UInt8], to base: [UInt8], _ manifest: WeightManifest) throws(Damage) -> [UInt8] {
    let order = BytePlanes(manifest)
    guard base.count == order.byteCount else {
      throw Damage(description: "it leads to \(order.byteCount) bytes and the base has \(base.count)")
    }
    let target = try ZstdContexts.withDecompressor { context throws(Damage) in try apply(delta, to: base, order, context) }
    guard let target else { throw Damage(description: "there is no memory to read it") }
    return target
  }

  private static func apply(
    _ delta: [UInt8], to base: [UInt8], _ order: BytePlanes, _ decompressor: OpaquePointer
  ) throws(Damage) -> [UInt8] {
    var target = base
    var block = [UInt8](repeating: 0, count: min(blockSize, order.byteCount))
    var offset = 0
    try order.forEachBlock(of: blockSize) { pieces throws(Damage) in
      let count = pieces.reduce(0) { $0 + $1.count }
      guard delta.count - offset >= lengthSize else { throw Damage(description: "the delta ends too soon") }
      let length = (0..<lengthSize).reduce(0) { $0 | Int(delta[offset + $1]) << (8 * $1) }
      offset += lengthSize
      guard length <= min(count, delta.count - offset) else {
        throw Damage(description: "a block of the delta is longer than what it holds")
      }
      try unpack(delta[offset..<offset + length], into: &block, count, decompressor)
      offset += length
      var done = 0
      for piece in pieces {
        change(&target, piece, by: block, at: done)
        done += piece.count
      }
    }
    guard offset == delta.count else { throw Damage(description: "the delta goes on after its last block") }
    return target
  }

  /// The buffer is exactly as large as the block may become: zstd writes no further, and needs no other memory.
  private static func unpack(
    _ packed: ArraySlice<UInt8>, into block: inout [UInt8], _ count: Int, _ decompressor: OpaquePointer
  ) throws(Damage) {
    if packed.count == count {
      block.replaceSubrange(..<count, with: packed)
      return
    }
    let size = packed.withUnsafeBytes { packed in
      block.withUnsafeMutableBytes { ZSTD_decompressDCtx(decompressor, $0.baseAddress, count, packed.baseAddress, packed.count) }
    }
    guard ZSTD_isError(size) == 0 else {
      throw Damage(description: "a block of the delta cannot be read: \(String(cString: ZSTD_getErrorName(size)))")
    }
    guard size == count else { throw Damage(description: "a block of the delta holds \(size) bytes instead of \(count)") }
  }

  // MARK: Bytes at a distance

  private static func difference(
    _ base: [UInt8], _ target: [UInt8], _ piece: BytePlanes.Plane, into block: inout [UInt8], at start: Int
  ) {
    base.withUnsafeBufferPointer { base in
      target.withUnsafeBufferPointer { target in
        block.withUnsafeMutableBufferPointer { block in
          var place = piece.first
          for index in start..<start + piece.count {
            block[index] = base[place] ^ target[place]
            place += piece.stride
          }
        }
      }
    }
  }

  private static func change(_ target: inout [UInt8], _ piece: BytePlanes.Plane, by block: [UInt8], at start: Int) {
    target.withUnsafeMutableBufferPointer { target in
      block.withUnsafeBufferPointer { block in
        var place = piece.first
        for index in start..<start + piece.count {
          target[place] ^= block[index]
          place += piece.stride
        }
      }
    }
  }
}

extension WeightAssembly {
  /// Applies a delta, and checks every tensor's hash.
  package func assembled() -> Outcome {
    switch form {
    case .full: return checked(collected)
    case .delta(let base):
      do throws(WeightDelta.Damage) {
        return checked(try WeightDelta.apply(collected, to: base, manifest))
      } catch {
        return .damaged(reason: error.description)
      }
    }
  }
}

extension WeightManifest {
  /// The manifest with the delta that leads to it, if there is a shorter one than the weights themselves.
  package func offering(
    _ delta: [UInt8]?, from base: WeightManifest
  ) -> WeightManifest {
    var offer = self
    offer.delta = delta.map { Delta(base: base.version, baseDigest: base.digest, byteCount: $0.count) }
    return offer
  }
}
