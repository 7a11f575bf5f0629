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

  /// The number of training steps behind these weights.
  package var version: UInt64
  /// In name order; the payload is the tensors' bytes in this order, without gaps.
  package var entries: [Entry]

  package init(version: UInt64, entries: [Entry]) {
    self.version = version
    self.entries = entries
  }

  package var byteCount: Int { entries.reduce(0) { $0 + $1.byteCount } }

  /// SHA-256 over names, dtypes, shapes and tensor hashes in name order. It does not depend on the version number, so
  /// two runs can be compared by it (`policy_sha256`).
  package var digest: SHA256Digest {
    var hasher = SHA256Hasher()
    for entry in entries {
      let shape = entry.shape.map(String.init).joined(separator: ",")
      hasher.update("\(entry.name)\n\(entry.dtype)\n\(shape)\n\(entry.digest)\n")
    }
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
