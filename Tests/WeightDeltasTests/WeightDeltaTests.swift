import DurableFiles
import Rollout
import Testing

@testable import WeightDeltas

/// Two versions of a model: tensors by type and number of elements.
struct ModelPair: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let tensors: [(dtype: String, width: Int, count: Int)]
  let base: [UInt8]
  let target: [UInt8]

  /// - Parameter change: the bytes of element `index` (in the whole model) after a step, from those before it.
  init(
    _ description: String, _ tensors: [(dtype: String, width: Int, count: Int)], seed: UInt64 = 1,
    change: (_ index: Int, _ bytes: [UInt8]) -> [UInt8]
  ) {
    (testDescription, self.tensors) = (description, tensors)
    let random = CounterRandom(seed: seed, epoch: 0, prompt: 0, sample: 0)
    var (base, target): ([UInt8], [UInt8]) = ([], [])
    var index = 0
    for tensor in tensors {
      for _ in 0..<tensor.count {
        let bytes = (0..<tensor.width).map { UInt8(truncatingIfNeeded: random.bits(at: UInt32(index)) >> (8 * $0)) }
        base += bytes
        target += change(index, bytes)
        index += 1
      }
    }
    (self.base, self.target) = (base, target)
  }

  var manifest: WeightManifest {
    var offset = 0
    let entries = tensors.enumerated().map { index, tensor in
      let byteCount = tensor.width * tensor.count
      defer { offset += byteCount }
      return WeightManifest.Entry(
        name: "t\(index)", shape: [tensor.count], dtype: tensor.dtype, byteCount: byteCount,
        digest: SHA256Digest(of: Array(target[offset..<offset + byteCount])))
    }
    return WeightManifest(version: 1, entries: entries)
  }

  static let few: @Sendable (Int, [UInt8]) -> [UInt8] = { index, bytes in
    index.isMultiple(of: 17) ? [bytes[0] ^ 1] + bytes.dropFirst() : bytes
  }

  static let all = [
    ModelPair("bf16", [("BF16", 2, 3000), ("BF16", 2, 500)], change: few),
    ModelPair("float32, all low bytes changed", [("F32", 4, 4000)]) { index, bytes in
      [bytes[0] &+ UInt8(truncatingIfNeeded: index &* 7), bytes[1] ^ 1, bytes[2], bytes[3]]
    },
    ModelPair("types and sizes mixed, one element, empty tensors", [
      ("F32", 4, 0), ("BF16", 2, 1), ("U8", 1, 4097), ("F64", 8, 333), ("BF16", 2, 0), ("F16", 2, 77),
    ], change: few),
    ModelPair("an unknown type", [("F8_E4M3", 1, 5001)], change: few),
    ModelPair("not a number, infinity and minus zero", [("BF16", 2, 4000)]) { index, bytes in
      let patterns: [[UInt8]] = [[0xC1, 0x7F], [0x80, 0x7F], [0x80, 0xFF], [0, 0x80], [0xFF, 0xFF]]
      return index.isMultiple(of: 50) ? patterns[index / 50 % 5] : bytes
    },
    ModelPair("nothing changed", [("F32", 4, 2000)]) { _, bytes in bytes },
    ModelPair("more than a block", [("BF16", 2, 1 << 20), ("F32", 4, 5)], change: few),
    ModelPair("blocks of which one cannot be compressed", [("BF16", 2, 1 << 20)]) { index, bytes in
      [bytes[0] ^ UInt8(truncatingIfNeeded: (index &* 0x9E37_79B9) >> 13 ^ index), bytes[1]]
    },
  ]
}

@Suite("The delta between two versions")
struct WeightDeltaTests {
  @Test("leads to the very bits of the next version, and is shorter", arguments: ModelPair.all)
  func roundTrip(_ pair: ModelPair) throws {
    let delta = try #require(WeightDelta.make(from: pair.base, to: pair.target, pair.manifest))
    #expect(delta.count < pair.target.count)
    #expect(try WeightDelta.apply(delta, to: pair.base, pair.manifest) == pair.target)
    let assembly = WeightAssembly(manifest: pair.manifest, form: .delta(base: pair.base), collected: delta)
    guard case .whole(pair.target) = assembly.assembled() else {
      Issue.record("was not assembled")
      return
    }
  }

  @Test("is not made where it would be no shorter, and not between models of other sizes")
  func noGain() {
    let noise = ModelPair("noise", [("F32", 4, 5000)]) { index, bytes in
      SHA256Digest(of: [UInt8(truncatingIfNeeded: index), UInt8(truncatingIfNeeded: index >> 8)] + bytes).bytes.prefix(4) + []
    }
    #expect(WeightDelta.make(from: noise.base, to: noise.target, noise.manifest) == nil)
    let pair = ModelPair.all[0]
    #expect(WeightDelta.make(from: Array(pair.base.dropLast()), to: pair.target, pair.manifest) == nil)
    #expect(WeightDelta.make(from: [], to: [], WeightManifest(version: 1, entries: [])) == nil)
  }

