package import DataSets
internal import Foundation

/// The outcome reward Ro of one response: 0 unless it keeps to the format, else how right its answer is.
///
/// - Parameters:
///   - response: the whole response.
///   - solution: with or without `<answer>` tags.
/// - Returns: in [0, 1]; exactly 0 or 1 for `numerical`, `multiple choice` and `text`.
package func outcomeReward(response: String, solution: String, type: ProblemType) -> Double {
  guard let answer = formattedAnswer(response) else { return 0 }
  return answerReward(answer, truth: solutionBytes(solution), type: type)
}

/// How right an answer is, whatever it came in.
///
/// - Returns: in [0, 1].
package func answerReward(_ answer: String, solution: String, type: ProblemType) -> Double {
  answerReward(UTF8Text(answer.utf8), truth: solutionBytes(solution), type: type)
}

private func answerReward(_ answer: UTF8Text, truth: UTF8Text, type: ProblemType) -> Double {
  switch type {
  case .numerical: return equalAsMathematics(answer, truth) ? 1 : 0
  case .multipleChoice: return sameChoice(answer, truth) ? 1 : 0
  case .opticalCharacters: return exp(-wordErrorRate(answer, reference: truth))
  case .freeForm: return rouge(answer, reference: truth).mean
  case .text: return sameText(answer, truth) ? 1 : 0
  }
}
