internal import DurableFiles
internal import Rollout

/// A manifest for bytes that belong to no model.
enum SyntheticManifest {
  /// Bytes of a tensor, like those of a large matrix.
  private static let tensor = 16 << 20

  static func make(_ bytes: [UInt8], dtype: String, width: Int, version: UInt64 = 0) -> WeightManifest {
    let entries = stride(from: 0, to: bytes.count, by: tensor).enumerated().map { index, offset in
      let count = min(tensor, bytes.count - offset)
      let digits = String(index)
      return WeightManifest.Entry(
        name: "tensor." + String(repeating: "0", count: max(0, 6 - digits.count)) + digits, shape: [count / width],
        dtype: dtype, byteCount: count,
        digest: bytes.withUnsafeBytes { SHA256Digest(of: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count])) })
    }
    return WeightManifest(version: version, entries: entries)
  }
}
