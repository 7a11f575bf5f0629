internal import DurableFiles
internal import Foundation
internal import Limits
internal import Rollout

extension WireWeightManifest {
  init(_ manifest: WeightManifest) {
    self.init()
    version = manifest.version
    entries = manifest.entries.map { entry in
      Entry.with {
        $0.name = entry.name
        $0.shape = entry.shape.map { UInt64($0) }
        $0.dtype = entry.dtype
        $0.byteCount = UInt64(entry.byteCount)
        $0.digest = Data(entry.digest.bytes)
      }
    }
    if let delta = manifest.delta {
      self.delta = Delta.with {
        $0.base = delta.base
        $0.baseDigest = Data(delta.baseDigest.bytes)
        $0.byteCount = UInt64(delta.byteCount)
      }
    }
  }
}

extension WeightManifest {
  init(_ wire: WireWeightManifest, _ limits: Limits) throws(WireError) {
    var total = 0
    var entries: [Entry] = []
    entries.reserveCapacity(wire.entries.count)
    for entry in wire.entries {
      let shape = try limits.shape(of: entry)
      let byteCount = try limits.size("the size of a tensor", entry.byteCount, limits.messages.artifact)
      total += byteCount
      try limits.check("the size of the weights", total, limits.messages.artifact)
      entries.append(
        Entry(
          name: try limits.name(entry.name), shape: shape, dtype: try limits.name(entry.dtype), byteCount: byteCount,
          digest: try Wire.digest(entry.digest)))
    }
    let pairs = zip(entries, entries.dropFirst())
    guard pairs.allSatisfy({ $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) else {
      throw .malformed("manifest", "its tensors are not in name order")
    }
    self.init(version: wire.version, entries: entries, delta: try wire.delta(of: total))
  }
}

extension WireWeightManifest {
  /// - Parameter weights: the bytes of the weights that it leads to.
  fileprivate func delta(of weights: Int) throws(WireError) -> WeightManifest.Delta? {
    guard hasDelta else { return nil }
    guard delta.base < version, delta.byteCount > 0, delta.byteCount < UInt64(weights) else {
      throw .malformed("manifest", "a delta of \(delta.byteCount) bytes from version \(delta.base) to \(version)")
    }
    return WeightManifest.Delta(
      base: delta.base, baseDigest: try Wire.digest(delta.baseDigest), byteCount: Int(delta.byteCount))
  }
}

extension Limits {
  /// The shape of a tensor whose elements take as many bytes as the entry says.
  fileprivate func shape(of entry: WireWeightManifest.Entry) throws(WireError) -> [Int] {
    try check("the dimensions of a tensor", entry.shape.count, models.tensorRank)
    var bytes = try width(ofType: entry.dtype)
    var shape: [Int] = []
    for dimension in entry.shape {
      let dimension = try size("a tensor's dimension", dimension, messages.artifact)
      let (product, isTooLarge) = bytes.multipliedReportingOverflow(by: dimension)
      guard !isTooLarge else { throw .malformed("manifest", "a tensor is too large to count") }
      bytes = product
      shape.append(dimension)
    }
    guard UInt64(bytes) == entry.byteCount else {
      throw .malformed("manifest", "\(entry.byteCount) bytes for a tensor \(shape) of \(text(entry.dtype))")
    }
    return shape
  }

  /// Bytes of an element, by its type's name in safetensors.
  private func width(ofType name: String) throws(WireError) -> Int {
    switch name {
    case "BOOL", "U8", "I8": 1
    case "F16", "BF16", "U16", "I16": 2
    case "F32", "U32", "I32": 4
    case "F64", "U64", "I64": 8
    default: throw .malformed("manifest", "a tensor is of type '\(text(name))', which this version does not know")
    }
  }
}

extension WireSource {
  init(_ source: Fetch.Source) {
    self.init()
    self.source =
      switch source {
      case .artifact(let digest): .artifact(Data(digest.bytes))
      case .weights(let version): .weights(version)
      case .delta(let version): .delta(version)
      }
  }
}

extension Fetch.Source {
  init(_ wire: WireSource) throws(WireError) {
    switch wire.source {
    case .artifact(let data): self = .artifact(try digest(data))
    case .weights(let version): self = .weights(version: version)
    case .delta(let version): self = .delta(version: version)
    case nil: throw .malformed("fetch", "it does not say what of")
    }
  }
}

extension WireChunk {
  /// All of the chunk but its bytes.
  init(_ chunk: Chunk) {
    self.init()
    source = WireSource(chunk.source)
    offset = UInt64(chunk.offset)
    byteCount = UInt64(chunk.payload.count)
  }
}

extension Chunk {
  init(_ wire: WireChunk, _ payload: Payload?, _ limits: Limits) throws(WireError) {
    let byteCount = try limits.size("the size of a chunk", wire.byteCount, limits.messages.chunk)
    guard let payload, payload.count == byteCount, byteCount > 0 else {
      throw .malformed("chunk", "it announces \(byteCount) bytes and \(payload?.count ?? 0) come with it")
    }
    self.init(
      source: try Fetch.Source(wire.source), offset: try limits.size("the offset of a chunk", wire.offset, limits.messages.artifact),
      payload: payload)
  }
}
