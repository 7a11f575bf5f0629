package import Torch

/// A prompt: token ids, in which an image stands as its number of merged tokens times the image token, and the images.
package struct VisualPrompt: Sendable {
  package let tokens: [Int32]
  package let images: [ImagePatches]

  package init(tokens: [Int32], images: [ImagePatches] = []) {
    self.tokens = tokens
    self.images = images
  }
}

/// Qwen2.5-VL: reads prompts with images, and gives hidden states, logits and log-probabilities of their continuations.
///
/// A prompt is read once (`encode`) and shared by its continuations (`hidden(after:_:)`, `logProbabilities`, `Decoding`), with
/// or without gradients. Not Sendable: it belongs to one engine's thread.
package final class Qwen25VL {
  package let configuration: Qwen25VLConfiguration
  package let dtype: DType
  package let device: Device
  package let parameters: ModelParameters
  /// Whether decoder layers and vision blocks keep only their inputs for the backward pass and are worked out again in it.
  package var recomputesLayers = false {
    didSet { vision.recomputesBlocks = recomputesLayers }
  }
  let vision: VisionTower
  let decoder: Decoder
  let table: RotaryTable
  /// Which axis (time, height, width) turns each rotary frequency.
  let axes: [Int]

  init(
    _ configuration: Qwen25VLConfiguration, _ source: any WeightSource, dtype: DType, device: Device,
    lowRank: LowRankSettings? = nil, adapters: (any WeightSource)? = nil
  ) throws {
    let weights = WeightReader(source, dtype: dtype, device: device, lowRank: lowRank, adapters: adapters)
    self.configuration = configuration
    self.dtype = dtype
    self.device = device
    vision = try VisionTower(weights, configuration.vision, dtype: dtype, device: device)
    decoder = try Decoder(weights, configuration)
    parameters = weights.parameters
    table = RotaryTable(width: configuration.headDimension, theta: configuration.ropeTheta)
    axes = configuration.mropeSection.enumerated().flatMap { [Int](repeating: $0, count: $1) }
  }

  /// One layer of the decoder: of its inputs and what it captures, gradients flow through its inputs and its parameters alone.
  func layer(_ inputs: [Tensor], outputs: Int, _ body: @escaping ([Tensor]) throws -> [Tensor]) throws -> [Tensor] {
    recomputesLayers ? try recomputed(inputs, outputs: outputs, body) : try body(inputs)
  }

  /// A model made from nothing; the same seed makes the same one.
  ///
  /// - Parameter adapters: stand beside the weights, made from the same seed.
  package convenience init(
    _ configuration: Qwen25VLConfiguration, seed: UInt64, dtype: DType = .float32, device: Device = .cpu,
    adapters: LowRankSettings? = nil
  ) throws {
    let source = RandomWeights(seed: seed)
    try self.init(
      configuration, source, dtype: dtype, device: device, lowRank: adapters, adapters: adapters.map { _ in source })
  }

  /// A model whose weights arrive in messages.
  ///
  /// - Parameter merging: the adapters that messages bring; they are merged into the weights, so that using the model costs
  ///   nothing more.
  package convenience init(
    _ configuration: Qwen25VLConfiguration, merging: LowRankSettings?, dtype: DType = .float32, device: Device = .cpu
  ) throws {
    try self.init(configuration, NoWeights(), dtype: dtype, device: device, lowRank: merging)
  }
}
