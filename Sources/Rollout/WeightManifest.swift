package import DurableFiles

/// What a policy version consists of. Workers switch to a version only after every tensor's hash agrees.
package struct WeightManifest: Sendable, Hashable {
  package struct Entry: Sendable, Hashable {
    /// The tensor's name in the Hugging Face folder.
    package var name: String
    package var shape: [Int]
    /// As safetensors names it: F32, BF16.
    package var dtype: String
    package var byteCount: Int
    package var digest: SHA256Digest

    package init(name: String, shape: [Int], dtype: String, byteCount: Int, digest: SHA256Digest) {
      self.name = name
      self.shape = shape
      self.dtype = dtype
      self.byteCount = byteCount
      self.digest = digest
    }
  }

  /// A shorter way to these weights for whoever holds the ones before them.
  package struct Delta: Sendable, Hashable {
    /// The version that it applies to, and that version's `digest`: versions of two lives of a learner may share a
    /// number and differ.
    package var base: UInt64
    package var baseDigest: SHA256Digest
    /// Less than the weights themselves take.
    package var byteCount: Int

    package init(base: UInt64, baseDigest: SHA256Digest, byteCount: Int) {
      self.base = base
      self.baseDigest = baseDigest
      self.byteCount = byteCount
    }
  }

  /// The number of training steps behind these weights.
  package var version: UInt64
  /// In name order; the payload is the tensors' bytes in this order, without gaps.
  package var entries: [Entry] { didSet { digest = Self.digest(of: entries) } }
  /// Nil if there is no version before, or if its delta would be no smaller.
  package var delta: Delta?
  /// SHA-256 over names, dtypes, shapes and tensor hashes in name order. It does not depend on the version number, so
  /// two runs can be compared by it (`policy_sha256`). Computed once, because whoever takes a delta asks for it.
  package private(set) var digest: SHA256Digest

  package init(version: UInt64, entries: [Entry], delta: Delta? = nil) {
    self.version = version
    self.entries = entries
    self.delta = delta
    digest = Self.digest(of: entries)
  }

  package var byteCount: Int { entries.reduce(0) { $0 + $1.byteCount } }

  /// Whether both stand for the same bytes of the same version, however they are sent.
  package func isSamePolicy(as other: WeightManifest) -> Bool {
    version == other.version && entries == other.entries
  }

  private static func digest(of entries: [Entry]) -> SHA256Digest {
    var hasher = SHA256Hasher()
    var text = ""
    for entry in entries {
      text += entry.name
      text += "\n"
      text += entry.dtype
      text += "\n"
      for (dimension, size) in entry.shape.enumerated() {
        if dimension > 0 { text += "," }
        text += String(size)
      }
      text += "\n"
      text += entry.digest.description
      text += "\n"
    }
    hasher.update(text)
    return hasher.finish()
  }

  /// The first tensor of `payload` whose bytes do not hash to what the manifest says, or nil if all agree.
  ///
  /// - Precondition: `payload` has `byteCount` bytes.
  package func firstMismatch(in payload: UnsafeRawBufferPointer) -> String? {
    var offset = 0
    for entry in entries {
      let bytes = UnsafeRawBufferPointer(rebasing: payload[offset..<offset + entry.byteCount])
      guard SHA256Digest(of: bytes) == entry.digest else { return entry.name }
      offset += entry.byteCount
    }
    return nil
  }
}
