internal import DurableFiles
internal import Glibc
internal import Rollout
internal import Torch
internal import WeightDeltas

extension FuzzTarget {
  static let weights: [FuzzTarget] = [
    FuzzTarget("weight-delta", maximumLength: 512, run: weightDelta),
    FuzzTarget("safetensors", maximumLength: 1024, dictionary: "safetensors", run: safetensors),
  ]

  /// The first byte says how many tensors there are, then each has a type and a length; the delta follows.
  @Sendable
  private static func weightDelta(_ bytes: [UInt8]) -> Bool {
    var input = FuzzInput(bytes)
    let types = [("BF16", 2), ("F32", 4), ("U8", 1), ("F64", 8)]
    let entries = (0..<input.byte() % 4 + 1).map { index in
      let (type, width) = input.one(of: types)
      let length = input.byte()
      return WeightManifest.Entry(
        name: "tensor \(index)", shape: [length], dtype: type, byteCount: length * width, digest: SHA256Digest(of: [UInt8]()))
    }
    let manifest = WeightManifest(version: 2, entries: entries)
    let base = (0..<manifest.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    guard let target = try? WeightDelta.apply(input.bytes, to: base, manifest) else { return false }
    require(target.count == base.count, "a delta makes \(target.count) bytes of \(base.count)")
    if let again = WeightDelta.make(from: base, to: target, manifest) {
      require(again.count < target.count, "a delta of \(again.count) bytes is offered for \(target.count)")
      let remade = try? WeightDelta.apply(again, to: base, manifest)
      require(remade == target, "a delta leads to other weights than it was made from")
    }
    return true
  }

  /// In memory: a disk would set the pace.
  private static let scratch = {
    let name = "/safetensors-\(getpid())"
    defer { shm_unlink(name) }
    return shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600)
  }()

  @Sendable
  private static func safetensors(_ bytes: [UInt8]) -> Bool {
    ftruncate(scratch, 0)
    require(pwrite(scratch, bytes, bytes.count, 0) == bytes.count, "there is no memory for a file")
    guard let file = try? SafetensorsFile("/proc/self/fd/\(scratch)") else { return false }
    var taken = 0
    for name in file.names {
      guard let shape = file.shape(of: name), let type = file.dtype(of: name), let tensor = try? file.tensor(name) else {
        require(false, "tensor \(name) is listed and cannot be read")
        return false
      }
      require(tensor.shape == shape && tensor.dtype == type, "tensor \(name) is not what the header says")
      taken += shape.reduce(type.byteCount, *)
    }
    require(taken <= bytes.count - 8, "the tensors take \(taken) of \(bytes.count) bytes")
    return true
  }
}
