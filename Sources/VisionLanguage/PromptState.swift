package import Torch

/// Prompts that have been read once, for any number of continuations.
///
/// Part of the graph when made where gradients are recorded: training goes through it into the prompt and its images.
package struct PromptState {
  /// Tokens a prompt.
  package let lengths: [Int]
  /// The position, on all three axes, of the token after each prompt.
  package let nextPositions: [Int32]
  /// The decoder's last hidden state of each prompt's last token, normalised: [groups, hidden].
  package let lastHidden: Tensor
  let layers: [Layer]

  /// What a layer keeps of the prompts: [groups, keyHeads, paddedLength, headDimension] each.
  struct Layer {
    let keys: Tensor
    let values: Tensor
  }

  package var groups: Int { lengths.count }
  /// The longest prompt's length; shorter ones are padded at their end.
  package var paddedLength: Int { lengths.max() ?? 0 }
  var isPadded: Bool { lengths.contains { $0 != paddedLength } }
}

/// Continuations of prompts: `samples` for each of `groups` prompts, padded at their end to `paddedLength` tokens.
package struct Continuations: Sendable, Equatable {
  package let groups: Int
  package let samples: Int
  package let paddedLength: Int
  /// [groups, samples, paddedLength], 0 where padded.
  package let tokens: [Int32]
  /// [groups * samples]
  package let lengths: [Int]

  /// - Parameter responses: of each group; every group has as many.
  /// - Throws: if groups differ in size, or all is empty.
  package init(_ responses: [[[Int32]]]) throws(ModelError) {
    groups = responses.count
    samples = responses.first?.count ?? 0
    let samples = samples
    guard samples > 0, responses.allSatisfy({ $0.count == samples }) else {
      throw .input("groups of \(responses.map(\.count)) responses are no batch", advice: "give every group as many responses")
    }
    let rows = responses.flatMap { $0 }
    lengths = rows.map(\.count)
    let longest = lengths.max() ?? 0
    guard longest > 0 else { throw .input("every response is empty", advice: "leave empty responses out") }
    paddedLength = longest
    tokens = rows.flatMap { $0 + [Int32](repeating: 0, count: longest - $0.count) }
  }
}

extension Continuations {
  /// The entries of each continuation's tokens, by group.
  ///
  /// - Parameter values: [groups, samples, paddedLength].
  package func unpadded<Value>(_ values: [Value]) -> [[[Value]]] {
    (0..<groups).map { group in
      (group * samples..<(group + 1) * samples).map { row in
        Array(values[row * paddedLength..<row * paddedLength + lengths[row]])
      }
    }
  }
}
