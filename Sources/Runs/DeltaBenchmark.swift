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

  /// The two newest checkpoints of a run, which are as many steps apart as the run was told.
  package func checkpoints(of run: RunFolder) throws -> Measurement {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: run.checkpoints)) ?? []).sorted()
    let newest = names.filter { name in
      FileManager.default.fileExists(atPath: "\(run.checkpoints)/\(name)/model.safetensors")
    }.suffix(2)
    guard newest.count == 2, let before = newest.first, let after = newest.last else {
      throw TooFewCheckpoints(folder: run.checkpoints, count: newest.count)
    }
    let (base, target) = (try weights(of: "\(run.checkpoints)/\(before)"), try weights(of: "\(run.checkpoints)/\(after)"))
    return compare(
      "\(before) to \(after) of the run", base, target, from: SyntheticManifest.make(base, dtype: "F32", width: 4),
      to: SyntheticManifest.make(target, dtype: "F32", width: 4, version: 1))
  }

  /// The bytes of a checkpoint's tensors in name order, as they are sent: float32.
  private func weights(of folder: String) throws -> [UInt8] {
    let file = try SafetensorsFile("\(folder)/model.safetensors")
    return try file.names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.flatMap { name in
      try file.tensor(name).floats().withUnsafeBytes { Array($0) }
    }
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

private struct TooFewCheckpoints: ActionableError {
  let folder: String
  let count: Int

  let code = "bench.too-few-checkpoints"
  var message: String { "\(folder) holds \(count) checkpoints, and a delta is between two" }
  let advice = "train on, or name another run with --run"
}
