internal import ActionableErrors
internal import DurableFiles
internal import Foundation
internal import Rollout
internal import Torch
internal import WeightDeltas

/// What share of a version's bytes its delta takes, and how fast it is made and applied.
package struct DeltaBenchmark: Sendable {
  package struct Measurement: Sendable, Hashable, Codable {
    /// Which weights.
    package let weights: String
    package let bytes: Int
    /// Bytes of the delta by those of the weights; 1 if the weights themselves would be sent.
    package let share: Double
    package let secondsToMake: Double
    /// With the check of every hash; nil if there is no delta.
    package let secondsToApply: Double?
  }

  package var parameters = 1 << 24
  package var seed: UInt64 = 0

  package init() {}

  /// Bfloat16 weights as they are trained at scale, and float32 ones as the demo trains them.
  ///
  /// Weights are drawn from N(0, 0.02) in float32; a step moves each of them by the learning rate up or down, as AdamW's
  /// first one does (later ones move most of them less). What is sent is rounded to bfloat16, to the nearest even.
  package func simulated() -> [Measurement] {
    [
      measure("bf16, learning rate 5e-7, simulated", learningRate: 5e-7, isHalf: true),
      measure("fp32, learning rate 5e-7, simulated", learningRate: 5e-7, isHalf: false),
      measure("fp32, learning rate 2e-4, simulated", learningRate: 2e-4, isHalf: false),
    ]
  }

  private func measure(_ name: String, learningRate: Float, isHalf: Bool) -> Measurement {
    let random = CounterRandom(seed: seed, epoch: 0, prompt: 0, sample: 0)
    var (base, target): ([UInt8], [UInt8]) = ([], [])
    let width = isHalf ? 2 : 4
    base.reserveCapacity(parameters * width)
    target.reserveCapacity(parameters * width)
    func append(_ weight: Float, to bytes: inout [UInt8]) {
      let bits = weight.bitPattern
      let word = isHalf ? (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 : bits
      for byte in 0..<width { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * byte))) }
    }
    for index in 0..<UInt32(parameters / 2) {
      // A pair of normal draws (Box and Muller) and two signs.
      let radius = 0.02 * (-2 * log(max(random.uniform(at: 3 * index), 0x1p-53))).squareRoot()
      let angle = 2 * Double.pi * random.uniform(at: 3 * index + 1)
      let signs = random.bits(at: 3 * index + 2)
      for (weight, sign) in [(radius * cos(angle), signs & 1), (radius * sin(angle), signs >> 1 & 1)] {
        append(Float(weight), to: &base)
        append(Float(weight) + (sign == 0 ? learningRate : -learningRate), to: &target)
      }
    }
    return compare(
      name, base, target, from: SyntheticManifest.make(base, dtype: isHalf ? "BF16" : "F32", width: width),
      to: SyntheticManifest.make(target, dtype: isHalf ? "BF16" : "F32", width: width, version: 1))
  }

  /// The checkpoints of the two newest steps that a run keeps, which are as many steps apart as the run was told.
  package func checkpoints(of run: RunFolder) throws -> Measurement {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: run.checkpoints)) ?? []
    let found = names.compactMap(Checkpoint.init).filter {
      FileManager.default.fileExists(atPath: "\(run.checkpoints)/\($0.name)/model.safetensors")
    }
    // A step that was taken back and trained again has a checkpoint by each incarnation; the last one stands.
    let newest = Dictionary(grouping: found, by: \.step).compactMap { $1.max { $0.incarnation < $1.incarnation } }
      .sorted { $0.step < $1.step }.suffix(2)
    guard newest.count == 2, let before = newest.first, let after = newest.last else {
      throw TooFewCheckpoints(folder: run.checkpoints, count: newest.count)
    }
    let base = try policy("\(run.checkpoints)/\(before.name)", version: before.step)
    let target = try policy("\(run.checkpoints)/\(after.name)", version: after.step)
    return compare(
      "fp32, steps \(before.step) to \(after.step) of the run", base.bytes, target.bytes, from: base.manifest,
      to: target.manifest)
  }

  /// A checkpoint's tensors in name order, as they are sent: float32.
  private func policy(_ folder: String, version: UInt64) throws -> (manifest: WeightManifest, bytes: [UInt8]) {
    let file = try SafetensorsFile("\(folder)/model.safetensors")
    var bytes: [UInt8] = []
    let entries = try file.names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { name in
      let tensor = try file.tensor(name).floats().withUnsafeBytes { Array($0) }
      bytes += tensor
      return WeightManifest.Entry(
        name: name, shape: file.shape(of: name) ?? [], dtype: "F32", byteCount: tensor.count,
        digest: SHA256Digest(of: tensor))
    }
    return (WeightManifest(version: version, entries: entries), bytes)
  }

  private func compare(
    _ name: String, _ base: [UInt8], _ target: [UInt8], from baseManifest: WeightManifest, to manifest: WeightManifest
  ) -> Measurement {
    let start = ContinuousClock.now
    let delta = WeightDelta.make(from: base, to: target, manifest)
    let made = ContinuousClock.now
    if let delta {
      let assembly = WeightAssembly(manifest: manifest, form: .delta(base: base), collected: delta)
      guard case .whole(target) = assembly.assembled() else { preconditionFailure("the delta is not lossless") }
    }
    return Measurement(
      weights: name, bytes: target.count, share: Double(delta?.count ?? target.count) / Double(max(1, target.count)),
      secondsToMake: (made - start).inSeconds, secondsToApply: delta == nil ? nil : (ContinuousClock.now - made).inSeconds)
  }
}

/// The name of a checkpoint's folder: `step-000020.1`, the step and the incarnation of the learner.
private struct Checkpoint {
  let name: String
  let step: UInt64
  let incarnation: UInt64

  init?(_ name: String) {
    let numbers = name.dropFirst("step-".count).split(separator: ".", omittingEmptySubsequences: false).map { UInt64($0) }
    guard name.hasPrefix("step-"), numbers.count == 2, let step = numbers[0], let incarnation = numbers[1] else {
      return nil
    }
    (self.name, self.step, self.incarnation) = (name, step, incarnation)
  }
}

private struct TooFewCheckpoints: ActionableError {
  let folder: String
  let count: Int

  let code = "bench.too-few-checkpoints"
  var message: String { "\(folder) holds checkpoints of \(count) steps, and a delta is between two" }
  let advice = "train on, or name another run with --run"
}
