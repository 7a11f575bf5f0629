internal import Torch
package import VisionLanguage

/// Log-probabilities that a model gives to responses that are already there: of a policy, of the frozen reference, or of a
/// file's rows.
package enum PolicyScoring {
  package struct Scores: Sendable, Equatable {
    /// Nats, at temperature 1, one a token; per group, per response.
    package let logProbabilities: [[[Float]]]
    /// Entropy of the distribution each token was taken from, nats.
    package let entropies: [[[Float]]]
  }

  /// - Parameters:
  ///   - prompts: each read once for all of its responses.
  ///   - responses: token ids of each prompt's responses; every prompt has as many.
  ///   - rowsPerBatch: at most so many responses are worked on at once (a prompt's are never parted).
  package static func score(
    _ model: Qwen25VL, prompts: [VisualPrompt], responses: [[[Int32]]], rowsPerBatch: Int = 128
  ) throws -> Scores {
    guard prompts.count == responses.count else {
      throw ModelError(
        code: "model.input", message: "\(prompts.count) prompts for \(responses.count) groups of responses",
        advice: "give each group its prompt")
    }
    var (logProbabilities, entropies): ([[[Float]]], [[[Float]]]) = ([], [])
    let groupsPerBatch = max(1, rowsPerBatch / max(1, responses.first?.count ?? 1))
    for start in stride(from: 0, to: prompts.count, by: groupsPerBatch) {
      let groups = start..<min(start + groupsPerBatch, prompts.count)
      let batch = try Continuations(Array(responses[groups]))
      let (found, spread) = try withoutGradient {
        let result = try model.logProbabilities(after: model.encode(Array(prompts[groups])), batch)
        return (try result.logProbabilities.floats(), try result.entropies.floats())
      }
      logProbabilities += batch.unpadded(found)
      entropies += batch.unpadded(spread)
    }
    return Scores(logProbabilities: logProbabilities, entropies: entropies)
  }
}
