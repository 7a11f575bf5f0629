internal import Foundation
internal import Torch

/// Zeros, for a model whose weights are still to come.
struct NoWeights: WeightSource {
  func weight(_ name: String, shape: [Int], role: WeightRole) throws -> Tensor { try Tensor.zeros([1]).expanded(shape) }
}

/// The numbers that a model made from nothing begins with.
///
/// Each number depends on the seed, its tensor's name and its place, and on nothing else. Matrices are uniform in
/// +-1/sqrt(inputs), embeddings normal with deviation 1/sqrt(width), scales 1, biases 0.
struct RandomWeights: WeightSource {
  let seed: UInt64

  func weight(_ name: String, shape: [Int], role: WeightRole) throws -> Tensor {
    let count = shape.reduce(1, *)
    // FNV-1a of the name, so that a tensor's numbers do not move when another is added.
    let key = name.utf8.reduce(seed ^ 0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    switch role {
    case .bias: return try Tensor.zeros(shape)
    case .normScale: return try Tensor.ones(shape)
    case .matrix(let inputs):
      let bound = 1 / Double(inputs).squareRoot()
      return try Tensor((0..<count).map { Float((2 * Self.uniform(key, $0) - 1) * bound) }, shape: shape)
    case .embedding:
      let deviation = 1 / Double(shape.last ?? 1).squareRoot()
      let values = (0..<count).map { index in
        // Box and Muller, from two uniform numbers of this place.
        let radius = (-2 * log(1 - Self.uniform(key, 2 * index))).squareRoot()
        return Float(deviation * radius * cos(2 * .pi * Self.uniform(key, 2 * index + 1)))
      }
      return try Tensor(values, shape: shape)
    }
  }

  /// In [0, 1): the output function of SplitMix64 at a given count.
  private static func uniform(_ key: UInt64, _ index: Int) -> Double {
    var bits = key &+ (UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((bits ^ (bits >> 31)) >> 11) * 0x1p-53
  }
}
