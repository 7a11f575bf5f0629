internal import Torch

/// The language model of Qwen2.5-VL.
///
/// Sequences come as [groups, samples, length, hidden]: a group is one prompt, its samples are the continuations that share
/// it. A prompt itself is a group of one sample.
struct Decoder {
  let embedding: Tensor  // [vocabulary, hidden]
  let layers: [DecoderLayer]
  let norm: RMSNorm
  let head: Tensor  // [vocabulary, hidden]

  init(_ weights: WeightReader, _ sizes: Qwen25VLConfiguration) throws {
    let (vocabulary, width) = (sizes.vocabularySize, sizes.hiddenSize)
    embedding = try weights.embedding("model.embed_tokens", rows: vocabulary, width: width)
    layers = try (0..<sizes.layerCount).map { try DecoderLayer(weights, "model.layers.\($0)", sizes) }
    norm = try weights.norm("model.norm", width: width, epsilon: sizes.rmsNormEpsilon)
    head = sizes.tiesEmbeddings ? embedding : try weights.embedding("lm_head", rows: vocabulary, width: width)
  }
}

/// Grouped-query attention, then a gated feed-forward part, each added to its input.
struct DecoderLayer {
  let inputNorm: RMSNorm
  let queriesKeysValues: Linear
  let output: Linear
  let innerNorm: RMSNorm
  let gateAndUp: Linear
  let down: Linear
  let heads: Int
  let keyHeads: Int
  let headDimension: Int

  init(_ weights: WeightReader, _ name: String, _ sizes: Qwen25VLConfiguration) throws {
    let (width, inner) = (sizes.hiddenSize, sizes.intermediateSize)
    let keyWidth = sizes.keyValueHeadCount * sizes.headDimension
    inputNorm = try weights.norm("\(name).input_layernorm", width: width, epsilon: sizes.rmsNormEpsilon)
    queriesKeysValues = try weights.linear(
      "\(name).self_attn", ["q_proj": width, "k_proj": keyWidth, "v_proj": keyWidth], inputs: width, bias: true)
    output = try weights.linear("\(name).self_attn.o_proj", outputs: width, inputs: width, bias: false)
    innerNorm = try weights.norm("\(name).post_attention_layernorm", width: width, epsilon: sizes.rmsNormEpsilon)
    gateAndUp = try weights.linear("\(name).mlp", ["gate_proj": inner, "up_proj": inner], inputs: width, bias: false)
    down = try weights.linear("\(name).mlp.down_proj", outputs: width, inputs: inner, bias: false)
    heads = sizes.headCount
    keyHeads = sizes.keyValueHeadCount
    headDimension = sizes.headDimension
  }

  struct Projections {
    let queries: Tensor  // [groups * samples, heads, length, headDimension]
    let keys: Tensor  // [groups * samples, keyHeads, length, headDimension]
    let values: Tensor  // as keys
  }

  /// - Parameter rotary: broadcast to [groups * samples, heads, length, headDimension].
  func project(_ x: Tensor, _ rotary: Rotary) throws -> Projections {
    let all = try queriesKeysValues(inputNorm(x))
      .reshaped([x.size(0) * x.size(1), x.size(2), heads + 2 * keyHeads, headDimension]).transposed(1, 2)
      .split([heads + keyHeads, keyHeads], 1)
    let turned = try rotary(all[0]).split([heads, keyHeads], 1)
    return Projections(queries: turned[0], keys: turned[1], values: all[1])
  }

  /// - Parameters:
  ///   - x: what the layer was given, [groups, samples, length, hidden].
  ///   - attended: what its queries found, of the same shape.
  func finish(_ x: Tensor, attended: Tensor) throws -> Tensor {
    let x = try x + output(attended)
    return try x + down(gateAndUp(innerNorm(x)).swiGLU())
  }

  // MARK: A prompt

  /// A prompt attends to itself. Padding stands at the end, where nothing before it looks.
  ///
  /// - Returns: [groups, 1, length, hidden].
  func attendToItself(_ p: Projections) throws -> Tensor {
    let shared = heads / keyHeads
    let found = try p.queries.attention(
      p.keys.repeatedInterleaved(shared, 1), p.values.repeatedInterleaved(shared, 1), isCausal: true)
    return try found.transposed(1, 2).flattened(2, 3).unsqueezed(1)
  }

  /// What the layer makes of the last token of each prompt.
  ///
  /// - Parameters:
  ///   - x: what the layer was given, [groups, 1, length, hidden].
  ///   - last: the places of these tokens among all groups', [groups].
  ///   - mask: broadcast to [groups, 1, 1, length]; nil if no prompt is padded.
  /// - Returns: [groups, 1, 1, hidden].
  func finishLast(_ x: Tensor, _ p: Projections, _ last: Tensor, mask: Tensor?) throws -> Tensor {
    let groups = x.size(0)
    let queries = try p.queries.transposed(1, 2).flattened(2, 3).flattened(0, 1).indexSelected(0, last)
    let attended = try queries.reshaped([groups, keyHeads, heads / keyHeads, headDimension])
      .attention(p.keys, p.values, mask: mask).reshaped([groups, 1, 1, heads * headDimension])
    return try finish(x.flattened(0, 2).indexSelected(0, last).reshaped([groups, 1, 1, -1]), attended: attended)
  }

  // MARK: Continuations of a prompt

  /// Continuations attend to their group's prompt and to themselves.
  ///
  /// The prompt's keys and values are repeated for each sample, not worked out again. The query heads that share a key head
  /// stand one after the other as rows of one matrix.
  ///
  /// - Parameters:
  ///   - prompt: keys and values of the groups, [groups, keyHeads, prompt, headDimension].
  ///   - mask: added to the scores, broadcast to [groups * samples, 1, queriesPerKey * length, prompt + length].
  /// - Returns: [groups, samples, length, hidden].
  func attend(_ p: Projections, prompt: PromptState.Layer, mask: Tensor) throws -> Tensor {
    let (rows, length, shared) = (p.queries.size(0), p.queries.size(2), heads / keyHeads)
    let groups = prompt.keys.size(0)
    func joined(_ prompt: Tensor, _ own: Tensor) throws -> Tensor {
      let repeated = try prompt.unsqueezed(1).expanded([groups, rows / groups, keyHeads, prompt.size(2), headDimension])
      return try Tensor.concatenated([repeated.flattened(0, 1), own], 2)
    }
    let found = try p.queries.reshaped([rows, keyHeads, shared * length, headDimension])
      .attention(joined(prompt.keys, p.keys), joined(prompt.values, p.values), mask: mask)
    return try found.reshaped([rows, keyHeads * shared, length, headDimension]).transposed(1, 2)
      .reshaped([groups, rows / groups, length, heads * headDimension])
  }
}
