internal import Foundation
package import Torch

/// What a model takes of memory, known from its config.json before any of it is loaded.
///
/// Activations, which depend on prompts and batches, come on top.
package struct ModelMemory: Sendable, Equatable {
  package struct Part: Sendable, Equatable {
    package let name: String
    package let bytes: Int
  }

  package private(set) var parts: [Part]
  private let configuration: Qwen25VLConfiguration
  private let dtype: DType

  /// The weights alone: what answering and scoring take.
  package init(_ configuration: Qwen25VLConfiguration, dtype: DType) {
    self.configuration = configuration
    self.dtype = dtype
    parts = [Part(name: "weights in \(dtype)", bytes: configuration.parameterCount * dtype.byteCount)]
  }

  package var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }

  /// Adds gradients and AdamW's two moments of what is trained.
  ///
  /// - Parameters:
  ///   - keepsMasters: AdamW works on float32 copies of the weights.
  ///   - adapters: are trained in place of the weights.
  package mutating func addTraining(
    freezesVisionTower: Bool = false, keepsMasters: Bool = false, adapters: LowRankSettings? = nil
  ) {
    if let adapters {
      let numbers = configuration.parameterCount(of: adapters)
      parts.append(
        Part(name: "adapters with gradients and AdamW's moments", bytes: 4 * numbers * DType.float32.byteCount))
      return
    }
    let trained = configuration.parameterCount - (freezesVisionTower ? configuration.visionParameterCount : 0)
    parts.append(Part(name: "gradients", bytes: trained * dtype.byteCount))
    let width = keepsMasters ? DType.float32.byteCount : dtype.byteCount
    parts.append(Part(name: "AdamW's moments", bytes: 2 * configuration.parameterCount * width))
    if keepsMasters { parts.append(Part(name: "float32 copies of the weights", bytes: configuration.parameterCount * width)) }
  }

  /// Adds keys and values of so many pages.
  package mutating func addCache(pages: Int) {
    parts.append(Part(name: "keys and values", bytes: pages * Decoding.pageBytes(configuration, dtype)))
  }

  /// Adds the frozen reference policy.
  package mutating func addReference() {
    parts.append(Part(name: "the reference policy", bytes: configuration.parameterCount * dtype.byteCount))
  }

  /// Adds copies of the weights as they travel.
  package mutating func addMessages(_ count: Int) {
    parts.append(
      Part(
        name: "weights as they are sent", bytes: count * configuration.parameterCount * dtype.byteCount))
  }

  /// - Parameters:
  ///   - what: whose memory it is, usually the model folder.
  ///   - free: bytes that are there; what the device says if absent. Where nobody says, all passes.
  /// - Throws: `model.memory`, with what is needed, for what, what there is, and what to do.
  package func require(for what: String, on device: Device, free: Int? = nil) throws(ModelError) {
    guard let free = free ?? device.freeMemory, free < bytes else { return }
    let list = parts.map { "\(Self.gibibytes($0.bytes)) for \($0.name)" }.joined(separator: ", ")
    var advice: [String] = []
    if dtype == .float32 { advice.append("use bf16, which takes half") }
    if parts.contains(where: { $0.name == "the reference policy" }) {
      advice.append("set algorithm.klCoefficient to 0, which needs no reference policy")
    }
    if parts.contains(where: { $0.name == "gradients" }) {
      advice.append("set model.lora.rank, which trains adapters alone")
    }
    advice.append("use a smaller model or a machine with more memory")
    throw ModelError(
      code: "model.memory",
      message: """
        \(what) needs \(Self.gibibytes(bytes)) GiB of memory on \(device) and \(Self.gibibytes(free)) GiB are free: \(list), \
        and what it computes with besides
        """,
      advice: advice.joined(separator: "; or "))
  }

  private static func gibibytes(_ bytes: Int) -> String { String(format: "%.1f", Double(bytes) / 0x1p30) }
}

extension Qwen25VLConfiguration {
  /// Numbers in all weights.
  package var parameterCount: Int {
    let (width, keyWidth) = (hiddenSize, keyValueHeadCount * headDimension)
    let attention = 2 * width * (width + keyWidth) + width + 2 * keyWidth
    let layer = attention + 3 * width * intermediateSize + 2 * width
    return visionParameterCount + layerCount * layer + width + (tiesEmbeddings ? 1 : 2) * vocabularySize * width
  }

  /// Numbers in the adapters that such settings put beside them.
  func parameterCount(of adapters: LowRankSettings) -> Int {
    let (width, inner, keyWidth) = (hiddenSize, intermediateSize, keyValueHeadCount * headDimension)
    let sides = adapters.targets.reduce(0) { sum, target in
      switch target {
      case .queries, .output: sum + 2 * width
      case .keys, .values: sum + width + keyWidth
      case .gate, .up, .down: sum + width + inner
      }
    }
    return layerCount * adapters.rank * sides
  }

  /// Of these, in the vision tower.
  package var visionParameterCount: Int {
    let (width, inner, merged) = (vision.hiddenSize, vision.intermediateSize, vision.hiddenSize * vision.mergeUnit)
    let block = 4 * width * (width + 1) + 3 * width * inner + 2 * inner + width + 2 * width
    let merger = width + merged * (merged + 1) + vision.outputSize * (merged + 1)
    return width * vision.patchElements + vision.depth * block + merger
  }
}
