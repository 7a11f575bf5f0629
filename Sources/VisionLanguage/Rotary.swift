internal import Foundation
internal import Torch

/// Rotary position embedding: the pair of numbers (i, i + D/2) of a head turns by the angle of its token and frequency.
struct Rotary {
  /// Broadcast to [batch, heads, tokens, D].
  let cosine: Tensor
  let sine: Tensor

  /// - Parameter x: [batch, heads, tokens, D].
  func callAsFunction(_ x: Tensor) throws -> Tensor { try x.rotated(cosine: cosine, sine: sine) }
}

/// Rows of `Rotary`, token after token, on the host.
struct RotaryRows {
  var cosine: [Float] = []
  var sine: [Float] = []

  /// - Parameter shape: of the tensors; its last length is D.
  func rotary(_ shape: [Int], _ dtype: DType, on device: Device) throws -> Rotary {
    Rotary(
      cosine: try Tensor(cosine, shape: shape).cast(to: dtype).moved(to: device),
      sine: try Tensor(sine, shape: shape).cast(to: dtype).moved(to: device))
  }
}

/// Angles by position, in the single precision of the reference implementation, worked out once.
final class RotaryTable {
  /// theta^(-2i/width), i < width / 2.
  private let frequencies: [Float]
  /// [position][frequency]
  private var cosines: [Float] = []
  private var sines: [Float] = []

  init(width: Int, theta: Double) {
    frequencies = (0..<width / 2).map { 1 / Float(pow(theta, Double(Float(2 * $0) / Float(width)))) }
  }

  /// Appends the row of one token: angle i of the head's half is that of frequency i, cyclically, at `positions[axes[i]]`.
  func append(_ positions: SIMD3<Int32>, axes: [Int], to rows: inout RotaryRows) {
    grow(to: Int(positions.max()) + 1)
    let count = frequencies.count
    for _ in 0..<2 {  // both numbers of a pair
      for (i, axis) in axes.enumerated() {
        let entry = Int(positions[axis]) * count + i % count
        rows.cosine.append(cosines[entry])
        rows.sine.append(sines[entry])
      }
    }
  }

  private func grow(to positions: Int) {
    let known = cosines.count / frequencies.count
    for position in known..<max(positions, known) {
      for frequency in frequencies {
        let angle = Double(Float(position) * frequency)
        cosines.append(Float(cos(angle)))
        sines.append(Float(sin(angle)))
      }
    }
  }
}
