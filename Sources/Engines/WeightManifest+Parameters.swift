internal import DurableFiles
internal import Rollout
internal import VisionLanguage

extension WeightManifest {
  /// The manifest of a model's parameters.
  ///
  /// - Parameter bytes: what `ModelParameters.export` gave.
  static func of(_ parameters: ModelParameters, _ bytes: [UInt8], version: UInt64) -> WeightManifest {
    bytes.withUnsafeBytes { bytes in
      var offset = 0
      let entries = parameters.message.map { parameter in
        let count = parameter.byteCount
        defer { offset += count }
        return Entry(
          name: parameter.name, shape: parameter.shape, dtype: parameter.dtype.safetensorsName, byteCount: count,
          digest: SHA256Digest(of: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])))
      }
      return WeightManifest(version: version, entries: entries)
    }
  }

  static func of(_ parameters: ModelParameters, version: UInt64) throws -> WeightManifest {
    of(parameters, try parameters.export(), version: version)
  }
}
