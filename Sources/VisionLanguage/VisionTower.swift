internal import Torch

/// The vision tower of Qwen2.5-VL: patches of images to tokens of the decoder.
///
/// Images of one size are one dense batch; there is no padding between images or windows.
final class VisionTower {
  private let sizes: Qwen25VLConfiguration.Vision
  private let patchEmbedding: Linear
  private let blocks: [VisionBlock]
  private let merger: PatchMerger
  private let table: RotaryTable
  private let dtype: DType
  private let device: Device
  private var walks: [VisionGrid: Walk] = [:]
  /// See `Qwen25VL.recomputesLayers`.
  var recomputesBlocks = false

  init(_ weights: WeightReader, _ sizes: Qwen25VLConfiguration.Vision, dtype: DType, device: Device) throws {
    self.sizes = sizes
    self.dtype = dtype
    self.device = device
    patchEmbedding = try weights.flattened(
      "visual.patch_embed.proj.weight",
      shape: [sizes.hiddenSize, sizes.channels, sizes.temporalPatchSize, sizes.patchSize, sizes.patchSize])
    blocks = try (0..<sizes.depth).map { index in
      try VisionBlock(
        weights, "visual.blocks.\(index)", sizes, isWindowed: !sizes.fullAttentionBlocks.contains(index))
    }
    merger = try PatchMerger(weights, "visual.merger", sizes)
    // Half of a head turns with the row, half with the column.
    table = RotaryTable(width: sizes.headDimension / 2, theta: Qwen25VLConfiguration.visionRopeTheta)
  }

  /// - Parameter patches: [images, patches, patchElements] of images of one size, in merge order.
  /// - Returns: [images, merged tokens, outputSize], row by row.
  func callAsFunction(_ patches: Tensor, grid: VisionGrid) throws -> Tensor {
    let walk = try self.walk(grid)
    let images = patches.size(0)
    var x = patches
    if let order = walk.order {
      x = try x.reshaped([images, -1, sizes.mergeUnit * sizes.patchElements]).indexSelected(1, order)
        .reshaped([images, -1, sizes.patchElements])
    }
    x = try patchEmbedding(x)  // [images, patches, hidden]
    // A frozen tower has no backward pass to be worked out again in.
    let isRecomputed = recomputesBlocks && patchEmbedding.weight.requiresGradient
    for block in blocks {
      x = isRecomputed ? try recomputed([x], outputs: 1) { [try block($0[0], walk)] }[0] : try block(x, walk)
    }
    x = try merger(x)  // [images, merged tokens, output]
    return try walk.inverse.map { try x.indexSelected(1, $0) } ?? x
  }

  /// What depends on the size of the image alone.
  struct Walk {
    /// Nil if the window order is row by row.
    let order: Tensor?
    let inverse: Tensor?
    /// Windows of equal size, in order: so many of so many patches.
    let windows: [(count: Int, patches: Int)]
    /// [1, 1, patches, headDimension]
    let rotary: Rotary
  }

  private func walk(_ grid: VisionGrid) throws -> Walk {
    if let known = walks[grid] { return known }
    let windows = VisionWindows(grid, side: sizes.windowTokens)
    let merge = sizes.spatialMergeSize
    let quarter = sizes.headDimension / 4
    let axes = [Int](repeating: 1, count: quarter) + [Int](repeating: 2, count: quarter)
    var rows = RotaryRows()
    for token in windows.order {
      for inner in 0..<sizes.mergeUnit {
        let row = token / grid.columns * merge + inner / merge
        let column = token % grid.columns * merge + inner % merge
        table.append(SIMD3(0, Int32(row), Int32(column)), axes: axes, to: &rows)
      }
    }
    let isRowByRow = windows.isRowByRow
    let walk = Walk(
      order: isRowByRow ? nil : try Tensor(windows.order, on: device),
      inverse: isRowByRow ? nil : try Tensor(windows.inverse, on: device),
      windows: windows.sizes.map { ($0.count, $0.tokens * sizes.mergeUnit) },
      // The reference turns queries and keys in single precision whatever the model's dtype.
      rotary: try rows.rotary([1, 1, windows.order.count * sizes.mergeUnit, sizes.headDimension], .float32, on: device))
    // A folder of photographs may hold a different size each; what is kept stays small.
    if walks.count >= 64 { walks.removeAll() }
    walks[grid] = walk
    return walk
  }
}

