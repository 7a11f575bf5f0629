internal import DurableFiles
internal import Foundation
internal import Limits
internal import Tokenization

/// How thinking is put before a thinking-reward model, and how its score is read.
///
/// A conversation: the user shows image and question, the assistant's turn holds the thinking, the user asks for a score,
/// the assistant answers `0.0` to `1.0` in tenths. Everything up to the thinking is the same for a whole group and is read
/// once. The answer's first digit and, after `0.`, its tenth are each one token, so that the expected score is exact:
/// p(1) + p(0) * sum over d of p(d | 0.) d / 10, with p normalised over the digits that can stand there.
package struct ThinkingRewardForm: Sendable, Codable, Equatable {
  /// The system prompt; nil for a model that was trained for this alone.
  package var system: String?
  /// What the user says after the thinking.
  package var request: String
  /// Whether the model is not shown images; nil is no.
  package var blind: Bool?

  package init(system: String? = nil, request: String = "score ?") {
    self.system = system
    self.request = request
  }

  static let file = "thinking_reward.json"

  /// The form that a model's folder names, or the usual one.
  package init(folder: String) throws {
    guard FileManager.default.fileExists(atPath: "\(folder)/\(Self.file)") else {
      self.init()
      return
    }
    let bytes = try DurableFiles.read("\(folder)/\(Self.file)", limit: Limits.standard.models.configuration)
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(bytes))
    } catch {
      throw TrainingError(
        code: "thinking-model.form", message: "\(folder)/\(Self.file) is not a form of judging: \(error)",
        advice: "it holds \"request\" and, if wanted, \"system\"")
    }
  }

  package func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try DurableFiles.write(Array(try encoder.encode(self)) + [10], to: "\(folder)/\(Self.file)")
  }
}

/// The form as tokens of one tokenizer.
struct ThinkingRewardTokens {
  /// From the end of the thinking to the beginning of the score.
  let bridge: [Int32]
  /// `0` to `9`.
  let digits: [Int32]
  /// `.`
  let point: [Int32]
  let end: Int32
  private let tokenizer: Tokenizer

  init(_ form: ThinkingRewardForm, _ tokenizer: Tokenizer) throws {
    self.tokenizer = tokenizer
    bridge = tokenizer.encode(
      "<|im_end|>\n<|im_start|>user\n\(form.request)<|im_end|>\n<|im_start|>assistant\n", allowingSpecial: true)
    point = tokenizer.encode(".", allowingSpecial: false)
    end = tokenizer.imEnd
    digits = try (0...9).map { digit in
      let ids = tokenizer.encode("\(digit)", allowingSpecial: false)
      guard ids.count == 1 else {
        throw TrainingError(
          code: "thinking-model.tokenizer", message: "the tokenizer has no single token for the digit \(digit)",
          advice: "use a tokenizer that keeps digits apart, as Qwen2.5's does")
      }
      return ids[0]
    }
  }

  /// The thinking and the answer up to the place of the tenth; a digit stands there to be predicted.
  ///
  /// - Returns: the tokens, and the places of the first digit and of the tenth.
  func probe(_ thinking: String) -> (tokens: [Int32], first: Int, tenth: Int) {
    let read = tokenizer.encode(thinking, allowingSpecial: false) + bridge
    let tokens = read + [digits[0]] + point + [digits[0]]
    return (tokens, read.count, tokens.count - 1)
  }

  /// The thinking and its score as an example to learn: only the answer is learnt.
  ///
  /// - Parameter score: in [0, 1]; rounded to tenths.
  func example(_ thinking: String, score: Double) -> (tokens: [Int32], learnt: Range<Int>) {
    let read = tokenizer.encode(thinking, allowingSpecial: false) + bridge
    let tenths = Int((min(1, max(0, score)) * 10).rounded())
    let tokens = read + [digits[tenths / 10]] + point + [digits[tenths % 10], end]
    return (tokens, read.count..<tokens.count)
  }
}
