internal import Foundation
package import Torch
package import VisionLanguage

/// A model that judges thinking: shown question, image and thinking, it gives a score in [0, 1].
///
/// Same architecture as the policy. A score depends on its own trace alone, but for the last bits of rounding; traces are
/// scored in one fixed batch a group, so that the same group gives the same bits.
package final class ThinkingRewardModel {
  package let model: Qwen25VL
  package let encoder: PromptEncoder
  package let form: ThinkingRewardForm
  /// Whether a score is the mean of what the model may answer, or what it would write.
  private let isExpectation: Bool
  private let tokens: ThinkingRewardTokens
  private let digits: Tensor

  package init(
    model: Qwen25VL, encoder: PromptEncoder, form: ThinkingRewardForm = ThinkingRewardForm(), isExpectation: Bool = true
  ) throws {
    self.isExpectation = isExpectation
    self.model = model
    self.encoder = encoder
    self.form = form
    tokens = try ThinkingRewardTokens(form, encoder.tokenizer)
    digits = try Tensor(tokens.digits, on: model.device)
  }

  package convenience init(
    folder: String, dtype: DType = .float32, device: Device = .cpu, isExpectation: Bool = true
  ) throws {
    let loaded = try LoadedPolicy(folder: folder, dtype: dtype, device: device)
    try self.init(
      model: loaded.model, encoder: loaded.encoder, form: ThinkingRewardForm(folder: folder), isExpectation: isExpectation)
  }

  /// - Parameters:
  ///   - files: whole PNG or JPEG files; a blind model is not shown them.
  ///   - name: names the row in errors.
  package func prompt(problem: String, files: [[UInt8]], name: String) throws -> VisualPrompt {
    try encoder.encode(problem: problem, system: form.system, files: form.blind == true ? [] : files, name: name)
  }

  /// Scores the traces of one group; question and image are read once.
  ///
  /// - Parameter thinking: what stands between the tags; nil or blank has no score.
  /// - Returns: the expected score of each, in [0, 1], finite; nil where it is missing.
  package func scores(_ question: VisualPrompt, thinking: [String?]) throws -> [Double?] {
    let present = thinking.indices.filter {
      thinking[$0]?.contains { !$0.isWhitespace } ?? false
    }
    guard !present.isEmpty else { return thinking.map { _ in nil } }
    let probes = present.map { tokens.probe(thinking[$0] ?? "") }
    let batch = try Continuations([probes.map(\.tokens)])
    let logits: [Double] = try withoutGradient {
      let hidden = try model.hidden(after: model.encode([question]), batch).flattened(0, 2)
      let places = probes.enumerated().flatMap { row, probe in
        [row * batch.paddedLength + probe.first, row * batch.paddedLength + probe.tenth]
      }
      let chosen = try hidden.indexSelected(0, Tensor(places, on: model.device))
      return try model.logits(chosen).indexSelected(1, digits).cast(to: .float32).values()
    }
    var scores = [Double?](repeating: nil, count: thinking.count)
    for (row, index) in present.enumerated() {
      let (first, tenth) = (logits[row * 20..<row * 20 + 10], logits[row * 20 + 10..<row * 20 + 20])
      scores[index] = isExpectation ? Self.expectation(first: first, tenth: tenth) : Self.written(first: first, tenth: tenth)
    }
    return scores
  }

  /// - Parameters:
  ///   - first: logits of the digits 0 to 9 in front of the point, of which 0 and 1 can stand there.
  ///   - tenth: logits of the digits behind `0.`.
  /// - Returns: nil if they are no numbers.
  static func expectation(first: ArraySlice<Double>, tenth: ArraySlice<Double>) -> Double? {
    let (zero, one) = (first[first.startIndex], first[first.startIndex + 1])
    let certainty = 1 / (1 + exp(zero - one))  // p(1)
    let largest = tenth.max() ?? 0
    let weights = tenth.map { exp($0 - largest) }
    let expected = zip(weights, 0...9).reduce(0) { $0 + $1.0 * Double($1.1) / 10 } / weights.reduce(0, +)
    let score = certainty + (1 - certainty) * expected
    return score.isFinite ? min(1, max(0, score)) : nil
  }

  /// What greedy sampling writes: `1.0`, or `0.` and the likeliest digit, the smallest of equals. Arguments as for
  /// `expectation`.
  static func written(first: ArraySlice<Double>, tenth: ArraySlice<Double>) -> Double? {
    guard first.prefix(2).allSatisfy(\.isFinite), tenth.allSatisfy(\.isFinite), let most = tenth.max(),
      let digit = tenth.firstIndex(of: most)
    else { return nil }
    return first[first.startIndex + 1] > first[first.startIndex] ? 1 : Double(digit - tenth.startIndex) / 10
  }

  /// An example from which the model learns to score.
  ///
  /// - Parameter score: in [0, 1].
  package func example(_ question: VisualPrompt, thinking: String, score: Double) -> SupervisedExample {
    let (response, learnt) = tokens.example(thinking, score: score)
    return SupervisedExample(prompt: question, response: response, learnt: learnt)
  }
}