  @Test("the bytes of elements stand together by significance")
  func planes() {
    let entry = WeightManifest.Entry(
      name: "w", shape: [3], dtype: "BF16", byteCount: 6, digest: SHA256Digest(of: []))
    let order = BytePlanes(WeightManifest(version: 0, entries: [entry]))
    #expect(order.planes == [.init(first: 0, stride: 2, count: 3), .init(first: 1, stride: 2, count: 3)])
    var blocks: [[BytePlanes.Plane]] = []
    order.forEachBlock(of: 4) { blocks.append($0) }
    #expect(
      blocks == [
        [.init(first: 0, stride: 2, count: 3), .init(first: 1, stride: 2, count: 1)],
        [.init(first: 3, stride: 2, count: 2)],
      ])
  }

  // MARK: Damage

  @Test("with any byte changed is refused, or found out by the manifest's hashes", arguments: ModelPair.all.prefix(3))
  func flipped(_ pair: ModelPair) throws {
    let delta = try #require(WeightDelta.make(from: pair.base, to: pair.target, pair.manifest))
    for position in stride(from: 0, to: delta.count, by: max(1, delta.count / 200)) {
      for bit in [0, 7] {
        var damaged = delta
        damaged[position] ^= 1 << bit
        let assembly = WeightAssembly(manifest: pair.manifest, form: .delta(base: pair.base), collected: damaged)
        // A few bits of a compressed block mean nothing; then the weights are the right ones all the same.
        if case .whole(let bytes) = assembly.assembled() { #expect(bytes == pair.target) }
      }
    }
  }

  @Test("that ends too soon, goes on too long or applies to something else is refused")
  func wrongSize() throws {
    let pair = ModelPair.all[0]
    let delta = try #require(WeightDelta.make(from: pair.base, to: pair.target, pair.manifest))
    for count in [0, 1, 3, 4, 10, delta.count - 1] {
      #expect(throws: WeightDelta.Damage.self) {
        try WeightDelta.apply(Array(delta.prefix(count)), to: pair.base, pair.manifest)
      }
    }
    #expect(throws: WeightDelta.Damage.self) { try WeightDelta.apply(delta + [0], to: pair.base, pair.manifest) }
    #expect(throws: WeightDelta.Damage.self) {
      try WeightDelta.apply(delta, to: Array(pair.base.dropLast(2)), pair.manifest)
    }
    let assembly = WeightAssembly(manifest: pair.manifest, form: .delta(base: pair.target), collected: delta)
    guard case .damaged = assembly.assembled() else {
      Issue.record("another base gave the right weights")
      return
    }
  }

  @Test("whose block grows beyond what it may hold, or announces more than there is, is refused without growing")
  func bomb() throws {
    // A well-formed block of a megabyte of zeros, where the model has room for 2,000 bytes.
    let large = ModelPair("zeros", [("U8", 1, 1 << 20)]) { _, bytes in bytes }
    let bomb = try #require(WeightDelta.make(from: large.base, to: large.target, large.manifest))
    #expect(bomb.count < 200)
    let small = ModelPair("small", [("U8", 1, 2000)]) { _, bytes in bytes }
    for delta in [bomb, [0xFF, 0xFF, 0xFF, 0xFF] + bomb, [0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0]] {
      #expect(throws: WeightDelta.Damage.self) { try WeightDelta.apply(delta, to: small.base, small.manifest) }
    }
    // And one that holds less than it must.
    let short = try #require(WeightDelta.make(from: small.base, to: small.target, small.manifest))
    #expect(throws: WeightDelta.Damage.self) { try WeightDelta.apply(short, to: large.base, large.manifest) }
  }

  @Test("of random bytes never crashes")
  func noise() {
    let pair = ModelPair.all[0]
    for seed in 0..<300 as Range<UInt64> {
      let random = CounterRandom(seed: seed, epoch: 0, prompt: 0, sample: 0)
      var bytes = (0..<random.bits(at: 0) % 400).map { UInt8(truncatingIfNeeded: random.bits(at: UInt32($0) + 1)) }
      // A plausible length, so that zstd sees the rest.
      if bytes.count > 4 { (bytes[0], bytes[1], bytes[2], bytes[3]) = (UInt8(truncatingIfNeeded: bytes.count - 4), UInt8((bytes.count - 4) >> 8), 0, 0) }
      #expect(throws: WeightDelta.Damage.self) { try WeightDelta.apply(bytes, to: pair.base, pair.manifest) }
    }
  }
}
