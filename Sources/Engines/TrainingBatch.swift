internal import Torch
internal import VisionLanguage

/// Log-probabilities that were worked out before an update, of all its groups or of none: nats, [group][response][token].
struct KnownLogProbabilities {
  /// Of the frozen reference policy.
  var reference: [[[Float]]]?
  /// Of the policy at the start of the training step.
  var proximal: [[[Float]]]?

  subscript(groups: Range<Int>) -> KnownLogProbabilities {
    KnownLogProbabilities(reference: reference.map { Array($0[groups]) }, proximal: proximal.map { Array($0[groups]) })
  }
}

/// Groups as tensors. Each prompt is read once; the responses of every group stand in order of length and are cut into
/// parts, so that short ones are not padded to the longest of all.
struct TrainingBatch {
  /// Some of each group's responses: [groups, samples, longest response], 0 where padded.
  struct Part {
    let continuations: Continuations
    let behaviour: Tensor
    let advantages: Tensor
    /// 1 where there is a token.
    let mask: Tensor
    /// nil if the reference's log-probabilities are to be worked out.
    let reference: Tensor?
    /// nil if the proximal policy is the one that is being trained, as it is.
    let proximal: Tensor?
  }

  let prompts: [VisualPrompt]
  let parts: [Part]

  /// - Parameter known: of these groups.
  init(_ groups: ArraySlice<TrainingGroup>, known: KnownLogProbabilities, on device: Device) throws {
    prompts = groups.map(\.prompt)
    let samples = groups.first?.responses.count ?? 0
    guard samples > 0, groups.allSatisfy({ $0.responses.count == samples }) else {
      throw TrainingError.batch("groups of \(groups.map(\.responses.count)) responses are no batch")
    }
    // Of each group, its responses by length; responses of one length keep their order.
    let orders = groups.map { group in
      group.responses.indices.sorted {
        (group.responses[$0].tokens.count, $0) < (group.responses[$1].tokens.count, $1)
      }
    }
    let longest = (0..<samples).map { place in
      zip(groups, orders).reduce(0) { max($0, $1.0.responses[$1.1[place]].tokens.count) }
    }
    parts = try lengthParts(longest, rows: groups.count).map { places in
      let rows = zip(groups, orders).map { group, order in order[places].map { group.responses[$0] } }
      let continuations = try Continuations(rows.map { $0.map(\.tokens) })
      let length = continuations.paddedLength
      func tensor(_ values: [[Float]]) throws -> Tensor {
        guard values.map(\.count) == continuations.lengths else {
          throw TrainingError.batch("log-probabilities came for other tokens")
        }
        let padded = values.flatMap { $0 + [Float](repeating: 0, count: length - $0.count) }
        return try Tensor(padded, shape: [continuations.groups, continuations.samples, length], on: device)
      }
      func inOrder(_ known: [[[Float]]]) throws -> Tensor {
        try tensor(
          zip(known, orders).flatMap { known, order in
            order[places].map { known.indices.contains($0) ? known[$0] : [] }
          })
      }
      let responses = rows.flatMap { $0 }
      return Part(
        continuations: continuations,
        behaviour: try tensor(responses.map(\.behaviourLogProbabilities)),
        advantages: try tensor(responses.map { [Float](repeating: $0.advantage, count: $0.tokens.count) }),
        mask: try tensor(responses.map { [Float](repeating: 1, count: $0.tokens.count) }),
        reference: try known.reference.map(inOrder), proximal: try known.proximal.map(inOrder))
    }
  }
}
