package import Torch

/// Decodes sequences token by token, each continuing a prompt, in any company: sequences may join and leave between steps, and
/// a prompt's keys and values stand in memory once for all that continue it.
///
/// On the processor in float32 the logits of a sequence are the same bits whatever else is decoded beside it.
package final class Decoding {
  package let pages: KeyValuePages
  private let model: Qwen25VL
  private let decoder: TransformerDecoder
  /// Of the positions 0 ..< the number of rows, [positions, headDimension], float32.
  private var angles: (cosine: Tensor, sine: Tensor)

  /// A prompt that has been read, in the pages.
  package struct Prompt {
    fileprivate let pages: [Int32]
    fileprivate let length: Int
    /// The position of the token after it.
    fileprivate let nextPosition: Int32
    /// Logits of the token after it, [1, vocabulary].
    package let logits: Tensor
  }

  /// What has been decoded after a prompt.
  package struct Sequence: Sendable {
    /// Tokens after the prompt whose keys and values are in the pages.
    package fileprivate(set) var length = 0
    fileprivate var pages: [Int32] = []

    package init() {}
  }

  /// - Parameter pages: how many to set memory aside for; see `pageBytes`.
  package init(_ model: Qwen25VL, pages: Int) throws {
    self.model = model
    let sizes = model.configuration
    self.pages = try KeyValuePages(
      pages: pages, layers: sizes.layerCount, keyHeads: sizes.keyValueHeadCount, width: sizes.headDimension,
      dtype: model.dtype, on: model.device)
    decoder = try TransformerDecoder(
      layers: model.decoder.layers.map { try $0.weights }, embedding: model.decoder.embedding, norm: model.decoder.norm.scale,
      head: model.decoder.head, epsilon: sizes.rmsNormEpsilon, heads: sizes.headCount,
      keyHeads: sizes.keyValueHeadCount, width: sizes.headDimension)
    angles = try model.textAngles(positions: 256)
  }

  /// Bytes that a page of keys and values of such a model takes.
  package static func pageBytes(_ sizes: Qwen25VLConfiguration, _ dtype: DType) -> Int {
    KeyValuePages.bytes(
      layers: sizes.layerCount, keyHeads: sizes.keyValueHeadCount, width: sizes.headDimension, dtype: dtype)
  }

  /// Pages for some work: as many as it could use at once, or as many as a limit allows.
  ///
  /// - Parameters:
  ///   - prompts: tokens of the prompts that may be there together; not empty.
  ///   - rows: responses that are decoded at once.
  ///   - tokens: of a response at most.
  ///   - limit: bytes.
  /// - Throws: if the limit does not allow the longest prompt with one response.
  package static func pageCount(
    _ sizes: Qwen25VLConfiguration, _ dtype: DType, prompts: [Int], rows: Int, tokens: Int, limit: Int
  ) throws(ModelError) -> Int {
    let (response, longest) = (KeyValuePages.count(for: tokens), prompts.max() ?? 0)
    let counts = prompts.map(KeyValuePages.count).sorted(by: >)
    let bytes = pageBytes(sizes, dtype)
    let least = (counts.first ?? 0) + response
    guard least <= limit / bytes else {
      throw ModelError(
        code: "generation.cache",
        message: """
          a response of \(tokens) tokens to a prompt of \(longest) takes \(least * bytes) bytes of keys and values; \(limit) are \
          allowed
          """,
        advice: "raise rollout.cacheMegabytes (--cache-megabytes), or allow shorter prompts or responses")
    }
    return min(limit / bytes, counts.prefix(rows).reduce(0, +) + rows * (response + 1))
  }

  /// Reads a prompt into free pages; nil, and nothing done, if there are too few.
  ///
  /// - Parameter tokens: that will follow it at most.
  /// - Throws: if the prompt is none for this model, or what follows it would go past the last position that it knows.
  package func read(_ prompt: VisualPrompt, reaching tokens: Int = 0) throws -> Prompt? {
    guard let taken = pages.take(KeyValuePages.count(for: prompt.tokens.count)) else { return nil }
    do {
      return try withoutGradient {
        let state = try model.encode([prompt])
        let end = Int(state.nextPositions[0]) + tokens
        guard end <= model.configuration.maximumPositions else {
          throw ModelError.input(
            "prompt and response reach position \(end), the model knows \(model.configuration.maximumPositions)",
            advice: "shorten the prompt or allow fewer tokens")
        }
        for (index, layer) in state.layers.enumerated() {
          try pages.write(layer: index, keys: layer.keys.selected(0, 0), values: layer.values.selected(0, 0), into: taken)
        }
        return Prompt(
          pages: taken, length: prompt.tokens.count, nextPosition: state.nextPositions[0],
          logits: try model.logits(state.lastHidden))
      }
    } catch {
      pages.giveBack(taken)
      throw error
    }
  }

  package func forget(_ prompt: Prompt) { pages.giveBack(prompt.pages) }

  /// Sees to it that a sequence has room for one more token.
  ///
  /// - Returns: false if no page is free.
  package func extend(_ sequence: inout Sequence) -> Bool {
    guard sequence.length == sequence.pages.count * KeyValuePages.tokens else { return true }
    guard let page = pages.take(1) else { return false }
    sequence.pages += page
    return true
  }

  /// Gives a sequence's pages back; it is as before its first token then.
  package func forget(_ sequence: inout Sequence) {
    pages.giveBack(sequence.pages)
    sequence = Sequence()
  }

  /// One token of a step.
  package struct Token {
    package var id: Int32
    package var prompt: Prompt
    package var sequence: Sequence

    package init(_ id: Int32, after prompt: Prompt, _ sequence: Sequence) {
      self.id = id
      self.prompt = prompt
      self.sequence = sequence
    }
  }

  /// Adds a token to each of some sequences, which have room for it (`extend`). Their `length` is the caller's to count, by
  /// `advance`.
  ///
  /// - Returns: logits of the token after it, [tokens, vocabulary].
  package func logits(after tokens: [Token]) throws -> Tensor {
    let rows = tokens.map { token in
      TransformerDecoder.Sequence(
        token: token.id, position: token.prompt.nextPosition + Int32(token.sequence.length),
        promptLength: token.prompt.length, length: token.sequence.length + 1,
        pages: token.prompt.pages + token.sequence.pages)
    }
    let last = Int(rows.map(\.position).max() ?? 0)
    guard last < model.configuration.maximumPositions else {
      throw ModelError.input(
        "prompt and response reach position \(last), the model knows \(model.configuration.maximumPositions)",
        advice: "shorten the prompt or allow fewer tokens")
    }
    if last >= angles.cosine.size(0) {
      angles = try model.textAngles(positions: min(2 * (last + 1), model.configuration.maximumPositions))
    }
    return try decoder.step(rows, pages, angles: angles)
  }
}

extension Decoding.Sequence {
  /// Counts the token that a step has added.
  package mutating func advance() { length += 1 }
}

extension DecoderLayer {
  fileprivate var weights: TransformerDecoder.Layer {
    get throws {
      guard let bias = queriesKeysValues.bias else {
        throw ModelError.weights("queries, keys and values have no bias")
      }
      return TransformerDecoder.Layer(
        inputNorm: inputNorm.scale, queriesKeysValues: queriesKeysValues.weight, queriesKeysValuesBias: bias,
        output: output.weight, innerNorm: innerNorm.scale, gateAndUp: gateAndUp.weight, down: down.weight)
    }
  }
}

extension Qwen25VL {
  /// Angles of text: one position on all three axes.
  fileprivate func textAngles(positions: Int) throws -> (cosine: Tensor, sine: Tensor) {
    var rows = RotaryRows()
    for position in 0..<Int32(positions) { table.append(SIMD3(repeating: position), axes: axes, to: &rows) }
    let rotary = try rows.rotary([positions, configuration.headDimension], .float32, on: device)
    return (rotary.cosine, rotary.sine)
  }
}
