/// Weights that a worker's machine had before the run: the tensors that a version has in common with them need not be fetched.
package struct LocalWeights: Sendable {
  /// Of no version of the run.
  package let manifest: WeightManifest
  package let bytes: [UInt8]

  package init(manifest: WeightManifest, bytes: [UInt8]) {
    self.manifest = manifest
    self.bytes = bytes
  }

  /// Where the same tensors lie, in the bytes of both; none if the models are of different forms.
  func shared(with wanted: WeightManifest) -> [Range<Int>] {
    guard manifest.entries.count == wanted.entries.count, bytes.count == wanted.byteCount else { return [] }
    var shared: [Range<Int>] = []
    var offset = 0
    for (mine, its) in zip(manifest.entries, wanted.entries) {
      guard mine.name == its.name, mine.shape == its.shape, mine.dtype == its.dtype else { return [] }
      let end = offset + mine.byteCount
      if mine.digest == its.digest {
        if shared.last?.upperBound == offset { shared[shared.count - 1] = shared[shared.count - 1].lowerBound..<end } else { shared.append(offset..<end) }
      }
      offset = end
    }
    return shared
  }
}