private struct VisionBlock {
  let norm1: RMSNorm
  let norm2: RMSNorm
  let queriesKeysValues: Linear
  let projection: Linear
  let gateAndUp: Linear
  let down: Linear
  let heads: Int
  let isWindowed: Bool

  init(_ weights: WeightReader, _ name: String, _ sizes: Qwen25VLConfiguration.Vision, isWindowed: Bool) throws {
    let width = sizes.hiddenSize
    let inner = sizes.intermediateSize
    norm1 = try weights.norm("\(name).norm1", width: width, epsilon: 1e-6)
    queriesKeysValues = try weights.linear("\(name).attn.qkv", outputs: 3 * width, inputs: width, bias: true)
    projection = try weights.linear("\(name).attn.proj", outputs: width, inputs: width, bias: true)
    norm2 = try weights.norm("\(name).norm2", width: width, epsilon: 1e-6)
    gateAndUp = try weights.linear("\(name).mlp", ["gate_proj": inner, "up_proj": inner], inputs: width, bias: true)
    down = try weights.linear("\(name).mlp.down_proj", outputs: width, inputs: inner, bias: true)
    heads = sizes.headCount
    self.isWindowed = isWindowed
  }

  /// - Parameter x: [images, patches, hidden] in window order.
  func callAsFunction(_ x: Tensor, _ walk: VisionTower.Walk) throws -> Tensor {
    let x = try x + projection(attention(norm1(x), walk))
    return try x + down(gateAndUp(norm2(x)).swiGLU())
  }

  private func attention(_ x: Tensor, _ walk: VisionTower.Walk) throws -> Tensor {
    let (images, patches, width) = (x.size(0), x.size(1), x.size(2))
    let split = try queriesKeysValues(x).reshaped([images, patches, 3 * heads, width / heads]).transposed(1, 2)
      .split([2 * heads, heads], 1)  // [images, 2 or 1 times heads, patches, headDimension]
    let turned = try walk.rotary(split[0].cast(to: .float32)).cast(to: x.dtype).split([heads, heads], 1)

    var start = 0
    var parts: [Tensor] = []
    for (count, length) in isWindowed ? walk.windows : [(1, patches)] {
      // [images * windows, heads, patches of a window, headDimension]
      func windows(_ all: Tensor) throws -> Tensor {
        try all.narrowed(2, start: start, length: count * length).transposed(1, 2)
          .reshaped([images * count, length, heads, width / heads]).transposed(1, 2)
      }
      let part = try windows(turned[0]).attention(windows(turned[1]), windows(split[1]))
      parts.append(try part.transposed(1, 2).reshaped([images, count * length, width]))
      start += count * length
    }
    return parts.count == 1 ? parts[0] : try Tensor.concatenated(parts, 1)
  }
}

/// The patches of a merged token, side by side, to one token of the decoder.
private struct PatchMerger {
  let norm: RMSNorm
  let hidden: Linear
  let output: Linear

  init(_ weights: WeightReader, _ name: String, _ sizes: Qwen25VLConfiguration.Vision) throws {
    let width = sizes.hiddenSize * sizes.mergeUnit
    norm = try weights.norm("\(name).ln_q", width: sizes.hiddenSize, epsilon: 1e-6)
    hidden = try weights.linear("\(name).mlp.0", outputs: width, inputs: width, bias: true)
    output = try weights.linear("\(name).mlp.2", outputs: sizes.outputSize, inputs: width, bias: true)
  }

  func callAsFunction(_ x: Tensor) throws -> Tensor {
    let merged = try norm(x).reshaped([x.size(0), -1, hidden.weight.size(1)])
    return try output(hidden(merged).gelu())
  }
}
