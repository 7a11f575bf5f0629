internal import DurableFiles
internal import Foundation
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
  }
}

extension WeightManifest {
  init(_ wire: WireWeightManifest, _ limits: Limits) throws(WireError) {
    var total = 0
    var entries: [Entry] = []
    entries.reserveCapacity(wire.entries.count)
    for entry in wire.entries {
      var shape: [Int] = []
      for size in entry.shape { shape.append(try limits.size("a tensor's dimension", size, limits.artifact)) }
      let byteCount = try limits.size("the size of a tensor", entry.byteCount, limits.artifact)
      total += byteCount
      try limits.check("the size of the weights", total, limits.artifact)
      entries.append(
        Entry(
          name: try limits.name(entry.name), shape: shape, dtype: try limits.name(entry.dtype), byteCount: byteCount,
          digest: try Wire.digest(entry.digest)))
    }
    guard zip(entries, entries.dropFirst()).allSatisfy({ $0.name < $1.name }) else {
      throw .malformed("manifest", "its tensors are not in name order")
    }
    self.init(version: wire.version, entries: entries)
  }
}

extension WireSource {
  init(_ source: Fetch.Source) {
    self.init()
    self.source =
      switch source {
      case .artifact(let digest): .artifact(Data(digest.bytes))
      case .weights(let version): .weights(version)
      }
  }
}

extension Fetch.Source {
  init(_ wire: WireSource) throws(WireError) {
    switch wire.source {
    case .artifact(let data): self = .artifact(try digest(data))
    case .weights(let version): self = .weights(version: version)
    case nil: throw .malformed("fetch", "it does not say what of")
    }
  }
}

extension WireChunk {
  init(_ chunk: Chunk) {
    self.init()
    source = WireSource(chunk.source)
    offset = UInt64(chunk.offset)
    bytes = Data(chunk.bytes)
  }
}

extension Chunk {
  init(_ wire: WireChunk, _ limits: Limits) throws(WireError) {
    try limits.check("the size of a chunk", wire.bytes.count, limits.chunk)
    self.init(
      source: try Fetch.Source(wire.source), offset: try limits.size("the offset of a chunk", wire.offset, limits.artifact),
      bytes: [UInt8](wire.bytes))
  }
}
